import { namesIn } from '../files/directory.ts'
import { entryAt } from '../files/entry.ts'
import { FILE_TYPE, typeOf } from '../files/stat.ts'
import type { OpenDirectory } from './descriptors.ts'
import { refuse } from './errno.ts'
import type { GuestProcess } from './process.ts'
import { RIGHT } from './rights.ts'
import { syscall, type SyscallTable } from './syscall.ts'

const PREOPEN_DIRECTORY = 0
/** Bytes of a `dirent` before its name. */
const DIRENT = 24

/** Directories that are there from the start, and what is in a directory. */
export function directoryCalls({ descriptors }: GuestProcess): SyscallTable {
  const preopen = (fd: number): Uint8Array => {
    const descriptor = descriptors.get(fd)
    if (descriptor.kind !== 'directory' || descriptor.preopen === undefined) refuse('badf')
    return Buffer.from(descriptor.preopen)
  }
  return {
    fd_prestat_get: syscall('ii', (memory, fd, result) => {
      const name = preopen(fd)
      memory.setU32(result, PREOPEN_DIRECTORY)
      memory.setU32(result + 4, name.length)
    }),
    fd_prestat_dir_name: syscall('iii', (memory, fd, buffer, length) => {
      const name = preopen(fd)
      if (length < name.length) refuse('nametoolong')
      memory.bytes(buffer, name.length).set(name)
    }),
    fd_readdir: syscall('iiiIi', (memory, fd, buffer, length, cookie, result) => {
      const open = descriptors.directory(fd, RIGHT.fdReaddir)
      const target = memory.bytes(buffer, length)
      if (cookie === 0n) open.listing = ['.', '..', ...namesIn(open.directory)]
      memory.setU32(result, fillEntries(open, target, Number(cookie)))
    }),
  }
}

/** Writes entries from the one numbered `first` until the buffer is full; the last one may be cut. Gives the bytes used. */
function fillEntries(open: OpenDirectory, target: Uint8Array, first: number): number {
  let used = 0
  for (let index = first; index < open.listing.length && used < target.length; index++) {
    const entry = encodeEntry(open, open.listing[index] ?? '', index + 1)
    const part = entry.subarray(0, target.length - used)
    target.set(part, used)
    used += part.length
  }
  return used
}

function encodeEntry(open: OpenDirectory, name: string, next: number): Uint8Array {
  const text = Buffer.from(name)
  const entry = Buffer.alloc(DIRENT + text.length)
  const { inode, type } = identify(open, name)
  entry.writeBigUInt64LE(BigInt(next), 0)
  entry.writeBigUInt64LE(inode, 8)
  entry.writeUInt32LE(text.length, 16)
  entry.writeUInt8(type, 20)
  entry.set(text, DIRENT)
  return entry
}

/** What lies above is not told, and an entry may have gone since the names were read. */
function identify({ directory }: OpenDirectory, name: string): { inode: bigint; type: number } {
  if (name === '..') return { inode: 0n, type: FILE_TYPE.directory }
  const entry = entryAt({ directory, name, mustBeDirectory: false })
  if (entry === undefined) return { inode: 0n, type: FILE_TYPE.unknown }
  if (entry.kind === 'virtual') return { inode: 0n, type: FILE_TYPE.directory }
  return { inode: entry.stat.ino, type: typeOf(entry.stat) }
}
