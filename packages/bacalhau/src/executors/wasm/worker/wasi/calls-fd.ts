import { FILE_TYPE } from '../files/stat.ts'
import { type Descriptor, requireRight } from './descriptors.ts'
import { refuse } from './errno.ts'
import { FD_FLAG } from './flags.ts'
import type { GuestProcess } from './process.ts'
import { RIGHT, rightsFrom } from './rights.ts'
import { syscall, type SyscallTable } from './syscall.ts'

const SETTABLE_FLAGS = FD_FLAG.append | FD_FLAG.nonblock
const LAST_ADVICE = 5

/** Descriptors themselves: closing, moving, their flags and rights. */
export function descriptorCalls({ descriptors }: GuestProcess): SyscallTable {
  return {
    fd_close: syscall('i', (_, fd) => descriptors.close(fd)),
    fd_renumber: syscall('ii', (_, from, to) => descriptors.renumber(from, to)),
    fd_advise: syscall('iIIi', (_, fd, _offset, _length, advice) => {
      descriptors.file(fd, RIGHT.fdAdvise)
      if (advice > LAST_ADVICE) refuse('inval')
    }),
    fd_fdstat_get: syscall('ii', (memory, fd, result) => {
      const descriptor = descriptors.get(fd)
      memory.bytes(result, 24).fill(0)
      memory.setU8(result, typeOf(descriptor))
      memory.setU16(result + 2, descriptor.flags)
      memory.setU64(result + 8, BigInt(descriptor.rights))
      memory.setU64(result + 16, BigInt(descriptor.inheriting))
    }),
    fd_fdstat_set_flags: syscall('ii', (_, fd, flags) => {
      const descriptor = descriptors.get(fd)
      requireRight(descriptor, RIGHT.fdSetFlags)
      if ((flags ^ descriptor.flags) & ~SETTABLE_FLAGS) refuse('notsup')
      descriptor.flags = flags
    }),
    fd_fdstat_set_rights: syscall('iII', (_, fd, rights, inheriting) => {
      const descriptor = descriptors.get(fd)
      const [own, passed] = [rightsFrom(rights), rightsFrom(inheriting)]
      if (own & ~descriptor.rights || passed & ~descriptor.inheriting) refuse('notcapable')
      Object.assign(descriptor, { rights: own, inheriting: passed })
    }),
  }
}

function typeOf(descriptor: Descriptor): number {
  if (descriptor.kind === 'directory') return FILE_TYPE.directory
  return descriptor.kind === 'file' ? FILE_TYPE.regularFile : FILE_TYPE.characterDevice
}
