import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { withDeadline } from '../../runtime/abort.ts'
import { GREETING, isGreeting } from './greeting.ts'
import { createKeystream } from './keystream.ts'
import { NONCE_BYTES } from './protector.ts'

/** Milliseconds after which a peer that says nothing tells nothing. */
const PATIENCE = 2_000

/** What kind of swarm a node is in: one without a key, the one whose key we have, or another. */
export type SwarmKind = 'open' | 'ours' | 'foreign'

/**
 * In what kind of swarm is whoever listens there? One without a key answers a greeting with a greeting, one with a key sends a
 * nonce, and one with our `key` answers a greeting that is encrypted with it. Undefined for whoever does none of that.
 */
export async function swarmKindAt(
  place: { readonly host: string; readonly port: number },
  key: Uint8Array | undefined,
  signal: AbortSignal,
): Promise<SwarmKind | undefined> {
  const says = (came: Uint8Array) => isGreeting(came) === true || came.byteLength >= NONCE_BYTES
  const plain = await exchange(place, GREETING, says, signal)
  if (isGreeting(plain) === true) return 'open'
  if (plain.byteLength < NONCE_BYTES || !isRandom(plain)) return undefined
  if (key === undefined) return 'foreign'
  const own = randomBytes(NONCE_BYTES)
  const hidden = Buffer.concat([own, createKeystream(key, own)(GREETING)])
  const answers = (came: Uint8Array) => came.byteLength >= NONCE_BYTES + GREETING.byteLength
  const answer = await exchange(place, hidden, answers, signal)
  const [nonce, rest] = [answer.subarray(0, NONCE_BYTES), answer.subarray(NONCE_BYTES)]
  if (nonce.byteLength < NONCE_BYTES) return undefined
  return isGreeting(createKeystream(key, nonce)(rest)) === true ? 'ours' : 'foreign'
}

/** Other servers than those of a swarm answer in text, or not at all. */
const isRandom = (bytes: Uint8Array) => !/^[\t\r\n -~]+$/.test(Buffer.from(bytes).toString('latin1', 0, NONCE_BYTES))

/** Sends these bytes, and gives what comes back until it is enough, or the other side ends or falls silent. */
async function exchange(
  { host, port }: { readonly host: string; readonly port: number },
  bytes: Uint8Array,
  isEnough: (came: Uint8Array) => boolean,
  signal: AbortSignal,
): Promise<Buffer> {
  const socket = connect({ host, port, signal: withDeadline(signal, PATIENCE) })
  let came: Buffer = Buffer.alloc(0)
  try {
    socket.write(bytes)
    for await (const piece of socket) {
      came = Buffer.concat([came, piece as Buffer])
      if (isEnough(came)) break
    }
  } catch {
    // What has come may be enough.
  } finally {
    socket.destroy()
  }
  return came
}
