import { ApiError } from '../api-error.ts'
import { readVarint } from './bytes.ts'
import { type Cid, readCid } from './cid.ts'

export interface CarBlock {
  readonly cid: Cid
  /** Not yet verified. */
  readonly block: Uint8Array<ArrayBuffer>
}

/** Bytes of one section, which is a CID and a block of at most 2 MiB, and of the header. */
const LARGEST_SECTION = 2 * 1024 * 1024 + 256
const LARGEST_HEADER = 64 * 1024

/**
 * The blocks of a CAR (version 1, https://ipld.io/specs/transport/car/carv1/) as they come. Its header is passed over: what the
 * blocks are worth shows when they are verified. Throws `ContentInvalid`, or what the stream fails with.
 */
export async function* readCar(body: ReadableStream<Uint8Array>): AsyncGenerator<CarBlock> {
  const reader = body.getReader()
  const pieces = createPieces(reader)
  try {
    const header = await pieces.next(LARGEST_HEADER)
    if (header === undefined) throw invalid('it is empty')
    for (let section = await pieces.next(LARGEST_SECTION); section; section = await pieces.next(LARGEST_SECTION)) {
      const { cid, end } = readCid(section, 0)
      yield { cid, block: section.subarray(end) }
    }
  } catch (error) {
    throw error instanceof RangeError ? invalid(error.message) : error
  } finally {
    await reader.cancel().catch(() => {})
  }
}

/** Cuts a flow of chunks into the pieces whose lengths precede them. Holds one piece and one chunk. */
function createPieces(reader: ReadableStreamDefaultReader<Uint8Array>) {
  let rest: Uint8Array = new Uint8Array()
  const more = async (): Promise<boolean> => {
    const { done, value } = await reader.read()
    if (done) return false
    rest = rest.length === 0 ? value : joined([rest, value], rest.length + value.length)
    return true
  }
  const length = async (): Promise<number | undefined> => {
    for (;;) {
      const read = readVarint(rest, 0)
      if (read !== undefined) {
        rest = rest.subarray(read.end)
        return read.value
      }
      if (!(await more())) return rest.length === 0 ? undefined : invalidEnd()
    }
  }
  return {
    async next(largest: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
      const size = await length()
      if (size === undefined) return undefined
      if (size > largest) throw invalid(`a section of ${size} bytes is too large`)
      const parts: Uint8Array[] = []
      for (let missing = size; missing > 0;) {
        if (rest.length === 0 && !(await more())) return invalidEnd()
        const part = rest.subarray(0, missing)
        rest = rest.subarray(part.length)
        missing -= part.length
        parts.push(part)
      }
      return joined(parts, size)
    },
  }
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(length)
  let offset = 0
  for (const part of parts) {
    whole.set(part, offset)
    offset += part.length
  }
  return whole
}

/** A node that cannot go on can only cut the stream. */
function invalidEnd(): never {
  throw new ApiError(0, 'Unreachable', 'the content ends too early')
}

const invalid = (why: string) => new ApiError(0, 'ContentInvalid', `the node sent an archive that is none: ${why}`)
