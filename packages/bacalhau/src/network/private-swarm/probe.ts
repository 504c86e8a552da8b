import { connect } from 'node:net'
import { withDeadline } from '../../runtime/abort.ts'
import { GREETING, isGreeting } from './greeting.ts'
import { NONCE_BYTES } from './protector.ts'

/** Milliseconds after which a peer that says nothing tells nothing. */
const PATIENCE = 2_000

/** Other servers than those of a swarm answer in text, or not at all. */
const isRandom = (bytes: Uint8Array) => !/^[\t\r\n -~]+$/.test(Buffer.from(bytes).toString('latin1', 0, NONCE_BYTES))

/**
 * Is whoever listens there in a private swarm? One without a key answers a greeting with a greeting; one with a key sends a nonce.
 * Undefined when it does neither, or does not answer.
 */
export async function looksPrivate(host: string, port: number, signal: AbortSignal): Promise<boolean | undefined> {
  const deadline = withDeadline(signal, PATIENCE)
  const socket = connect({ host, port, signal: deadline })
  try {
    socket.write(GREETING)
    let came: Buffer = Buffer.alloc(0)
    for await (const piece of socket) {
      came = Buffer.concat([came, piece as Buffer])
      const greeted = isGreeting(came)
      if (greeted === true) return false
      if (greeted === false && came.byteLength >= NONCE_BYTES) return isRandom(came) ? true : undefined
    }
    return undefined
  } catch {
    return undefined
  } finally {
    socket.destroy()
  }
}
