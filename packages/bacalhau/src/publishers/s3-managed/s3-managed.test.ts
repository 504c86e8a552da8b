import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { Readable } from 'node:stream'
import { after, before, describe, type TestContext, test } from 'node:test'
import type { SpecConfig } from '@bacalhau/models'
import { folderWith, temporaryFolder } from '../../content/testing/temporary.ts'
import { unpack } from '../../content/unpack.ts'
import { type Clock, systemClock } from '../../runtime/clock.ts'
import { BacalhauError } from '../../runtime/error.ts'
import { silentLogger } from '../../runtime/logger.ts'
import { systemRandom } from '../../runtime/random.ts'
import { BUCKET, s3ClientsOf, type S3Server, startS3Server } from '../../sources/fixtures/s3-server.ts'
import { createOutbound } from '../../sources/outbound/outbound.ts'
import { describePublisher } from '../compliance.ts'
import { createResultSigner } from '../s3/sign-results.ts'
import { createManagedBucket } from './bucket.ts'
import { type AskForStorage, createManagedPublisher } from './s3-managed.ts'

const { signal } = new AbortController()
const spec: SpecConfig = { Type: 's3managed' }
let server: S3Server

before(async () => {
  server = await startS3Server()
})
after(() => server.stop())

function bucketOf(context: TestContext, endpoint = server.endpoint) {
  const clients = s3ClientsOf(server)
  context.after(() => clients.stop())
  const bucket = createManagedBucket({
    clients,
    bucket: BUCKET,
    prefix: 'results',
    lasting: 60_000,
    Endpoint: endpoint,
    Region: 'us-east-1',
  })
  const sign = createResultSigner({ clients, bucket, others: false, logger: silentLogger, lasting: 60_000 })
  const ask: AskForStorage = async (_orchestrator, request) => {
    if (request.want === 'put') return bucket.signPut(request, request.bytes)
    return { url: await bucket.signGet(request.of), headers: {} }
  }
  return { bucket, sign, ask }
}

/** Pauses between tries are none. */
const hurried: Clock = { ...systemClock, after: (delay, action) => systemClock.after(Math.min(delay, 1), action) }

async function publisherOf(context: TestContext, ask: AskForStorage, more: { granted?: string[]; clock?: Clock } = {}) {
  const { granted = ['127.0.0.1'], clock = systemClock } = more
  const folder = path.join(await temporaryFolder(context), 'uploads')
  const outbound = createOutbound(granted)
  const publisher = await createManagedPublisher({
    ask,
    outbound,
    clock,
    random: systemRandom,
    folder,
    silence: 60_000,
  })
  return { publisher, folder }
}

const request = (folder: string) => ({ orchestrator: 'QmO', jobId: 'j-1', executionId: 'e-1', folder, spec })

async function unpacked(context: TestContext, bytes: Uint8Array): Promise<Record<string, string>> {
  const folder = path.join(await temporaryFolder(context), 'folder')
  await unpack(Readable.from([bytes]), folder, { maxBytes: 1e9, maxFiles: 100, signal })
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name))
  const read = files.map(async (file) => [path.relative(folder, file), await readFile(file, 'utf8')] as const)
  return Object.fromEntries(await Promise.all(read))
}

describePublisher('s3managed', async (context) => {
  const { ask, sign } = bucketOf(context)
  const { publisher } = await publisherOf(context, ask)
  return {
    publisher,
    spec,
    async fetch(result) {
      const { Params } = await sign(result, 'j-1')
      return unpacked(context, await (await fetch(String(Params?.['PreSignedURL']))).bytes())
    },
  }
})

