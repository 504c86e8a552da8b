import type { AbortOptions } from '@libp2p/interface'
import type { Clock } from '../runtime/clock.ts'
import { systemClock } from '../runtime/clock.ts'
import { BacalhauError } from '../runtime/error.ts'
import { LIMITS } from '../runtime/limits.ts'
import type { ByteStream } from './byte-stream.ts'
import { createFrameDecoder, encodeFrameHeader, FRAME_HEADER } from './frame-decoder.ts'

/** Whole messages of at most `LIMITS.frame` bytes to and from one authenticated peer. */
export interface FrameStream {
  readonly remotePeer: string
  readonly remoteAddress: string
  /** Resolves when more may be sent. Throws `PayloadTooLarge` before sending anything of a frame beyond the bound. */
  send(frame: Uint8Array, options?: AbortOptions): Promise<void>
  /**
   * The frames of the peer, until it closes its side. Throws, and aborts the stream, when the peer sends a frame beyond the
   * bound, ends in the middle of one, or takes longer than `LIMITS.frameArrival` over one. For one reader, once.
   */
  receive(): AsyncGenerator<Uint8Array, void, undefined>
  close(options?: AbortOptions): Promise<void>
  abort(error: Error): void
}

export interface FrameOptions {
  readonly clock?: Clock
  readonly maxFrame?: number
}

/** Speaks the frame format (`frame-decoder.ts`) over `stream`. */
export function frames(stream: ByteStream, options: FrameOptions = {}): FrameStream {
  const { clock = systemClock, maxFrame = LIMITS.frame } = options
  return {
    remotePeer: stream.remotePeer,
    remoteAddress: stream.remoteAddress,
    async send(frame, sendOptions) {
      if (frame.length > maxFrame) {
        throw new BacalhauError('PayloadTooLarge', `A frame may have ${maxFrame} bytes; this one has ${frame.length}.`)
      }
      // One call per frame, so that concurrent senders cannot interleave.
      await stream.send(
        Buffer.concat([encodeFrameHeader(frame.length), frame], FRAME_HEADER + frame.length),
        sendOptions,
      )
    },
    receive: () => receiveFrames(stream, clock, maxFrame),
    close: (closeOptions) => stream.close(closeOptions),
    abort: (error) => stream.abort(error),
  }
}

async function* receiveFrames(stream: ByteStream, clock: Clock, maxFrame: number) {
  const decoder = createFrameDecoder(maxFrame)
  const deadline = arrivalDeadline(clock, () => stream.abort(tooSlow()))
  try {
    for await (const chunk of stream.receive()) {
      deadline.stop()
      for (const frame of decoder.push(chunk)) {
        yield frame
        deadline.reset()
      }
      if (decoder.partial) deadline.run()
    }
    if (decoder.partial) throw new BacalhauError('BadRequest', 'The peer closed the stream in the middle of a frame.')
  } catch (error) {
    stream.abort(error instanceof Error ? error : new Error(String(error)))
    throw error
  } finally {
    deadline.stop()
  }
}

/** Counts the time spent waiting for the peer within one frame, not the time that our own reader takes. */
function arrivalDeadline(clock: Clock, expire: () => void) {
  let left: number = LIMITS.frameArrival
  let since = 0
  let timer: { cancel(): void } | undefined
  return {
    run() {
      since = clock.monotonic()
      timer = clock.after(left, expire)
    },
    stop() {
      if (timer === undefined) return
      timer.cancel()
      timer = undefined
      left -= clock.monotonic() - since
    },
    reset() {
      left = LIMITS.frameArrival
    },
  }
}

const tooSlow = () =>
  new BacalhauError('TimeOut', `The peer took more than ${LIMITS.frameArrival / 1000} s to send one frame.`)
