// A host of the swarm for `relay.ts`, in a process of its own: `relay` carries, `source` sends, `sink` takes in what is sent.
// Tells its address on the first line. The sink then takes lines "<address> <bytes>" and tells the milliseconds of each.
import { createInterface } from 'node:readline'
import { generateKeyPair, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import { multiaddr } from '@multiformats/multiaddr'
import { sendAll } from '../packages/bacalhau/src/network/byte-stream.ts'
import { createHost } from '../packages/bacalhau/src/network/host.ts'
import { handleProtocol, openStream } from '../packages/bacalhau/src/network/protocol.ts'
import { silentLogger } from '../packages/bacalhau/src/runtime/logger.ts'

const PROTOCOL = '/bench/flow'
const [, , role, relay] = process.argv
const host = await createHost({
  key: privateKeyToProtobuf(await generateKeyPair('Ed25519')),
  port: 0,
  listen: ['127.0.0.1'],
  reach: { admits: () => true, relay: role === 'relay', punch: false, autonat: false },
})

function* flow(bytes: number): Generator<Uint8Array> {
  const chunk = new Uint8Array(256 * 1024).fill(7)
  for (let left = bytes; left > 0; left -= chunk.length) yield left < chunk.length ? chunk.subarray(0, left) : chunk
}

await handleProtocol(
  host,
  PROTOCOL,
  async (stream) => {
    const [request = new Uint8Array()] = await Array.fromAsync(stream.receive())
    await sendAll(stream, flow(Number(Buffer.from(request).toString())))
  },
  { logger: silentLogger },
)

/** Milliseconds for so many bytes of that peer. */
async function take(address: string, bytes: number): Promise<number> {
  const peer = address.replace(/^.*\/p2p\//, '')
  const present = host.getConnections().filter((one) => one.remotePeer.toString() === peer)
  await Promise.all(present.map((one) => one.close()))
  await host.dial(multiaddr(address))
  const begin = performance.now()
  const stream = await openStream(host, peer, PROTOCOL)
  await stream.send(Buffer.from(String(bytes)))
  await stream.close()
  let got = 0
  for await (const chunk of stream.receive()) got += chunk.length
  if (got !== bytes) throw new Error(`${got} of ${bytes} bytes came`)
  return performance.now() - begin
}

if (relay !== undefined) {
  await host.dial(multiaddr(relay))
  const isHeld = () => host.getMultiaddrs().some((one) => one.toString().includes('/p2p-circuit'))
  while (!isHeld()) await new Promise((resolve) => setTimeout(resolve, 20))
}
console.log(String(host.getMultiaddrs().find((one) => !one.toString().includes('/p2p-circuit'))))
for await (const line of createInterface({ input: process.stdin })) {
  const [address = '', bytes = '0'] = line.split(' ')
  console.log(await take(address, Number(bytes)))
}
await host.stop()
