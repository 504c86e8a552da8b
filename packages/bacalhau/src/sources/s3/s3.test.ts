import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import path from 'node:path'
import { after, before, describe, type TestContext, test } from 'node:test'
import { PutObjectCommand } from '@aws-sdk/client-s3'
import type { SpecConfig } from '@bacalhau/models'
import { temporaryFolder } from '../../content/testing/temporary.ts'
import { systemClock } from '../../runtime/clock.ts'
import { LIMITS } from '../../runtime/limits.ts'
import { seededRandom } from '../../runtime/random.ts'
import { describeSource } from '../compliance.ts'
import { createDiskRoom } from '../disk-room.ts'
import { startServer } from '../fixtures/hostile-server.ts'
import { BUCKET, s3ClientsOf, type S3Server, startS3Server } from '../fixtures/s3-server.ts'
import { openInputCache } from '../input-cache.ts'
import { createOutbound } from '../outbound/outbound.ts'
import type { Share } from '../source.ts'
import { createS3Clients, type S3Clients } from './clients.ts'
import { createS3Source } from './s3.ts'

const { signal } = new AbortController()
let server: S3Server
const sha256 = (text: string): string => createHash('sha256').update(text).digest('base64')

const OBJECTS = {
  'one.txt': 'one',
  'a/b1.txt': 'b1',
  'a/b2.csv': 'b2',
  'a/c/d.txt': 'd',
  'logs/2024-01-01/x.log': 'x',
  'logs/2024-01-02/y.log': 'y',
}

before(async () => {
  server = await startS3Server()
  for (const [Key, Body] of Object.entries(OBJECTS)) await put(Key, Body)
})
after(() => server.stop())

const put = (Key: string, Body: string, ContentType = 'text/plain') =>
  server.client.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body, ContentType }))

const spec = (Key: unknown, more: object = {}): SpecConfig => ({
  Type: 's3',
  Params: { Bucket: BUCKET, Key, Endpoint: server.endpoint, Region: 'us-east-1', ...more },
})

interface Setting {
  readonly clients?: S3Clients
  readonly maxBytes?: number
  readonly free?: number
}

async function source(context: TestContext, setting: Setting = {}) {
  const { clients = s3ClientsOf(server), maxBytes = 1_000, free = Number.MAX_SAFE_INTEGER } = setting
  context.after(() => clients.stop())
  return createS3Source({
    clients,
    cache: await openInputCache(path.join(await temporaryFolder(context), 'cache')),
    room: createDiskRoom(async () => free),
    clock: systemClock,
    random: seededRandom(1),
    silence: 60_000,
    retries: 0,
    maxBytes,
  })
}

async function fetched(context: TestContext, wanted: SpecConfig, setting: Setting = {}, share?: Share) {
  const inputs = await source(context, setting)
  const { hostPath } = await inputs.prepare(wanted, await temporaryFolder(context), signal, share)
  const entries = await readdir(hostPath, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name))
  const read = files.map(async (file) => [path.relative(hostPath, file), await readFile(file, 'utf8')] as const)
  return Object.fromEntries(await Promise.all(read))
}

describeSource('s3', async (context) => ({
  source: await source(context),
  good: [
    { spec: spec('one.txt'), holds: { 'one.txt': 'one' } },
    { spec: spec('a/'), holds: { 'b1.txt': 'b1', 'b2.csv': 'b2', 'c/d.txt': 'd' } },
    { spec: spec('a/b*'), holds: { 'b1.txt': 'b1', 'b2.csv': 'b2' } },
  ],
  invalid: [
    spec(7),
    spec('x', { Bucket: '' }),
    spec('x', { Bucket: 'a/b' }),
    spec('x', { Endpoint: 'ftp://x' }),
    spec('x', { Endpoint: 'http://user@x' }),
    spec('x', { Filter: '(' }),
    spec('x', { Partition: { Type: 'unknown' } }),
    spec('x', { Partition: { Type: 'regex' } }),
    spec('x', { Partition: { Type: 'substring', StartIndex: -1, EndIndex: 1 } }),
    spec('x', { Partition: { Type: 'substring', StartIndex: 1, EndIndex: 1 } }),
    spec('x', { Partition: { Type: 'date' } }),
    spec('x', { Partition: { Type: 'date', DateFormat: 'day' } }),
  ],
  missing: spec('nothing'),
}))

describe('objects of S3', () => {
  test('are filtered by what follows the prefix', async (context) => {
    assert.deepEqual(await fetched(context, spec('a/*', { Filter: String.raw`\.txt$` })), {
      'b1.txt': 'b1',
      'c/d.txt': 'd',
    })
    const folded = await fetched(context, spec('a/', { Filter: '(?i)^B' }))
    assert.deepEqual(folded, { 'b1.txt': 'b1', 'b2.csv': 'b2' })
  })

  test('that do not exist are named', async (context) => {
    for (const wanted of [spec('none/'), spec('a/', { Filter: 'none' }), spec('a/', { Bucket: 'elsewhere' })]) {
      await assert.rejects(fetched(context, wanted), { code: 'InputFailed', message: /failed to fetch s3 input/ })
    }
    await assert.rejects(fetched(context, spec('a/none')), {
      code: 'InputFailed',
      message: /^failed to fetch s3 input s3:\/\/\w+\/a\/none: NotFound: status 404$/,
    })
  })

  test('have the checksum that the spec says', async (context) => {
    assert.deepEqual(await fetched(context, spec('one.txt', { ChecksumSHA256: sha256('one') })), { 'one.txt': 'one' })
    await assert.rejects(fetched(context, spec('one.txt', { ChecksumSHA256: sha256('two') })), {
      code: 'InputFailed',
      message: `checksum mismatch for s3://bucket/one.txt, expected ${sha256('two')}, got ${sha256('one')}`,
    })
  })

  test('are fetched once for all jobs, and again when they have changed', async (context) => {
    await put('changing/x', 'old')
    const inputs = await source(context)
    const prepare = async () => inputs.prepare(spec('changing/'), await temporaryFolder(context), signal)
    const [first, second] = await Promise.all([prepare(), prepare()])
    assert.equal(first.hostPath, second.hostPath)
    assert.deepEqual(await inputs.measure(spec('changing/'), signal), { bytes: 3, local: true })
    await put('changing/x', 'newer')
    assert.deepEqual(await inputs.measure(spec('changing/'), signal), { bytes: 5, local: false })
    assert.equal(await readFile(path.join((await prepare()).hostPath, 'x'), 'utf8'), 'newer')
  })

  test('that are too large for the operator or the disk are not fetched', async (context) => {
    await assert.rejects(fetched(context, spec('a/'), { maxBytes: 4 }), { code: 'ContentTooLarge' })
    await assert.rejects(fetched(context, spec('a/'), { free: LIMITS.diskReserve + 4 }), { code: 'DiskFull' })
    assert.equal(
      Object.keys(await fetched(context, spec('a/'), { maxBytes: 5, free: LIMITS.diskReserve + 5 })).length,
      3,
    )
  })
})

