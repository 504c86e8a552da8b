import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { after, before, describe, type TestContext, test } from 'node:test'
import { GetObjectCommand, HeadObjectCommand } from '@aws-sdk/client-s3'
import type { SpecConfig } from '@bacalhau/models'
import { folderWith, temporaryFolder } from '../../content/testing/temporary.ts'
import { unpack } from '../../content/unpack.ts'
import { BUCKET, s3ClientsOf, type S3Server, startS3Server } from '../../sources/fixtures/s3-server.ts'
import { createS3Source } from '../../sources/s3/s3.ts'
import { systemClock } from '../../runtime/clock.ts'
import { systemRandom } from '../../runtime/random.ts'
import { createDiskRoom } from '../../sources/disk-room.ts'
import { openInputCache } from '../../sources/input-cache.ts'
import { describePublisher } from '../compliance.ts'
import { fillKey } from './params.ts'
import { createS3Publisher } from './s3.ts'

const { signal } = new AbortController()
const clock = { now: () => Date.UTC(2026, 0, 2, 3, 4, 5) }
let server: S3Server

before(async () => {
  server = await startS3Server()
})
after(() => server.stop())

const spec = (more: object = {}): SpecConfig => ({
  Type: 's3',
  Params: { Bucket: BUCKET, Key: 'r/{jobID}/{executionID}', Endpoint: server.endpoint, Region: 'us-east-1', ...more },
})

function publisherOf(context: TestContext, granted?: readonly string[]) {
  const clients = s3ClientsOf(server, granted)
  context.after(() => clients.stop())
  return createS3Publisher({ clients, clock, nodeId: 'n-1' })
}

async function filesIn(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name))
  const read = files.map(async (file) => [path.relative(folder, file), await readFile(file, 'utf8')] as const)
  return Object.fromEntries(await Promise.all(read))
}

async function unpacked(context: TestContext, { Params }: SpecConfig): Promise<Record<string, string>> {
  const [Bucket, Key] = [String(Params?.['Bucket']), String(Params?.['Key'])]
  const { Body } = await server.client.send(new GetObjectCommand({ Bucket, Key }))
  assert.ok(Body)
  const folder = path.join(await temporaryFolder(context), 'folder')
  await unpack(Body as AsyncIterable<Uint8Array>, folder, { maxBytes: 1e9, maxFiles: 100, signal })
  return filesIn(folder)
}

describePublisher('s3', async (context) => ({
  publisher: publisherOf(context),
  spec: spec(),
  fetch: (result) => unpacked(context, result),
}))

describePublisher('point 22: s3, each file an object', async (context) => {
  const clients = s3ClientsOf(server)
  context.after(() => clients.stop())
  let published = 0
  const publisher = createS3Publisher({ clients, clock, nodeId: 'n-1' })
  const source = createS3Source({
    clients,
    cache: await openInputCache(path.join(await temporaryFolder(context), 'cache')),
    room: createDiskRoom(async () => Number.MAX_SAFE_INTEGER),
    clock: systemClock,
    random: systemRandom,
    silence: 60_000,
    retries: 0,
    maxBytes: 1e9,
  })
  return {
    // A key of its own each time: what another test has put beside it would be found as well.
    publisher: {
      ...publisher,
      publish: (request, signal) => {
        published += 1
        return publisher.publish({ ...request, executionId: `${context.name}-${published}` }, signal)
      },
    },
    spec: spec({ Encoding: 'plain' }),
    fetch: async (result) => {
      const { hostPath } = await source.prepare(result, await temporaryFolder(context), signal)
      return filesIn(hostPath)
    },
  }
})

describe('results in S3', () => {
  const publish = (context: TestContext, folder: string, more: object = {}) =>
    publisherOf(context).publish(
      { orchestrator: 'QmO', jobId: 'j-1', executionId: 'e-1', folder, spec: spec(more) },
      signal,
    )

  test('are named as the spec says', async (context) => {
    const folder = await folderWith(context, { stdout: 'x' })
    const site = { Bucket: BUCKET, Endpoint: server.endpoint, Region: 'us-east-1' }
    const { Type, Params } = await publish(context, folder, { Key: 'x/{jobID}/{nodeID}-{date}-{time}-{other}' })
    assert.deepEqual(
      { Type, Params },
      { Type: 's3', Params: { ...site, Key: 'x/j-1/n-1-20260102-030405-{other}.tar.gz' } },
    )
    assert.equal((await publish(context, folder, { Key: 'y.tar.gz' })).Params?.['Key'], 'y.tar.gz')
    assert.equal((await publish(context, folder, { Key: 'y', Encoding: 'PLAIN' })).Params?.['Key'], 'y/')
    const head = await server.client.send(new HeadObjectCommand({ Bucket: BUCKET, Key: 'y/stdout' }))
    assert.equal(head.ContentLength, 1)
  })

  test('may be long: they are sent in parts', async (context) => {
    const data = randomBytes(20 * 1024 * 1024).toString('latin1')
    const folder = await folderWith(context, { data })
    assert.deepEqual(await unpacked(context, await publish(context, folder)), { data })
  })

  test('are not sent to where jobs may not reach', async (context) => {
    const folder = await folderWith(context, { stdout: 'x' })
    const publishing = publisherOf(context, []).publish(
      { orchestrator: 'QmO', jobId: 'j', executionId: 'e', folder, spec: spec() },
      signal,
    )
    await assert.rejects(publishing, /may not reach/)
  })

  test('that the server refuses are told as such', async (context) => {
    const folder = await folderWith(context, { stdout: 'x' })
    for (const Encoding of ['gzip', 'plain']) {
      await assert.rejects(publish(context, folder, { Bucket: 'none', Encoding }), {
        code: 'PublishFailed',
        message: /failed to publish s3 result s3:\/\/none\/\S+: NoSuchBucket/,
      })
    }
  })

  for (const more of [{ Key: '' }, { Bucket: '' }, { Encoding: 'zip' }, { Endpoint: 'x://y' }, { Nonsense: 1 }]) {
    test(`cannot be asked for with ${JSON.stringify(more)}`, (context) => {
      assert.throws(() => publisherOf(context).validate(spec(more)), { code: 'ValidationError' })
    })
  }

  test('have keys without surprises', () => {
    const facts = { nodeId: 'n', jobId: 'j', executionId: 'e', now: 0 }
    assert.equal(fillKey('{date}{time}{jobID}{jobid}{}', facts), '19700101000000j{jobid}{}')
    assert.equal(fillKey('{constructor}{__proto__}', facts), '{constructor}{__proto__}')
  })
})
