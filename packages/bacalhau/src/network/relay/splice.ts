import type { Stream } from '@libp2p/interface'
import { pauseSoon } from '../pause.ts'

/** Two streams that have become one. */
export interface Splice {
  /** Bytes that went through so far, both ways together. */
  readonly bytes: () => number
  /** Resolves when both ways have ended or broken. */
  readonly ended: Promise<void>
  abort(reason: Error): void
}

/**
 * Joins two streams: what one says the other hears, each way with its own end, until `most` bytes have gone through. A side
 * that takes nothing makes the other wait, so that a relay holds no more than what the windows of the streams let in.
 */
export function splice(a: Stream, b: Stream, most: number): Splice {
  let bytes = 0
  const abort = (reason: Error) => {
    a.abort(reason)
    b.abort(reason)
  }
  const count = (length: number) => {
    bytes += length
    if (bytes > most) abort(new Error(`the relay carries no more than ${most} bytes over one connection`))
    return bytes <= most
  }
  const ended = Promise.all([forward(a, b, count, abort), forward(b, a, count, abort)]).then(() => undefined)
  return { bytes: () => bytes, ended, abort }
}

/** One way. Resolves when nothing more can come from `from`. */
function forward(from: Stream, to: Stream, count: (length: number) => boolean, abort: (reason: Error) => void) {
  const { promise, resolve } = Promise.withResolvers<void>()
  let closing = false
  const finish = () => {
    if (from.readBufferLength > 0 || closing) return
    closing = true
    to.close({ signal: AbortSignal.timeout(CLOSE_WAIT) }).catch((error: unknown) => abort(asError(error)))
    resolve()
  }
  from.addEventListener('message', ({ data }) => {
    if (closing || !count(data.byteLength)) return
    try {
      if (!to.send(data)) pauseSoon(from, () => to.writableNeedsDrain)
    } catch (error) {
      abort(asError(error))
    }
    if (from.remoteWriteStatus === 'closed') queueMicrotask(finish)
  })
  to.addEventListener('drain', () => {
    try {
      if (from.readStatus === 'paused') from.resume()
    } catch {
      // The connection below is gone: its close event says so.
    }
  })
  from.addEventListener('remoteCloseWrite', () => queueMicrotask(finish))
  from.addEventListener('close', ({ error }) => {
    if (error !== undefined) to.abort(error)
    else queueMicrotask(finish)
    resolve()
  })
  if (from.remoteWriteStatus === 'closed' && from.readBufferLength === 0) finish()
  return promise
}

/** A side has this many milliseconds to take what is left before it is cut off. */
const CLOSE_WAIT = 30_000

const asError = (error: unknown) => (error instanceof Error ? error : new Error(String(error)))
