import assert from 'node:assert/strict'
import { createWriteStream } from 'node:fs'
import { mkdir, readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import { after, before, describe, type TestContext, test } from 'node:test'
import { PutObjectCommand } from '@aws-sdk/client-s3'
import type { SpecConfig } from '@bacalhau/models'
import { folderWith, temporaryFolder } from '../../content/testing/temporary.ts'
import { packFolder } from '../../content/pack-folder.ts'
import { createGzip } from 'node:zlib'
import { Readable } from 'node:stream'
import { createHash } from 'node:crypto'
import { systemClock } from '../../runtime/clock.ts'
import { systemRandom } from '../../runtime/random.ts'
import { describeSource } from '../compliance.ts'
import { createDiskRoom } from '../disk-room.ts'
import { BUCKET, s3ClientsOf, type S3Server, startS3Server } from '../fixtures/s3-server.ts'
import { openInputCache } from '../input-cache.ts'
import { createOutbound } from '../outbound/outbound.ts'
import { createS3Source } from '../s3/s3.ts'
import { WHOLE } from '../source.ts'
import { createJobSource, type JobSourceOptions } from './job.ts'
import { openedJobInput, parseWantedResults } from './params.ts'

const { signal } = new AbortController()
const FILES = { stdout: 'out', exitCode: '0', 'outputs/a/b': 'deep' }
let server: S3Server

before(async () => {
  server = await startS3Server()
})
after(() => server.stop())

async function archiveOf(context: TestContext, files: Readonly<Record<string, string>> = FILES): Promise<string> {
  const file = path.join(await temporaryFolder(context), 'archive.tar.gz')
  const packed = Readable.from(packFolder(await folderWith(context, files)), { objectMode: false })
  await pipeline(packed, createGzip(), createWriteStream(file))
  return file
}

async function sourceOf(context: TestContext, options: Partial<JobSourceOptions> = {}) {
  const folder = await temporaryFolder(context)
  const clients = s3ClientsOf(server)
  context.after(() => clients.stop())
  const common = {
    outbound: createOutbound(['127.0.0.1']),
    clock: systemClock,
    random: systemRandom,
    silence: 60_000,
    retries: 0,
    maxBytes: 1e9,
    cache: await openInputCache(path.join(folder, 'cache')),
    room: createDiskRoom(async () => Number.MAX_SAFE_INTEGER),
    clients,
  }
  const s3 = createS3Source(common)
  const openManaged = () => Promise.reject(new Error('not asked'))
  const source = createJobSource({ ...common, s3, openManaged, ownArchive: () => undefined, ...options })
  return { source, cache: path.join(folder, 'cache') }
}

const spec = (Result: SpecConfig, more: object = {}): SpecConfig => ({
  Type: 'job',
  Params: { JobID: 'j-1', ExecutionID: `e-${JSON.stringify(Result).length}`, Result, ...more },
})

const inS3 = (Key: string): SpecConfig => ({
  Type: 's3',
  Params: { Bucket: BUCKET, Key, Endpoint: server.endpoint, Region: 'us-east-1' },
})

const put = async (Key: string, Body: Uint8Array | string) =>
  server.client.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body }))

async function filesIn(place: string): Promise<string[]> {
  return (await readdir(place, { recursive: true })).toSorted()
}

describeSource('job', async (context) => {
  const archive = await archiveOf(context)
  await put('r/e-1.tar.gz', await readFile(archive))
  for (const [name, text] of Object.entries(FILES)) await put(`plain/${name}`, text)
  const own = 'http://127.0.0.1:6001/own.tar.gz'
  const { source } = await sourceOf(context, {
    ownArchive: (url) => (url.href === own ? archive : undefined),
  })
  const here: SpecConfig = { Type: 'urlDownload', Params: { URL: own } }
  return {
    source,
    good: [
      { spec: spec(here), holds: FILES },
      { spec: spec(here, { Path: 'outputs' }), holds: { 'a/b': 'deep' } },
      { spec: spec(inS3('r/e-1.tar.gz'), { Path: '/stdout' }), holds: 'out' },
      { spec: spec(inS3('plain/')), holds: FILES },
      { spec: spec(inS3('plain/'), { Path: 'outputs/a' }), holds: { b: 'deep' } },
    ],
    invalid: [
      spec(here, { JobID: '' }),
      spec(here, { Result: 7 }),
      { Type: 'job' },
      { Type: 'job', Params: { JobID: 'j' } },
    ],
    missing: spec(here, { Path: 'nothing' }),
  }
})

