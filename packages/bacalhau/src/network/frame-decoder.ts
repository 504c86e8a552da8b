import { BacalhauError } from '../runtime/error.ts'

/**
 * The frame format: the length of the payload as four bytes, most significant first, then the payload. No type, no flags:
 * what a payload means is up to the protocol that was negotiated for the stream.
 */
export const FRAME_HEADER = 4

/** Cuts a flow of chunks into frames. Holds at most one unfinished frame, in memory proportional to what has arrived of it. */
export interface FrameDecoder {
  /** The frames completed by `chunk`; they may share its memory. Throws `PayloadTooLarge` for a frame beyond the bound. */
  push(chunk: Uint8Array): Uint8Array[]
  /** Has a frame begun that is not complete? */
  readonly partial: boolean
}

export function encodeFrameHeader(length: number): Uint8Array {
  const header = new Uint8Array(FRAME_HEADER)
  new DataView(header.buffer).setUint32(0, length)
  return header
}

export function createFrameDecoder(maxFrame: number): FrameDecoder {
  const header = new Uint8Array(FRAME_HEADER)
  let headerFilled = 0
  let body: Gathering | undefined

  /** Takes header bytes from `chunk` at `offset`; gives the offset after them. */
  function readHeader(chunk: Uint8Array, offset: number): number {
    const taken = chunk.subarray(offset, offset + FRAME_HEADER - headerFilled)
    header.set(taken, headerFilled)
    headerFilled += taken.length
    if (headerFilled < FRAME_HEADER) return offset + taken.length
    const length = new DataView(header.buffer).getUint32(0)
    if (length > maxFrame) {
      throw new BacalhauError(
        'PayloadTooLarge',
        `The peer announced a frame of ${length} bytes; ${maxFrame} are allowed.`,
      )
    }
    body = gather(length)
    return offset + taken.length
  }

  return {
    get partial() {
      return headerFilled > 0
    },
    push(chunk) {
      const frames: Uint8Array[] = []
      let offset = 0
      while (offset < chunk.length || body?.missing === 0) {
        if (body === undefined) {
          offset = readHeader(chunk, offset)
          continue
        }
        const taken = chunk.subarray(offset, offset + body.missing)
        offset += taken.length
        const frame = body.add(taken)
        if (frame === undefined) continue
        frames.push(frame)
        body = undefined
        headerFilled = 0
      }
      return frames
    },
  }
}

interface Gathering {
  readonly missing: number
  /** The whole payload once `part` completes it. */
  add(part: Uint8Array): Uint8Array | undefined
}

/** Smallest buffer for a payload that comes in parts. */
const FIRST_BUFFER = 4096

/** Collects a payload of `length` bytes. The buffer grows with what arrives, never with what was only announced. */
function gather(length: number): Gathering {
  let buffer = new Uint8Array(0)
  let filled = 0
  return {
    get missing() {
      return length - filled
    },
    add(part) {
      if (filled === 0 && part.length === length) return part
      const needed = filled + part.length
      if (needed > buffer.length) {
        const grown = new Uint8Array(Math.min(length, Math.max(needed, 2 * buffer.length, FIRST_BUFFER)))
        grown.set(buffer.subarray(0, filled))
        buffer = grown
      }
      buffer.set(part, filled)
      filled = needed
      return filled === length ? buffer : undefined
    },
  }
}
