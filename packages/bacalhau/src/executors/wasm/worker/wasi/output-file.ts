import { closeSync, openSync, unlinkSync, writevSync } from 'node:fs'
import { rollingWithin, SEGMENTS, segmentPath } from '../../../rolling-output.ts'

/** Where standard output or standard error goes: files that roll, as `rolling-output.ts` says. */
export interface OutputFile {
  /** Appends all of it. */
  write(buffers: readonly Uint8Array[]): number
  close(): void
}

export interface OutputOptions {
  readonly path: string
  /** Bytes that stay. */
  readonly limit: number
  readonly onWrite: () => void
  /** The output goes on in a further file. */
  readonly onRoll: () => void
}

export function openOutput({ path, limit, onWrite, onRoll }: OutputOptions): OutputFile {
  const rolling = rollingWithin(limit)
  const segments: string[] = []
  let fd = openSync(path, 'a')
  let room = rolling.head
  let size = 0

  function roll(): void {
    const segment = segmentPath(path, size)
    const next = openSync(segment, 'w', 0o600)
    closeSync(fd)
    fd = next
    room = rolling.segment
    segments.push(segment)
    const oldest = segments.length > SEGMENTS ? segments.shift() : undefined
    if (oldest !== undefined) unlinkSync(oldest)
    onRoll()
  }

  return {
    write(buffers) {
      let written = 0
      for (let rest = buffers; rest.length > 0;) {
        if (room === 0) roll()
        const part = writevSync(fd, cut(rest, 0, room))
        written += part
        size += part
        room -= part
        rest = cut(rest, part, Number.POSITIVE_INFINITY)
      }
      onWrite()
      return written
    },
    close: () => closeSync(fd),
  }
}

/** The bytes of `buffers` from `start` up to `end`, without copying. */
function cut(buffers: readonly Uint8Array[], start: number, end: number): Uint8Array[] {
  const parts: Uint8Array[] = []
  let at = 0
  for (const buffer of buffers) {
    const part = buffer.subarray(Math.max(0, start - at), Math.max(0, end - at))
    if (part.length > 0) parts.push(part)
    at += buffer.length
  }
  return parts
}
