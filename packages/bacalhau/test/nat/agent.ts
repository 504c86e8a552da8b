import process from 'node:process'
import { createInterface } from 'node:readline'
import { multiaddr } from '@multiformats/multiaddr'
import { sendAll } from '../../src/network/byte-stream.ts'
import { generateKeyPairFromSeed, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import { createHost } from '../../src/network/host.ts'
import { handleProtocol, openStream } from '../../src/network/protocol.ts'
import { ownReachability, reachOf } from '../../src/network/reach/reach.ts'
import { silentLogger } from '../../src/runtime/logger.ts'

/**
 * A host that is told over standard input what to do, one JSON array a line, and answers each with one line. First argument:
 * a number of which its key is made; second: `relay` for a relay that admits everyone.
 */
const [, , number = '0', role] = process.argv
const key = await generateKeyPairFromSeed('Ed25519', Buffer.alloc(32, Number(number)))
const host = await createHost({
  key: privateKeyToProtobuf(key),
  port: 4001,
  reach: { admits: () => role === 'relay', relay: role === 'relay', punch: true, autonat: true },
})
await handleProtocol(host, '/test/echo', (stream) => sendAll(stream, stream.receive()), { logger: silentLogger })

async function echo(peer: string, length: number): Promise<number> {
  const stream = await openStream(host, peer, '/test/echo')
  const answer = Array.fromAsync(stream.receive())
  await sendAll(stream, [Buffer.alloc(length, 'echo')])
  return Buffer.concat(await answer).length
}

async function perform([what, about = '', length = 0]: [string, string?, number?]): Promise<unknown> {
  switch (what) {
    case 'dial':
      return void (await host.dial(multiaddr(about)))
    case 'echo':
      return echo(about, length)
    case 'reach':
      return reachOf(host, about)
    case 'own':
      return { ...ownReachability(host), refusals: undefined }
    case 'addresses':
      return host.getMultiaddrs().map(String)
    default:
      throw new Error(`what is ${what}?`)
  }
}

process.stdout.write(`${JSON.stringify(host.peerId.toString())}\n`)
for await (const line of createInterface({ input: process.stdin })) {
  const answer = await perform(JSON.parse(line) as [string, string?, number?]).catch((error: unknown) => ({
    error: String(error),
  }))
  process.stdout.write(`${JSON.stringify(answer ?? null)}\n`)
}
await host.stop()
