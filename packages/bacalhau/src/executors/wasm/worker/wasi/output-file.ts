import { closeSync, openSync, writevSync } from 'node:fs'
import { fail, size } from '../../failure.ts'

/** The host file behind standard output or standard error. */
export interface OutputFile {
  /** Appends all of it, or ends the run when there is more than the job may write; then the part that fits is kept. */
  write(buffers: readonly Uint8Array[]): number
  close(): void
}

export interface OutputOptions {
  /** For messages: `standard output`. */
  readonly title: string
  readonly path: string
  /** Bytes. */
  readonly limit: number
  readonly onWrite: () => void
}

export function openOutput({ title, path, limit, onWrite }: OutputOptions): OutputFile {
  const fd = openSync(path, 'a')
  let left = limit
  return {
    write(buffers) {
      const wanted = buffers.reduce((sum, buffer) => sum + buffer.length, 0)
      const fitting = wanted > left ? cut(buffers, left) : buffers
      let written = 0
      if (fitting.length > 0) written = writevSync(fd, fitting)
      left -= written
      onWrite()
      if (wanted > written && left === 0)
        fail(
          'WasmOutputLimit',
          `the job wrote more than ${size(limit)} to ${title}`,
          'Write large data to a result file instead.',
        )
      return written
    },
    close: () => closeSync(fd),
  }
}

/** The first `length` bytes of `buffers`. */
function cut(buffers: readonly Uint8Array[], length: number): Uint8Array[] {
  let left = length
  return buffers.map((buffer) => {
    const part = buffer.subarray(0, left)
    left -= part.length
    return part
  })
}
