import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { Readable } from 'node:stream'
import { describe, type TestContext, test } from 'node:test'
import { createGzip } from 'node:zlib'
import type { SpecConfig } from '@bacalhau/models'
import { packFolder } from '../../content/pack-folder.ts'
import { folderWith, gather, temporaryFolder } from '../../content/testing/temporary.ts'
import { createLocalPublisher } from '../../publishers/local/local.ts'
import { createS3Publisher } from '../../publishers/s3/s3.ts'
import { createResultSigner } from '../../publishers/s3/sign-results.ts'
import { type Clock, systemClock } from '../../runtime/clock.ts'
import { silentLogger } from '../../runtime/logger.ts'
import { systemRandom } from '../../runtime/random.ts'
import { inParts, startServer } from '../../sources/fixtures/hostile-server.ts'
import { BUCKET, s3ClientsOf, startS3Server } from '../../sources/fixtures/s3-server.ts'
import { withSignedUrls } from '../job/signed-results.ts'
import { silentProgress } from '../terminal/progress.ts'
import { download } from './download.ts'

const { signal } = new AbortController()
/** The node that is asked is on this machine, as are those that serve results. */
const node = 'http://127.0.0.1:1234'
const FILES = { stdout: 'out', stderr: '', exitCode: '0', 'outputs/a/b': 'deep' }
const nobody = {
  data: { get: () => Promise.reject(new Error('not asked')), ls: () => Promise.reject(new Error('not asked')) },
}

async function fetched(context: TestContext, published: SpecConfig, inner = '', env: Record<string, string> = {}) {
  const folder = await temporaryFolder(context)
  const target = path.join(folder, 'results')
  const world = { progress: silentProgress, clock: systemClock, tell: async () => undefined, signal, env, node }
  await download(nobody, [{ source: { published, inner }, target }], world)
  assert.deepEqual(await readdir(folder), ['results'], 'nothing else is left')
  return filesIn(target)
}

async function filesIn(place: string): Promise<Record<string, string> | string> {
  const entries = await readdir(place, { recursive: true, withFileTypes: true }).catch(() => undefined)
  if (entries === undefined) return readFile(place, 'utf8')
  const files = entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name))
  const read = files.map(async (file) => [path.relative(place, file), await readFile(file, 'utf8')] as const)
  return Object.fromEntries(await Promise.all(read))
}

const requestOf = async (context: TestContext, spec: SpecConfig) => ({
  orchestrator: 'QmO',
  jobId: 'j-1',
  executionId: 'e-1',
  folder: await folderWith(context, FILES),
  spec,
})

describe('results that are not in IPFS, point 23', () => {
  test('are fetched from the node that serves them, all or a part', async (context) => {
    const folder = path.join(await temporaryFolder(context), 'archives')
    const own = { folder, address: '127.0.0.1', port: 0, days: 1, clock: systemClock, random: systemRandom }
    const publisher = await createLocalPublisher(own)
    context.after(() => publisher.stop())
    const result = await publisher.publish(await requestOf(context, { Type: 'local' }), signal)
    assert.deepEqual(await fetched(context, result), FILES)
    assert.deepEqual(await fetched(context, result, 'outputs/a'), { b: 'deep' })
    assert.equal(await fetched(context, result, 'stdout'), 'out')
    await assert.rejects(fetched(context, result, 'nothing'), { code: 'NotFound' })
    assert.deepEqual(await fetched(context, result, '../../outputs/a'), { b: 'deep' })
  })

  test('are fetched from S3, with our credentials or a URL that was signed', async (context) => {
    const server = await startS3Server()
    context.after(() => server.stop())
    const clients = s3ClientsOf(server)
    context.after(() => clients.stop())
    const publisher = createS3Publisher({ clients, clock: systemClock, nodeId: 'n' })
    const publish = async (Encoding: string) => {
      const Params = { Bucket: BUCKET, Key: `${Encoding}/{jobID}`, Endpoint: server.endpoint, Encoding }
      return publisher.publish(await requestOf(context, { Type: 's3', Params }), signal)
    }
    const archive = await publish('gzip')
    assert.deepEqual(await fetched(context, archive, '', server.env), FILES)
    assert.deepEqual(await fetched(context, await publish('plain'), '', server.env), FILES)
    const sign = createResultSigner({ clients, logger: silentLogger, others: true, lasting: 60_000 })
    const results = async () => [{ Type: 'ipfs' }, await sign(archive, 'j-1')]
    const [item] = await withSignedUrls([{ source: { published: archive, inner: '' }, target: '/x' }], results)
    assert.ok(item !== undefined && typeof item.source !== 'string')
    assert.equal(item.source.published.Type, 's3PreSigned')
    assert.deepEqual(await fetched(context, item.source.published), FILES)
  })

  test('need nobody to sign anything where none is in S3', async () => {
    const items = [
      { source: 'Qm', target: '/x' },
      { source: { published: { Type: 'urlDownload' }, inner: '' }, target: '/y' },
    ]
    assert.deepEqual(await withSignedUrls(items, () => Promise.reject(new Error('not asked'))), items)
  })

  test('that are no archive, or not there, leave nothing', async (context) => {
    const server = await startServer(context, { '/bad': (_, response) => response.end('no archive') })
    const at = (URL: string): SpecConfig => ({ Type: 'urlDownload', Params: { URL } })
    await assert.rejects(fetched(context, at(server.url('/bad'))), { code: 'ContentInvalid' })
    await assert.rejects(fetched(context, at(server.url('/gone'))), { code: 'InputFailed', message: /answers 404/ })
    await assert.rejects(fetched(context, at('file:///etc/passwd')), { code: 'BadAnswer' })
    await assert.rejects(fetched(context, { Type: 's3', Params: { Bucket: 'x', Key: 'y' } }), { code: 'Forbidden' })
  })
})