describe('results of another job', () => {
  test('are not those that somebody else says are of the same execution', async (context) => {
    const [archive, other] = [await archiveOf(context), await archiveOf(context, { stdout: 'false' })]
    const { source } = await sourceOf(context, { ownArchive: ({ pathname }) => (pathname === '/1' ? archive : other) })
    const at = (URL: string): SpecConfig => ({
      Type: 'job',
      Params: { JobID: 'j-1', ExecutionID: 'e-1', Path: 'stdout', Result: { Type: 'urlDownload', Params: { URL } } },
    })
    const texts = []
    for (const url of ['http://127.0.0.1/2', 'http://127.0.0.1/1']) {
      const input = await source.prepare(at(url), await temporaryFolder(context), signal)
      texts.push(await readFile(input.hostPath, 'utf8'))
      await input.release()
    }
    assert.deepEqual(texts, ['false', 'out'])
  })

  test('in the storage of the orchestrator are asked of it, on behalf of the execution that reads them', async (context) => {
    await put('managed.tar.gz', await readFile(await archiveOf(context)))
    const asked: unknown[] = []
    const { getSignedUrl } = await import('@aws-sdk/s3-request-presigner')
    const { GetObjectCommand } = await import('@aws-sdk/client-s3')
    const { source } = await sourceOf(context, {
      async openManaged({ JobID }, reader) {
        asked.push([JobID, reader])
        return getSignedUrl(server.client, new GetObjectCommand({ Bucket: BUCKET, Key: 'managed.tar.gz' }))
      },
    })
    const execution = { orchestrator: 'QmO', jobId: 'j-2', executionId: 'e-2' }
    const result: SpecConfig = { Type: 's3managed', Params: { JobID: 'j-1', ExecutionID: 'e-1' } }
    const prepare = async () =>
      source.prepare(spec(result), await temporaryFolder(context), signal, { ...WHOLE, execution })
    const { hostPath } = await prepare()
    assert.equal(await readFile(path.join(hostPath, 'stdout'), 'utf8'), 'out')
    await prepare()
    assert.deepEqual(asked, [['j-1', execution]], 'what is here already is not asked for')
  })

  test('that are not what was published are refused, and nothing of them stays', async (context) => {
    const bytes = await readFile(await archiveOf(context))
    await put('r/bad.tar.gz', bytes)
    const { source, cache } = await sourceOf(context)
    const result = inS3('r/bad.tar.gz')
    const right = createHash('sha256').update(bytes).digest('base64')
    const withSum = (ChecksumSHA256: string) => spec({ ...result, Params: { ...result.Params, ChecksumSHA256 } })
    const folder = await temporaryFolder(context)
    await assert.rejects(source.prepare(withSum('wrong'), folder, signal), { code: 'ContentInvalid' })
    assert.deepEqual(await filesIn(cache), [])
    const { hostPath } = await source.prepare(withSum(right), folder, signal)
    assert.ok((await filesIn(hostPath)).includes('stdout'))
  })

  test('count against what the execution may have', async (context) => {
    await put('r/large.tar.gz', await readFile(await archiveOf(context)))
    const { source } = await sourceOf(context)
    const arrival = {
      expect(bytes: number) {
        if (bytes > 3) throw new Error('too much')
      },
      came: () => undefined,
    }
    const folder = await temporaryFolder(context)
    await mkdir(path.join(folder, 'x'))
    await assert.rejects(source.prepare(spec(inS3('r/large.tar.gz')), folder, signal, WHOLE, arrival), /too much/)
  })

  test('are named by those who submit, with or without what an orchestrator has put in', () => {
    const Params = { JobID: 'j', Partition: 2, Path: 'x', Result: { Type: 'ipfs' } }
    assert.deepEqual(parseWantedResults({ Type: 'job', Params }), { JobID: 'j', Partition: 2, Path: 'x' })
    for (const wrong of [{}, { JobID: 7 }, { JobID: 'j', Partition: -1 }, { JobID: 'j', Nonsense: 1 }]) {
      assert.throws(() => parseWantedResults({ Type: 'job', Params: wrong }), { code: 'ValidationError' })
    }
    assert.equal(openedJobInput({ Type: 'job', Params: { JobID: 'j' } }), undefined)
    assert.equal(openedJobInput({ Type: 'ipfs' }), undefined)
  })
})
