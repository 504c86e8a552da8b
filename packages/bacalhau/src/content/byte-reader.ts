import { BacalhauError } from '../runtime/error.ts'
import { decodeVarint } from '../network/varint.ts'

/** Reads a flow of chunks piece by piece. Holds no more than one chunk and the piece that is being gathered. */
export interface ByteReader {
  /** Exactly `length` bytes, which may share memory with a chunk. Throws `ContentInvalid` when the flow ends before. */
  read(length: number): Promise<Uint8Array>
  /** A number, or undefined at the end of the flow. Throws `ContentInvalid` when the flow ends within it. */
  varint(): Promise<number | undefined>
  /** Lets go of the source. */
  stop(): Promise<void>
}

export function createByteReader(source: AsyncIterable<Uint8Array>): ByteReader {
  const chunks = source[Symbol.asyncIterator]()
  let rest: Uint8Array = new Uint8Array()

  /** Makes `rest` non-empty; false at the end. */
  async function refill(): Promise<boolean> {
    while (rest.length === 0) {
      const { done, value } = await chunks.next()
      if (done === true) return false
      rest = value
    }
    return true
  }

  const take = (length: number) => {
    const taken = rest.subarray(0, length)
    rest = rest.subarray(taken.length)
    return taken
  }

  return {
    async read(length) {
      if (rest.length >= length) return take(length)
      const parts: Uint8Array[] = []
      for (let missing = length; missing > 0;) {
        if (!(await refill())) throw new BacalhauError('ContentInvalid', 'The data ends too early.')
        const part = take(missing)
        parts.push(part)
        missing -= part.length
      }
      return Buffer.concat(parts, length)
    },
    async varint() {
      const bytes: number[] = []
      while (await refill()) {
        bytes.push(...take(1))
        const read = decodeVarint(Uint8Array.from(bytes))
        if (read !== undefined) return read.value
      }
      if (bytes.length > 0) throw new BacalhauError('ContentInvalid', 'The data ends within a number.')
      return undefined
    },
    async stop() {
      await chunks.return?.()
    },
  }
}
