import { fstatSync, readvSync, writevSync } from 'node:fs'
import type { Ledger } from '../files/ledger.ts'
import { type DescriptorTable, type InputStream, type OpenFile, requireRight } from './descriptors.ts'
import { refuse } from './errno.ts'
import { FD_FLAG } from './flags.ts'
import type { GuestProcess } from './process.ts'
import { RIGHT } from './rights.ts'
import { syscall, type SyscallTable } from './syscall.ts'

const WHENCE = { set: 0, current: 1, end: 2 } as const

/** Reading, writing and positions of files and streams. */
export function ioCalls({ descriptors, ledger }: GuestProcess): SyscallTable {
  return {
    fd_read: syscall('iiii', (memory, fd, vectors, count, result) => {
      const source = readable(descriptors, fd)
      const buffers = memory.vectors(vectors, count)
      const read = source.hostFd === undefined ? 0 : readAt(source.hostFd, buffers, source.offset)
      source.offset += read
      memory.setU32(result, read)
    }),
    fd_pread: syscall('iiiIi', (memory, fd, vectors, count, offset, result) => {
      const file = descriptors.file(fd, RIGHT.fdRead | RIGHT.fdSeek)
      memory.setU32(result, readAt(file.hostFd, memory.vectors(vectors, count), position(offset)))
    }),
    fd_write: syscall('iiii', (memory, fd, vectors, count, result) => {
      const target = descriptors.get(fd)
      const buffers = memory.vectors(vectors, count)
      if (target.kind === 'output') {
        requireRight(target, RIGHT.fdWrite)
        return memory.setU32(result, target.file.write(buffers))
      }
      const file = descriptors.file(fd, RIGHT.fdWrite)
      const start = file.flags & FD_FLAG.append ? sizeOf(file) : file.offset
      const written = writeAt(file, ledger, buffers, start)
      file.offset = start + written
      memory.setU32(result, written)
    }),
    fd_pwrite: syscall('iiiIi', (memory, fd, vectors, count, offset, result) => {
      const file = descriptors.file(fd, RIGHT.fdWrite | RIGHT.fdSeek)
      // As on Linux, appending wins over the given position.
      const start = file.flags & FD_FLAG.append ? sizeOf(file) : position(offset)
      memory.setU32(result, writeAt(file, ledger, memory.vectors(vectors, count), start))
    }),
    fd_seek: syscall('iIii', (memory, fd, delta, whence, result) => {
      const file = descriptors.file(fd, RIGHT.fdSeek)
      const target = base(file, whence) + BigInt.asIntN(64, delta)
      if (target < 0n) refuse('inval')
      file.offset = position(target)
      memory.setU64(result, target)
    }),
    fd_tell: syscall('ii', (memory, fd, result) => {
      memory.setU64(result, BigInt(descriptors.file(fd, RIGHT.fdTell).offset))
    }),
    // The job's files last as long as its run. Whoever keeps them makes them durable; a job could only wear out the disk.
    fd_sync: syscall('i', (_, fd) => void descriptors.file(fd, RIGHT.fdSync)),
    fd_datasync: syscall('i', (_, fd) => void descriptors.file(fd, RIGHT.fdDatasync)),
  }
}

function readable(descriptors: DescriptorTable, fd: number): InputStream | OpenFile {
  const source = descriptors.get(fd)
  if (source.kind !== 'input') return descriptors.file(fd, RIGHT.fdRead)
  requireRight(source, RIGHT.fdRead)
  return source
}

/** An offset of the job as a number; none beyond 2⁵³ makes sense for a file. */
export function position(offset: bigint): number {
  return offset <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(offset) : refuse('overflow')
}

function base(file: OpenFile, whence: number): bigint {
  if (whence === WHENCE.set) return 0n
  if (whence === WHENCE.current) return BigInt(file.offset)
  return whence === WHENCE.end ? BigInt(sizeOf(file)) : refuse('inval')
}

export function sizeOf(file: OpenFile): number {
  return file.tracked?.size ?? fstatSync(file.hostFd).size
}

function readAt(hostFd: number, buffers: readonly Uint8Array[], offset: number): number {
  return buffers.length === 0 ? 0 : readvSync(hostFd, buffers, offset)
}

/** Writes what the account allows to write; counted before, and corrected when less was written. */
function writeAt(file: OpenFile, ledger: Ledger, buffers: readonly Uint8Array[], start: number): number {
  const { tracked, hostFd } = file
  const length = buffers.reduce((sum, buffer) => sum + buffer.length, 0)
  if (length === 0) return 0
  if (tracked === undefined) refuse('rofs')
  const before = tracked.size
  let written = 0
  ledger.extend(tracked, start + length)
  try {
    written = writevSync(hostFd, buffers, start)
  } finally {
    if (written < length) ledger.shrink(tracked, Math.max(before, start + written))
  }
  return written
}
