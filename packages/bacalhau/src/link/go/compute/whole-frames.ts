import type { Stream } from '@libp2p/interface'
import { BacalhauError } from '../../../runtime/error.ts'
import { type Clock, sleep } from '../../../runtime/clock.ts'
import { LIMITS } from '../../../runtime/limits.ts'

/**
 * What decides how the multiplexer cuts what it is given into frames. It is not part of its promise, so its version is pinned, and
 * a test fails when these are gone.
 */
interface Outlet {
  readonly writeBufferLength: number
  readonly writableNeedsDrain: boolean
  /** Bytes that the other side is ready to take. */
  readonly sendWindowCapacity: number
  /** What is longer is cut. */
  readonly maxMessageSize: number
}

/** The multiplexer's own view of `stream`; throws when this is not the one that is known here. */
export function outletOf(stream: Stream): Outlet {
  const outlet: Stream & Partial<Outlet> = stream
  for (const field of ['writeBufferLength', 'sendWindowCapacity', 'maxMessageSize'] as const)
    if (typeof outlet[field] !== 'number') throw new BacalhauError('InternalError', `the multiplexer has no ${field}`)
  return outlet as Stream & Outlet
}

/** Pauses between two looks at the window, in milliseconds. It says nothing when it opens. */
const [SHORTEST, LONGEST] = [1, 16]

/**
 * Sends `bytes` as one frame. A Go node reads entries of a log with a new decoder each, and so loses whatever comes in the same
 * frame after an entry, or in another one than its beginning.
 */
export async function sendWhole(stream: Stream, bytes: Uint8Array, clock: Clock, signal: AbortSignal): Promise<void> {
  const outlet = outletOf(stream)
  const begun = clock.monotonic()
  const fits = () =>
    outlet.writeBufferLength === 0 &&
    !outlet.writableNeedsDrain &&
    outlet.sendWindowCapacity >= bytes.length &&
    outlet.maxMessageSize >= bytes.length
  for (let pause = SHORTEST; !fits(); pause = Math.min(LONGEST, pause * 2)) {
    if (clock.monotonic() - begun > LIMITS.streamStall) throw new BacalhauError('TimeOut', 'the peer takes no data')
    if (stream.status !== 'open') throw new BacalhauError('PeerUnreachable', 'the reader has gone')
    await sleep(clock, pause, signal)
  }
  signal.throwIfAborted()
  stream.send(bytes)
}