describe('a hostile server that speaks like S3, point 17', () => {
  /** Lists these keys, each an object of three bytes, and gives `body` for every one of them. */
  async function hostile(context: TestContext, keys: readonly string[], body = 'abc') {
    const contents = keys.map((key) => `<Contents><Key>${key}</Key><Size>3</Size><ETag>"1"</ETag></Contents>`)
    const listing = `<ListBucketResult><IsTruncated>false</IsTruncated>${contents.join('')}</ListBucketResult>`
    const list = (_: unknown, response: ServerResponse) =>
      response.setHeader('content-type', 'application/xml').end(listing)
    const give = (_: unknown, response: ServerResponse) => response.writeHead(200, { etag: '"1"' }).end(body)
    const objects = keys.map((key) => [new URL(`http://x/bucket/${key}`).pathname, give])
    const server = await startServer(context, { '/bucket': list, '/bucket/': list, ...Object.fromEntries(objects) })
    return spec('', { Endpoint: server.url('') })
  }

  for (const key of ['../out', 'a/../../out', '/../x', 'a/./b', 'x'.repeat(256)]) {
    test(`is not followed to ${key.slice(0, 20)}`, async (context) => {
      await assert.rejects(fetched(context, await hostile(context, [key])), {
        code: 'InputFailed',
        message: /cannot be the path of a file/,
      })
    })
  }

  for (const keys of [
    ['a', 'a'],
    ['a', 'a/b'],
    ['a/b', 'a'],
    ['a/b', 'a//b'],
  ]) {
    test(`whose keys ${keys.join(' and ')} are in each other's way is refused`, async (context) => {
      await assert.rejects(fetched(context, await hostile(context, keys)), {
        code: 'InputFailed',
        message: /in the way|failed to fetch/,
      })
    })
  }

  test('that sends more or less than it said is refused', async (context) => {
    assert.deepEqual(await fetched(context, await hostile(context, ['a'])), { a: 'abc' })
    for (const body of ['ab', 'abcd']) {
      await assert.rejects(fetched(context, await hostile(context, ['a'], body)), { code: 'InputFailed' }, body)
    }
  })
})

describe('parts of S3 inputs', () => {
  const parted = (context: TestContext, Partition: object, index: number, count = 3) =>
    fetched(context, spec('', { Partition, Filter: 'log$' }), {}, { count, index })

  for (const Partition of [
    { Type: 'object' },
    { Type: 'regex', Pattern: String.raw`(\d+)-(\d+)-(\d+)` },
    { Type: 'substring', StartIndex: 5, EndIndex: 15 },
    { Type: 'date', DateFormat: 'logs/2006-01-02' },
  ]) {
    test(`by ${Partition.Type} are together all of it, each object once`, async (context) => {
      const parts = await Promise.all([0, 1, 2].map((index) => parted(context, Partition, index)))
      const names = parts.flatMap((part) => Object.keys(part)).toSorted()
      assert.deepEqual(names, ['logs/2024-01-01/x.log', 'logs/2024-01-02/y.log'])
    })
  }

  test('point 16: are all of it where the spec says nothing, and for jobs without parts', async (context) => {
    assert.equal(Object.keys(await parted(context, {}, 1)).length, 2)
    // Jobs that run on all nodes have the count 0.
    assert.equal(Object.keys(await parted(context, { Type: 'object' }, 0, 0)).length, 2)
    assert.equal(Object.keys(await parted(context, { Type: 'object' }, 0, 1)).length, 2)
  })
})

describe('endpoints of S3', () => {
  test('that are not public are refused, by name and by address', async (context) => {
    for (const [granted, Endpoint] of [
      [[], server.endpoint],
      [[], server.endpoint.replace('127.0.0.1', 'localhost')],
      [['127.0.0.1'], 'http://169.254.169.254'],
    ] as const) {
      const clients = s3ClientsOf(server, granted)
      const fetching = fetched(context, spec('one.txt', { Endpoint }), { clients })
      await assert.rejects(fetching, { code: 'InputFailed', message: /may not reach/ }, Endpoint)
    }
  })

  test('are of no use without credentials', async (context) => {
    const { env, home } = { env: {}, home: await temporaryFolder(context) }
    const clients = createS3Clients({ outbound: createOutbound([]), env, home, retries: 0, silence: 1 })
    assert.equal(await clients.available(), false)
    assert.equal(await s3ClientsOf(server).available(), true)
  })
})
