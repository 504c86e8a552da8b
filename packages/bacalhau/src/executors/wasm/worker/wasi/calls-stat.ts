import { fstatSync, ftruncateSync, futimesSync } from 'node:fs'
import { statAt } from '../files/entry.ts'
import type { Ledger } from '../files/ledger.ts'
import { FILE_TYPE, fileStat, type FileStat, virtualStat } from '../files/stat.ts'
import type { Times } from '../files/time-book.ts'
import { position, sizeOf } from './calls-io.ts'
import { type Descriptor, type OpenFile, requireRight } from './descriptors.ts'
import { refuse } from './errno.ts'
import type { GuestProcess } from './process.ts'
import { RIGHT } from './rights.ts'
import { putStat } from './stat-layout.ts'
import { syscall, type SyscallTable } from './syscall.ts'
import { chosenTimes, inSeconds, setTimesAt } from './times.ts'

/** Facts, size and times of what is open. */
export function statCalls({ descriptors, ledger, times: book }: GuestProcess): SyscallTable {
  return {
    fd_filestat_get: syscall('ii', (memory, fd, result) => {
      const descriptor = descriptors.get(fd)
      requireRight(descriptor, RIGHT.fdStat)
      putStat(memory, result, book.exactly(statOf(descriptor)))
    }),
    fd_filestat_set_size: syscall('iI', (_, fd, size) => {
      resize(ledger, descriptors.file(fd, RIGHT.fdSetSize), position(size))
    }),
    fd_allocate: syscall('iII', (_, fd, offset, length) => {
      const file = descriptors.file(fd, RIGHT.fdAllocate)
      if (length === 0n) refuse('inval')
      const end = position(offset + length)
      if (end > sizeOf(file)) resize(ledger, file, end)
    }),
    fd_filestat_set_times: syscall('iIIi', (_, fd, accessed, modified, flags) => {
      const descriptor = descriptors.get(fd)
      requireRight(descriptor, RIGHT.fdSetTimes)
      const times = chosenTimes(flags, accessed, modified, book.exactly(statOf(descriptor)))
      setTimes(descriptor, times)
      book.note(statOf(descriptor), times)
    }),
  }
}

function setTimes(descriptor: Descriptor, times: Times): void {
  if (descriptor.kind === 'directory') return setTimesAt(descriptor.directory.host, '.', times)
  if (descriptor.kind !== 'file') return refuse('inval')
  if (descriptor.mount.readOnly) refuse('rofs')
  futimesSync(descriptor.hostFd, ...inSeconds(times))
}

/** Counted before the file grows, and corrected by what became of it. */
function resize(ledger: Ledger, { tracked, hostFd }: OpenFile, size: number): void {
  if (tracked === undefined) refuse('rofs')
  ledger.extend(tracked, size)
  try {
    ftruncateSync(hostFd, size)
  } finally {
    ledger.shrink(tracked, fstatSync(hostFd).size)
  }
}

function statOf(descriptor: Descriptor): FileStat {
  switch (descriptor.kind) {
    case 'file':
      return fileStat(fstatSync(descriptor.hostFd, { bigint: true }), descriptor.mount.device)
    case 'directory':
      return statAt({ directory: descriptor.directory, name: '.', mustBeDirectory: false })
    case 'input':
    case 'output':
      return virtualStat(FILE_TYPE.characterDevice)
  }
}
