import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import type { SpecConfig } from '@bacalhau/models'
import { folderWith, temporaryFolder } from '../../content/testing/temporary.ts'
import { createLocalPublisher } from '../../publishers/local/local.ts'
import { createS3Publisher } from '../../publishers/s3/s3.ts'
import { createResultSigner } from '../../publishers/s3/sign-results.ts'
import { systemClock } from '../../runtime/clock.ts'
import { silentLogger } from '../../runtime/logger.ts'
import { systemRandom } from '../../runtime/random.ts'
import { startServer } from '../../sources/fixtures/hostile-server.ts'
import { BUCKET, s3ClientsOf, startS3Server } from '../../sources/fixtures/s3-server.ts'
import { withSignedUrls } from '../job/signed-results.ts'
import { silentProgress } from '../terminal/progress.ts'
import { download } from './download.ts'

const { signal } = new AbortController()
const FILES = { stdout: 'out', stderr: '', exitCode: '0', 'outputs/a/b': 'deep' }
const nobody = {
  data: { get: () => Promise.reject(new Error('not asked')), ls: () => Promise.reject(new Error('not asked')) },
}

async function fetched(context: TestContext, published: SpecConfig, inner = '', env: Record<string, string> = {}) {
  const folder = await temporaryFolder(context)
  const target = path.join(folder, 'results')
  const world = { progress: silentProgress, clock: systemClock, tell: async () => undefined, signal, env }
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

describe('results that are not in IPFS', () => {
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