describe('results in the bucket of the orchestrator, point 23: compute nodes without credentials', () => {
  test('are named by job and execution, with a checksum, and listed with a URL', async (context) => {
    const { ask, sign, bucket } = bucketOf(context)
    const { publisher, folder } = await publisherOf(context, ask)
    const result = await publisher.publish(request(await folderWith(context, { stdout: 'out' })), signal)
    assert.deepEqual(await readdir(folder), [], 'nothing is left on the node')
    const { Type, Params } = await sign(result, 'j-1')
    assert.deepEqual([Type, Params?.['Managed']], ['s3PreSigned', true])
    const source = {
      ...bucket.place({ jobId: 'j-1', executionId: 'e-1' }),
      ChecksumSHA256: result.Params?.['ChecksumSHA256'],
    }
    assert.deepEqual(Params?.['SourceSpec'], source)
    assert.equal(source.Key, 'results/j-1/e-1.tar.gz')
    const bytes = await (await fetch(String(Params?.['PreSignedURL']))).bytes()
    assert.equal(createHash('sha256').update(bytes).digest('base64'), source.ChecksumSHA256)
  })

  test('a URL is signed for the job that is listed, whatever a node says', async (context) => {
    const { sign } = bucketOf(context)
    const keyOf = async (Params: Record<string, unknown>) => {
      const { Params: signed } = await sign({ Type: 's3managed', Params }, 'j-1')
      return (signed?.['SourceSpec'] as { Key?: string } | undefined)?.Key
    }
    assert.equal(await keyOf({ JobID: 'j-2', ExecutionID: 'e-1' }), 'results/j-1/e-1.tar.gz')
    assert.equal(await keyOf({ JobID: 'j-1', ExecutionID: '../j-2/e-1' }), undefined)
    assert.equal(await keyOf({ JobID: 'j-1' }), undefined)
  })

  test('a URL is good for as many bytes as it was asked for, and no others', async (context) => {
    const { bucket } = bucketOf(context)
    const { url, headers } = await bucket.signPut({ jobId: 'j-1', executionId: 'e-9' }, 5)
    assert.equal(headers['content-length'], '5')
    assert.match(new URL(url).searchParams.get('X-Amz-SignedHeaders') ?? '', /content-length/)
    const body = '12345'
    const answer = await fetch(url, { method: 'PUT', body, headers: { 'content-type': 'application/octet-stream' } })
    assert.equal(answer.status, 200)
  })

  test('are sent again, with a new URL, when a try fails in passing', async (context) => {
    let tries = 0
    const { ask, sign } = bucketOf(context)
    const flaky: AskForStorage = async (...parameters) => {
      tries += 1
      if (tries === 1) throw new BacalhauError('PeerUnreachable', 'gone for a moment')
      return ask(...parameters)
    }
    const { publisher } = await publisherOf(context, flaky, { clock: hurried })
    const result = await publisher.publish(request(await folderWith(context, { stdout: 'again' })), signal)
    assert.equal(tries, 2)
    const { Params } = await sign(result, 'j-1')
    const archive = await (await fetch(String(Params?.['PreSignedURL']))).bytes()
    assert.deepEqual(await unpacked(context, archive), { stdout: 'again' })
  })

  test('a server that is busy is asked again; one that says no is not', async (context) => {
    const answers = [503, 500, 200]
    let asked = 0
    const busy = await serverWith(context, (incoming, response) => {
      incoming.resume().on('end', () => response.writeHead(answers[asked++] ?? 200).end())
    })
    const ask: AskForStorage = async () => ({
      url: `${busy}/x`,
      headers: { 'content-type': 'application/octet-stream' },
    })
    const { publisher } = await publisherOf(context, ask, { clock: hurried })
    await publisher.publish(request(await folderWith(context, { stdout: 'out' })), signal)
    assert.equal(asked, 3)
    ;[asked, answers[0]] = [0, 404]
    const refused = publisher.publish(request(await folderWith(context, { stdout: 'out' })), signal)
    await assert.rejects(refused, { code: 'PublishFailed', message: /answers 404/ })
    assert.equal(asked, 1)
  })

  test('are not sent where the orchestrator refuses, nor to an address that jobs may not reach', async (context) => {
    const { ask } = bucketOf(context)
    const folder = await folderWith(context, { stdout: 'out' })
    const refusing = await publisherOf(context, () => Promise.reject(new BacalhauError('Forbidden', 'not yours')))
    await assert.rejects(refusing.publisher.publish(request(folder), signal), {
      code: 'PublishFailed',
      message: /not yours/,
    })
    const inside = await publisherOf(context, ask, { granted: [] })
    await assert.rejects(inside.publisher.publish(request(folder), signal), {
      code: 'PublishFailed',
      message: /may not reach/,
      hint: /AllowedAddresses/,
    })
  })

  test('a server that takes nothing is given up', async (context) => {
    const stalled = await serverWith(context, () => undefined)
    const ask: AskForStorage = async () => ({ url: `${stalled}/x`, headers: {} })
    const outbound = createOutbound(['127.0.0.1'])
    const folder = path.join(await temporaryFolder(context), 'uploads')
    const own = { ask, outbound, clock: hurried, random: systemRandom, folder, silence: 20 }
    const publisher = await createManagedPublisher(own)
    const publishing = publisher.publish(request(await folderWith(context, { stdout: 'out' })), signal)
    await assert.rejects(publishing, { code: 'PublishFailed', message: /nothing moved/ })
  })
})

async function serverWith(context: TestContext, listener: RequestListener): Promise<string> {
  const listening = createServer(listener)
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve))
  context.after(() => {
    listening.closeAllConnections()
    listening.close()
  })
  return `http://127.0.0.1:${(listening.address() as AddressInfo).port}`
}
