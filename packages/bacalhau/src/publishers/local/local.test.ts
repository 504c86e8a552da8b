import assert from 'node:assert/strict'
import { readdir, readFile, utimes } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import type { SpecConfig } from '@bacalhau/models'
import { folderWith, temporaryFolder } from '../../content/testing/temporary.ts'
import { unpack } from '../../content/unpack.ts'
import { handClock } from '../../network/fixtures/hand-clock.ts'
import { systemRandom } from '../../runtime/random.ts'
import { describePublisher } from '../compliance.ts'
import { createLocalPublisher, type LocalPublisherOptions } from './local.ts'

const { signal } = new AbortController()
const spec: SpecConfig = { Type: 'local' }
const DAY = 24 * 60 * 60_000

async function publisherOf(context: TestContext, more: Partial<LocalPublisherOptions> = {}) {
  const folder = path.join(await temporaryFolder(context), 'archives')
  const own = { folder, address: '127.0.0.1', port: 0, days: 30, clock: handClock(), random: systemRandom }
  const publisher = await createLocalPublisher({ ...own, ...more })
  context.after(() => publisher.stop())
  return { publisher, folder: more.folder ?? folder }
}

const urlOf = ({ Params }: SpecConfig): URL => new URL(String(Params?.['URL']))

async function unpacked(context: TestContext, result: SpecConfig): Promise<Record<string, string>> {
  const { body } = await fetch(urlOf(result))
  assert.ok(body)
  const folder = path.join(await temporaryFolder(context), 'folder')
  await unpack(body, folder, { maxBytes: 1e9, maxFiles: 100, signal })
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name))
  const read = files.map(async (file) => [path.relative(folder, file), await readFile(file, 'utf8')] as const)
  return Object.fromEntries(await Promise.all(read))
}

describePublisher('local', async (context) => ({
  ...(await publisherOf(context)),
  spec,
  fetch: (result) => unpacked(context, result),
}))

describe('results that the node serves, point 22', () => {
  const publish = async (context: TestContext, more: Partial<LocalPublisherOptions> = {}) => {
    const { publisher, folder } = await publisherOf(context, more)
    const results = await folderWith(context, { stdout: 'out' })
    const request = { orchestrator: 'QmO', jobId: 'j-1', executionId: 'e-1', folder: results, spec }
    return {
      folder,
      publisher,
      url: urlOf(await publisher.publish(request, signal)),
      again: () => publisher.publish(request, signal),
    }
  }
  const statusOf = async (url: string | URL, init?: RequestInit) => {
    const answer = await fetch(url, init)
    await answer.bytes()
    return answer.status
  }

  test('have an address that nobody can guess', async (context) => {
    const { url, again } = await publish(context)
    assert.match(url.pathname, /^\/[\w-]{43}\/e-1\.tar\.gz$/)
    assert.notEqual(urlOf(await again()).pathname, url.pathname)
    const [, token = ''] = url.pathname.split('/')
    for (const place of [
      '/',
      '/e-1.tar.gz',
      `/${token}`,
      `/${token}/`,
      `/${token}/e-2.tar.gz`,
      `/${token}/../${token}/e-1.tar.gz/`,
      `/${'x'.repeat(43)}/e-1.tar.gz`,
      `/${token}/partial`,
    ]) {
      assert.equal(await statusOf(new URL(place, url)), 404, place)
    }
    assert.equal(await statusOf(url), 200)
    assert.equal(await statusOf(new URL(url.href.replace('.tar.gz', '.tgz'))), 200)
    assert.equal(await statusOf(url, { method: 'PUT', body: 'x' }), 405)
  })

  test('can be fetched from a byte on', async (context) => {
    const { url } = await publish(context)
    const whole = Buffer.from(await (await fetch(url)).arrayBuffer())
    const rest = await fetch(url, { headers: { range: 'bytes=10-', 'if-range': '"e-1.tar.gz"' } })
    assert.deepEqual(
      [rest.status, rest.headers.get('content-range')],
      [206, `bytes 10-${whole.length - 1}/${whole.length}`],
    )
    assert.deepEqual(Buffer.from(await rest.arrayBuffer()), whole.subarray(10))
    assert.equal(await statusOf(url, { headers: { range: `bytes=${whole.length}-` } }), 416)
    for (const headers of [
      { range: 'bytes=5-', 'if-range': '"other"' },
      { range: 'bytes=-5' },
      { range: 'lines=1-' },
    ]) {
      assert.equal(await statusOf(url, { headers }), 200)
    }
    const head = await fetch(url, { method: 'HEAD' })
    assert.equal(head.headers.get('content-length'), String(whole.length))
  })

  test('are there again after a restart, at the same port', async (context) => {
    const { url, publisher, folder } = await publish(context)
    await publisher.stop()
    await assert.rejects(fetch(url))
    await publisherOf(context, { folder, port: Number(url.port) })
    assert.equal(await statusOf(url), 200)
  })

  test('are removed after as many days as the operator has set', async (context) => {
    const hand = handClock()
    const { url, folder, again } = await publish(context, { clock: { ...hand, now: () => Date.now() } })
    const [name = ''] = await readdir(folder)
    const old = new Date(Date.now() - 31 * DAY)
    await utimes(path.join(folder, name), old, old)
    const young = urlOf(await again())
    await hand.advance(60 * 60_000)
    await new Promise((resolve) => setImmediate(resolve))
    while ((await readdir(folder)).length > 1) await new Promise((resolve) => setImmediate(resolve))
    assert.deepEqual([await statusOf(url), await statusOf(young)], [404, 200])
  })

  test('are not published where the port is taken; nothing listens before', async (context) => {
    const other = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => other.once('listening', resolve))
    context.after(() => other.close())
    const { port } = other.address() as AddressInfo
    await assert.rejects(publish(context, { port }), { code: 'PublishFailed', message: /port \d+ is in use/ })
  })

  test('have the address that the operator has set', async (context) => {
    const { url } = await publish(context, { address: 'localhost' })
    assert.equal(url.hostname, 'localhost')
  })
})
