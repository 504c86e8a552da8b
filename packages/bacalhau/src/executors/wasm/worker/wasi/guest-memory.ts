import { fail } from '../../failure.ts'
import { refuse } from './errno.ts'

/**
 * The memory of a module, seen from outside. Pointers and lengths come from the job, as numbers without sign; every use is
 * checked against the memory's present size and fails with EFAULT beyond it.
 */
export interface GuestMemory {
  getU8(pointer: number): number
  getU16(pointer: number): number
  getU32(pointer: number): number
  getU64(pointer: number): bigint
  setU8(pointer: number, value: number): void
  setU16(pointer: number, value: number): void
  setU32(pointer: number, value: number): void
  setU64(pointer: number, value: bigint): void
  /** The bytes themselves, not a copy. Good until the job runs on. */
  bytes(pointer: number, length: number): Uint8Array
  /** A UTF-8 string; EILSEQ when it is not one. */
  text(pointer: number, length: number): string
  /** The buffers of an `iovec` array. Their total is cut at what one call can transfer. */
  vectors(pointer: number, count: number): Uint8Array[]
}

/** Longest `iovec` array, as Linux has it. */
const MAX_VECTORS = 1_024
/** Bytes that one call transfers at most; callers see a short read or write, as POSIX allows. */
const MAX_TRANSFER = 1 << 30

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** `find` gives the memory once the module is instantiated. */
export function createGuestMemory(find: () => WebAssembly.Memory | undefined): GuestMemory {
  let view = new DataView(new ArrayBuffer(0))
  let memory: WebAssembly.Memory | undefined
  const at = (pointer: number, length: number): DataView => {
    memory ??= find() ?? noMemory()
    if (view.buffer !== memory.buffer) view = new DataView(memory.buffer)
    if (pointer + length > view.byteLength) refuse('fault')
    return view
  }
  const bytes = (pointer: number, length: number) => {
    const { buffer } = at(pointer, length)
    return new Uint8Array(buffer, pointer, length)
  }
  return {
    getU8: (pointer) => at(pointer, 1).getUint8(pointer),
    getU16: (pointer) => at(pointer, 2).getUint16(pointer, true),
    getU32: (pointer) => at(pointer, 4).getUint32(pointer, true),
    getU64: (pointer) => at(pointer, 8).getBigUint64(pointer, true),
    setU8: (pointer, value) => at(pointer, 1).setUint8(pointer, value),
    setU16: (pointer, value) => at(pointer, 2).setUint16(pointer, value, true),
    setU32: (pointer, value) => at(pointer, 4).setUint32(pointer, value, true),
    setU64: (pointer, value) => at(pointer, 8).setBigUint64(pointer, value, true),
    bytes,
    text(pointer, length) {
      try {
        return utf8.decode(bytes(pointer, length))
      } catch (error) {
        if (error instanceof TypeError) refuse('ilseq')
        throw error
      }
    },
    vectors(pointer, count) {
      if (count > MAX_VECTORS) refuse('inval')
      let left = MAX_TRANSFER
      return Array.from({ length: count }, (_, index) => {
        const start = pointer + 8 * index
        const vector = at(start, 8)
        const buffer = bytes(vector.getUint32(start, true), vector.getUint32(start + 4, true))
        const part = buffer.subarray(0, left)
        left -= part.length
        return part
      })
    },
  }
}

function noMemory(): never {
  return fail('WasmInvalidModule', 'the module calls the system with pointers but exports no memory named "memory"')
}