describe('an archive of results, point 24: no partial file is reused wrongly', () => {
  const hurried: Clock = { ...systemClock, after: (delay, action) => systemClock.after(Math.min(delay, 1), action) }

  /** Fetches into the same folder again and again, from a server that does as the test says. */
  async function bench(context: TestContext) {
    const folder = await temporaryFolder(context)
    const packed = Readable.from(packFolder(await folderWith(context, LARGE)), { objectMode: false })
    const archive = await gather(packed.pipe(createGzip()))
    let answer: Parameters<typeof startServer>[1][string] = inParts(archive)
    const server = await startServer(context, { '/x.tar.gz': (...call) => answer(...call) })
    const get = async (params: object = {}, stopped = new AbortController()) => {
      const published = { Type: 's3PreSigned', Params: { PreSignedURL: server.url('/x.tar.gz'), ...params } }
      const world = {
        progress: silentProgress,
        clock: hurried,
        tell: async () => undefined,
        signal: stopped.signal,
        node,
      }
      await download(nobody, [{ source: { published, inner: '' }, target: path.join(folder, 'results') }], world)
      return filesIn(path.join(folder, 'results'))
    }
    /** The first half comes; then whoever waits for the rest gives up. */
    const half = async (params: object = {}) => {
      const stopped = new AbortController()
      answer = (request, response) => {
        if (request.headers.range === undefined)
          return inParts(archive, { most: archive.length >> 1 })(request, response)
        stopped.abort(new Error('interrupted'))
      }
      await assert.rejects(get(params, stopped), /interrupted/)
      server.asked.length = 0
    }
    const serve = (next: typeof answer) => (answer = next)
    const left = async () => (await readdir(folder)).filter((name) => name !== 'results')
    return { archive, server, get, half, serve, left }
  }

  /** Something that a compressor cannot make small. */
  const LARGE = { stdout: randomBytes(200_000).toString('hex') }

  test('goes on where it was, also by a URL that was signed anew', async (context) => {
    const { archive, server, get, half, serve, left } = await bench(context)
    await half({ PreSignedURL: `${server.url('/x.tar.gz')}?signature=1` })
    serve(inParts(archive))
    assert.deepEqual(await get({ PreSignedURL: `${server.url('/x.tar.gz')}?signature=2` }), LARGE)
    // How much of what was sent has come before the connection broke is not known.
    const from = Number(/^GET \/x\.tar\.gz bytes=(\d+)-$/.exec(server.asked.join())?.[1])
    assert.ok(from > 0 && from < archive.length >> 1, server.asked.join())
    assert.deepEqual(await left(), [], 'nothing else is left')
  })

  test('begins anew when it is another one by now, or the server knows no parts', async (context) => {
    const { archive, server, get, half, serve } = await bench(context)
    await half()
    serve(inParts(archive, { etag: '"2"' }))
    assert.deepEqual(await get(), LARGE)
    assert.equal(server.asked.length, 1)
    for (const status of [416, 404]) {
      const again = await bench(context)
      await again.half()
      again.serve((request, response) => {
        if (request.headers.range !== undefined) response.writeHead(status).end()
        else inParts(archive)(request, response)
      })
      assert.deepEqual(await again.get(), LARGE)
      assert.deepEqual(again.server.asked.length, 2)
    }
  })

  test('is checked against what its publisher has said, and what is wrong is thrown away', async (context) => {
    const { archive, get, half, serve, left } = await bench(context)
    const right = createHash('sha256').update(archive).digest('base64')
    const told = (ChecksumSHA256: string) => ({ SourceSpec: { Bucket: 'b', Key: 'k.tar.gz', ChecksumSHA256 } })
    await half(told(right))
    // Another archive that pretends to be the same one.
    const forged = Buffer.from(archive)
    forged[archive.length - 20_000] = (forged[archive.length - 20_000] ?? 0) ^ 0xff
    serve(inParts(forged))
    await assert.rejects(get(told(right)), { code: 'ContentInvalid', message: /not what was published/ })
    assert.deepEqual(await left(), [])
    serve(inParts(archive))
    assert.deepEqual(await get(told(right)), LARGE)
  })

  test('is fetched twice into the same folder', async (context) => {
    const { get } = await bench(context)
    assert.deepEqual(await get(), LARGE)
    assert.deepEqual(await get(), LARGE)
  })
})

describe('results in the bucket of the orchestrator', () => {
  const managed: SpecConfig = { Type: 's3managed', Params: { JobID: 'j-1', ExecutionID: 'e-2' } }
  const items = [{ source: { published: managed, inner: '' }, target: '/x' }]
  const signed = (Key: string): SpecConfig => ({
    Type: 's3PreSigned',
    Params: { SourceSpec: { Bucket: 'b', Key }, PreSignedURL: 'https://b.example/', Managed: true },
  })

  test('are fetched by the URL that was signed for their execution', async () => {
    const results = async () => [signed('p/j-1/e-1.tar.gz'), signed('p/j-1/e-2.tar.gz')]
    const [item] = await withSignedUrls(items, results)
    assert.ok(item !== undefined && typeof item.source !== 'string')
    assert.deepEqual(item.source.published, signed('p/j-1/e-2.tar.gz'))
  })

  test('cannot be fetched where none is signed, and that is said', async (context) => {
    assert.deepEqual(await withSignedUrls(items, async () => [managed]), items)
    await assert.rejects(fetched(context, managed), { code: 'NotFound', hint: /S3Managed.Bucket/ })
  })
})
