import { readlinkSync } from 'node:fs'
import { presentEntry, statAt, writableFolder } from '../files/entry.ts'
import { type Follow, type Place, resolve } from '../files/resolve.ts'
import type { DescriptorTable } from './descriptors.ts'
import { refuse } from './errno.ts'
import { FOLLOW_LINK } from './flags.ts'
import type { GuestMemory } from './guest-memory.ts'
import { openAt } from './open.ts'
import type { GuestProcess } from './process.ts'
import { RIGHT } from './rights.ts'
import { putStat } from './stat-layout.ts'
import { syscall, type SyscallTable } from './syscall.ts'
import { chosenTimes, setTimesAt } from './times.ts'

/** A path as a job gives it: an open directory, and where in memory the text is. */
export type GivenPath = readonly [fd: number, pointer: number, length: number]

/** Resolves paths of a job, for calls that need a certain right on the directory. */
export type ResolveGiven = <T>(
  memory: GuestMemory,
  path: GivenPath,
  options: { readonly right: number; readonly follow: Follow },
  use: (place: Place) => T,
) => T

export function pathResolver(descriptors: DescriptorTable): ResolveGiven {
  return (memory, [fd, pointer, length], { right, follow }, use) =>
    resolve(descriptors.directory(fd, right).directory, memory.text(pointer, length), follow, use)
}

/** Calls that look at or open what a path names. */
export function pathCalls(process: GuestProcess): SyscallTable {
  const { descriptors, times: book } = process
  const at = pathResolver(descriptors)
  const following = (lookup: number): Follow => (lookup & FOLLOW_LINK ? 'always' : 'slash')
  return {
    path_open: syscall(
      'iiiiiIIii',
      (memory, fd, lookup, pointer, length, flags, rights, inheriting, fdFlags, result) => {
        memory.bytes(result, 4)
        descriptors.checkRoom()
        const parent = descriptors.directory(fd, RIGHT.pathOpen)
        const wish = { flags, rights, inheriting, fdFlags }
        const options = { right: RIGHT.pathOpen, follow: following(lookup) }
        const opened = at(memory, [fd, pointer, length], options, (place) => openAt(process, parent, place, wish))
        memory.setU32(result, descriptors.add(opened))
      },
    ),
    path_filestat_get: syscall('iiiii', (memory, fd, lookup, pointer, length, result) => {
      const options = { right: RIGHT.pathStat, follow: following(lookup) }
      putStat(memory, result, book.exactly(at(memory, [fd, pointer, length], options, statAt)))
    }),
    path_filestat_set_times: syscall('iiiiIIi', (memory, fd, lookup, pointer, length, accessed, modified, flags) => {
      const options = { right: RIGHT.pathSetTimes, follow: following(lookup) }
      at(memory, [fd, pointer, length], options, (place) => {
        const times = chosenTimes(flags, accessed, modified, book.exactly(statAt(place)))
        const folder = place.name === '.' ? place.directory.host : writableFolder(place)
        setTimesAt(folder, place.name, times)
        book.note(statAt(place), times)
      })
    }),
    path_readlink: syscall('iiiiii', (memory, fd, pointer, length, buffer, size, result) => {
      const target = memory.bytes(buffer, size)
      const options = { right: RIGHT.pathReadlink, follow: 'never' as const }
      const link = at(memory, [fd, pointer, length], options, (place) => {
        const { path, stat } = presentEntry(place)
        return stat.isSymbolicLink() ? Buffer.from(readlinkSync(path)) : refuse('inval')
      })
      const part = link.subarray(0, target.length)
      target.set(part)
      memory.setU32(result, part.length)
    }),
  }
}
