import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import { temporaryApi } from '../packages/bacalhau/src/api/testing/api.ts'
import { LIMITS } from '../packages/bacalhau/src/runtime/limits.ts'

const page = await readFile(path.join(import.meta.dirname, '..', 'docs', 'api.md'), 'utf8')

/** Rows of the table of routes: methods and path. */
const routes = [...page.matchAll(/^\| ([A-Z, ]+?) *\| `(\/[^`]+)`/gm)].flatMap(([, methods = '', route = '']) =>
  methods.split(', ').map((method) => ({ method, route })),
)

test('the API has every route that the page names, and no other method of it', async (context) => {
  const { url } = await temporaryApi(context)
  assert.ok(routes.length > 20, String(routes.length))
  const methods = Map.groupBy(routes, ({ route }) => route)
  for (const [route, named] of methods) {
    const target = `${url}${route.replaceAll(/:\w+/g, 'x').replace('…', 'y')}`
    const response = await fetch(target, { method: 'PATCH' })
    assert.equal(response.status, 405, route)
    const allowed = (response.headers.get('allow') ?? '').split(', ').filter((method) => method !== 'HEAD')
    // One path may have rows of several methods, and be that of a thing with such a name as well.
    const also = /\/:\w+$/.test(route) ? [] : (methods.get(route.replace(/[^/]+$/, ':id')) ?? [])
    const expected = new Set([...named, ...also].map(({ method }) => method))
    assert.deepEqual(allowed, [...expected].toSorted(), route)
  }
})

test('every example of an answer is JSON', () => {
  const examples = [...page.matchAll(/^```json\n(.*?)^```/gms)]
  assert.ok(examples.length > 8, String(examples.length))
  for (const [, example = ''] of examples) assert.doesNotThrow(() => JSON.parse(example) as unknown, example)
})

test('the bounds that the page tells are those of the program', () => {
  const text = page.replaceAll(/\s+/g, ' ')
  for (const words of [
    `up to ${LIMITS.requestBody / 2 ** 20} MiB and ${LIMITS.jsonDepth} levels deep`,
    `within ${LIMITS.requestHeaders / 1_000} seconds, a JSON body within ${LIMITS.requestArrival / 1_000}`,
    `at most ${LIMITS.runWait / 60_000} minutes`,
    `\`?wait=<seconds>\`, up to ${LIMITS.longPoll / 1_000}`,
    `come every ${LIMITS.logPing / 1_000} seconds`,
    `within ${LIMITS.contentLookup / 1_000} seconds`,
    `over ${LIMITS.listedEntries.toLocaleString('en-US')} entries`,
    `the last ${LIMITS.outputsKept.toLocaleString('en-US')} executions`,
    `first ${LIMITS.outputSummary / 2 ** 10} KiB`,
  ]) {
    assert.ok(text.includes(words), words)
  }
})
