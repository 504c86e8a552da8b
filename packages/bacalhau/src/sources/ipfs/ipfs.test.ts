import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import type { SpecConfig } from '@bacalhau/models'
import { startTestHosts } from '../../network/fixtures/test-host.ts'
import type { Content } from '../../content/content.ts'
import { flow, folderWith, temporaryContent, temporaryFolder } from '../../content/testing/temporary.ts'
import { describeSource } from '../compliance.ts'
import { createDiskRoom } from '../disk-room.ts'
import { openInputCache } from '../input-cache.ts'
import { createIpfsSource } from './ipfs.ts'

const MISSING = 'bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e'
const spec = (CID: unknown, Path?: string): SpecConfig => ({
  Type: 'ipfs',
  Params: { CID, ...(Path === undefined ? {} : { Path }) },
})
const { signal } = new AbortController()

describeSource('ipfs', async (context) => {
  const content = await temporaryContent(context)
  const folder = await content.add(await folderWith(context, { 'a/b': 'one', c: 'two' }))
  const file = await content.add(flow('three'))
  const cid = folder.cid.toString()
  return {
    source: createIpfsSource({
      content,
      cache: await openInputCache(path.join(await temporaryFolder(context), 'inputs')),
      room: createDiskRoom(async () => Number.MAX_SAFE_INTEGER),
      maxBytes: 1e9,
    }),
    good: [
      { spec: spec(cid), holds: { 'a/b': 'one', c: 'two' } },
      { spec: spec(file.cid.toString()), holds: 'three' },
      { spec: spec(`${cid}/a`), holds: { b: 'one' } },
      { spec: spec(cid, '/a/b'), holds: 'one' },
    ],
    invalid: [spec(undefined), spec(7), spec(''), spec('nonsense'), spec(`${cid}/../x`), { Type: 'ipfs' }],
    missing: spec(MISSING),
  }
})

/** A source over content that counts what is exported from it. */
async function counting(context: TestContext, content: Content, capacity?: number) {
  const folder = path.join(await temporaryFolder(context), 'inputs')
  let exported = 0
  const counted: Pick<Content, 'has' | 'stat' | 'export'> = {
    has: (ref) => content.has(ref),
    stat: (ref, options) => content.stat(ref, options),
    export: (...parameters) => {
      exported += 1
      return content.export(...parameters)
    },
  }
  const cache = await openInputCache(folder, capacity === undefined ? {} : { capacity })
  const room = createDiskRoom(async () => Number.MAX_SAFE_INTEGER)
  const source = createIpfsSource({ content: counted, cache, room, maxBytes: 1e9 })
  return { source, folder, exported: () => exported }
}

describe('inputs from ipfs, point 19', () => {
  test('are written once for executions at the same time and after each other', async (context) => {
    const content = await temporaryContent(context)
    const { cid } = await content.add(flow('shared'))
    const { source, exported } = await counting(context, content)
    const prepare = () => source.prepare(spec(cid.toString()), '/nowhere', signal)
    const inputs = await Promise.all([prepare(), prepare()])
    for (const input of inputs) await input.release()
    await prepare()
    assert.equal(exported(), 1)
  })

  test('outlive those who used them, as long as there is room, but never go while one is in use', async (context) => {
    const content = await temporaryContent(context)
    const cids = await Promise.all(
      ['a', 'b', 'c'].map(async (name) => (await content.add(flow(name.repeat(1_000)))).cid.toString()),
    )
    const { source, folder } = await counting(context, content, 1_500)
    const [a, b, c] = await Promise.all(cids.map((cid) => source.prepare(spec(cid), '/nowhere', signal)))
    await b!.release()
    assert.equal((await readdir(folder)).length, 3)
    await a!.release()
    assert.ok(!existsSync(b!.hostPath), 'the one that was idle first has gone')
    assert.ok(existsSync(a!.hostPath))
    await a!.release()
    assert.equal(await readFile(c!.hostPath, 'utf8'), 'c'.repeat(1_000))
    await c!.release()
    assert.deepEqual(
      (await readdir(folder)).map((name) => path.join(folder, name)),
      [c!.hostPath],
    )
  })

  test('that went are written anew', async (context) => {
    const content = await temporaryContent(context)
    const { cid } = await content.add(flow('again'))
    const { source, exported } = await counting(context, content, 0)
    for (const round of [1, 2]) {
      const input = await source.prepare(spec(cid.toString()), '/nowhere', signal)
      assert.equal(await readFile(input.hostPath, 'utf8'), 'again')
      await input.release()
      assert.equal(exported(), round)
    }
  })

  test('survive that one of two who wait for them gives up', async (context) => {
    const content = await temporaryContent(context)
    const { cid } = await content.add(flow('wanted'))
    const { source } = await counting(context, content)
    const controller = new AbortController()
    const first = source.prepare(spec(cid.toString()), '/nowhere', controller.signal)
    const second = source.prepare(spec(cid.toString()), '/nowhere', signal)
    controller.abort(new Error('changed my mind'))
    await assert.rejects(first, /changed my mind/)
    assert.equal(await readFile((await second).hostPath, 'utf8'), 'wanted')
  })

  test('of a former process are not trusted', async (context) => {
    const folder = path.join(await temporaryFolder(context), 'inputs')
    await mkdir(path.join(folder, 'half'), { recursive: true })
    await writeFile(path.join(folder, 'half', 'written'), 'x')
    await openInputCache(folder)
    assert.deepEqual(await readdir(folder), [])
  })

  test('are measured without being fetched, and come from a peer', async (context) => {
    const [ours, theirs] = await startTestHosts(context, 2)
    const content = await temporaryContent(context, { host: ours })
    const holder = await temporaryContent(context, { host: theirs! })
    const { cid } = await holder.add(await folderWith(context, { file: 'x'.repeat(500_000) }))
    const { source } = await counting(context, content)
    const before = await source.measure(spec(cid.toString()), signal)
    assert.ok(before.bytes >= 500_000 && before.bytes < 501_000 && !before.local, JSON.stringify(before))
    const input = await source.prepare(spec(cid.toString()), '/nowhere', signal)
    assert.equal((await readFile(path.join(input.hostPath, 'file'))).length, 500_000)
    assert.ok((await source.measure(spec(cid.toString()), signal)).local)
  })
})
