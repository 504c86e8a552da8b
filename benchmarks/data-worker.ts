// One piece of work for `data.ts`, in a process of its own. Servers print their address, the others how long it took and how
// much memory they had at most.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, stat } from 'node:fs/promises'
import { createServer, get, type IncomingMessage } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import { multiaddr } from '@multiformats/multiaddr'
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { createContent } from '../packages/bacalhau/src/content/content.ts'
import { createHost } from '../packages/bacalhau/src/network/host.ts'
import { generateNodeKey } from '../packages/bacalhau/src/network/identity.ts'
import { sendAll } from '../packages/bacalhau/src/network/byte-stream.ts'
import { handleProtocol, openStream } from '../packages/bacalhau/src/network/protocol.ts'
import { archiveOf } from '../packages/bacalhau/src/publishers/archive.ts'
import { systemClock } from '../packages/bacalhau/src/runtime/clock.ts'
import { silentLogger } from '../packages/bacalhau/src/runtime/logger.ts'
import { systemRandom } from '../packages/bacalhau/src/runtime/random.ts'
import { createDiskRoom } from '../packages/bacalhau/src/sources/disk-room.ts'
import { openInputCache } from '../packages/bacalhau/src/sources/input-cache.ts'
import { createIpfsSource } from '../packages/bacalhau/src/sources/ipfs/ipfs.ts'
import { createOutbound } from '../packages/bacalhau/src/sources/outbound/outbound.ts'
import { createS3Clients } from '../packages/bacalhau/src/sources/s3/clients.ts'
import { createS3Source } from '../packages/bacalhau/src/sources/s3/s3.ts'
import { createUrlSource } from '../packages/bacalhau/src/sources/url/url.ts'

const [what, ...args] = process.argv.slice(2)
const [first = '', second = '', third = ''] = args
const { signal } = new AbortController()

/** Prints how long `work` takes. */
async function timed(work: () => Promise<unknown>, more: object = {}): Promise<void> {
  const begun = performance.now()
  await work()
  const milliseconds = performance.now() - begun
  console.log(JSON.stringify({ milliseconds, peak: process.resourceUsage().maxRSS * 1024, ...more }))
}

async function sourcesAt(folder: string) {
  const outbound = createOutbound(['127.0.0.1'])
  const patience = {
    silence: 60_000,
    retries: 3,
    maxBytes: Number.MAX_SAFE_INTEGER,
    clock: systemClock,
    random: systemRandom,
  }
  const common = {
    ...patience,
    cache: await openInputCache(folder),
    room: createDiskRoom(async () => Number.MAX_SAFE_INTEGER),
  }
  const clients = createS3Clients({ ...patience, outbound, env: process.env, home: folder })
  return { url: createUrlSource({ ...common, outbound }), s3: createS3Source({ ...common, clients }), clients }
}

/** The bytes of a file over a stream, and nothing else. */
const COPY_PROTOCOL = '/bacalhau/benchmark-copy/1.0.0'

async function startPeer() {
  const { bytes } = await generateNodeKey()
  return createHost({ key: bytes, port: 0, listen: ['127.0.0.1'] })
}

/** A host that is connected to the node which `place` names: its address, and after a blank what it holds. */
async function connected(place: string) {
  const [address = '', cid = ''] = place.split(' ')
  const host = await startPeer()
  const { remotePeer } = await host.dial(multiaddr(address))
  return { host, peer: remotePeer.toString(), cid }
}

const WORK: Readonly<Record<string, () => Promise<void>>> = {
  async 'serve-url'() {
    const { size } = await stat(first)
    const server = createServer((_request, response) => {
      response.writeHead(200, { 'content-length': size, etag: `"${process.pid}"` })
      createReadStream(first, { highWaterMark: 1024 * 1024 }).pipe(response)
    })
    server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))
  },
  async 'serve-s3'() {
    const S3rver = createRequire(import.meta.url)('s3rver') as new (options: object) => { run(): Promise<AddressInfo> }
    const options = {
      port: 0,
      address: '127.0.0.1',
      silent: true,
      directory: second,
      configureBuckets: [{ name: 'bucket' }],
    }
    const { port } = await new S3rver(options).run()
    const client = new S3Client({ endpoint: `http://127.0.0.1:${port}`, forcePathStyle: true })
    const Body = createReadStream(first)
    const { size: ContentLength } = await stat(first)
    await client.send(new PutObjectCommand({ Bucket: 'bucket', Key: 'large', Body, ContentLength, ACL: 'public-read' }))
    console.log(`http://127.0.0.1:${port}`)
  },
  async copy() {
    await timed(async () => {
      const response = await new Promise<IncomingMessage>((resolve) => get(first, { agent: false }, resolve))
      if (response.statusCode !== 200) throw new Error(`${first} answers ${response.statusCode}`)
      await pipeline(response, createWriteStream(second))
    })
  },
  async 'fetch-url'() {
    const { url } = await sourcesAt(second)
    await timed(() => url.prepare({ Type: 'urlDownload', Params: { URL: first } }, second, signal))
  },
  async 'fetch-s3'() {
    const { s3, clients } = await sourcesAt(second)
    const Params = { Bucket: 'bucket', Key: 'large', Endpoint: first, Region: 'us-east-1' }
    await timed(() => s3.prepare({ Type: 's3', Params }, second, signal))
    await clients.stop()
  },
  async 'serve-car'() {
    const host = await startPeer()
    const content = await createContent({ host, logger: silentLogger, folder: second })
    const { cid } = await content.add(first)
    const chunks = () => createReadStream(first, { highWaterMark: 256 * 1024 }) as AsyncIterable<Uint8Array>
    await handleProtocol(host, COPY_PROTOCOL, (stream) => sendAll(stream, chunks()), { logger: silentLogger })
    console.log(`${String(host.getMultiaddrs()[0])} ${cid.toString()}`)
  },
  async 'copy-car'() {
    const { host, peer } = await connected(first)
    await timed(async () => {
      const stream = await openStream(host, peer, COPY_PROTOCOL)
      await stream.close()
      await pipeline(stream.receive(), createWriteStream(second))
    })
    await host.stop()
  },
  async 'fetch-car'() {
    const { host, cid: CID } = await connected(first)
    await mkdir(second)
    const content = await createContent({ host, logger: silentLogger, folder: path.join(second, 'content') })
    const cache = await openInputCache(path.join(second, 'inputs'))
    const room = createDiskRoom(async () => Number.MAX_SAFE_INTEGER)
    const source = createIpfsSource({ content, cache, room, maxBytes: Number.MAX_SAFE_INTEGER })
    await timed(() => source.prepare({ Type: 'ipfs', Params: { CID } }, second, signal))
    await content.stop()
    await host.stop()
  },
  async tar() {
    await timed(async () => once(spawn('tar', args, { stdio: 'inherit' }), 'close'))
  },
  async archive() {
    await timed(() => pipeline(archiveOf(first, signal), createWriteStream(second)))
  },
  async ipfs() {
    await mkdir(second)
    const content = await createContent({ host: undefined, logger: silentLogger, folder: second })
    const begun = performance.now()
    const { cid } = await content.add(first)
    const added = performance.now() - begun
    await timed(() => content.export({ cid, path: [] }, path.resolve(third)), { added })
    await content.stop()
  },
}

await WORK[what ?? '']?.()
