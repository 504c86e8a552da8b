import { mkdirSync, rmdirSync, unlinkSync } from 'node:fs'
import { presentEntry, writableFolder } from '../files/entry.ts'
import type { Ledger } from '../files/ledger.ts'
import type { Place } from '../files/resolve.ts'
import { linkEntry, makeSymlink, undoOnError, vacantFolder } from './make.ts'
import { type GivenPath, pathResolver } from './calls-path.ts'
import { refuse } from './errno.ts'
import { FOLLOW_LINK } from './flags.ts'
import type { GuestMemory } from './guest-memory.ts'
import type { GuestProcess } from './process.ts'
import { renameEntry } from './rename.ts'
import { RIGHT } from './rights.ts'
import { syscall, type SyscallTable } from './syscall.ts'

/** Calls that make, move and remove names. None of them follows a link at the end of a path. */
export function changeCalls({ descriptors, ledger }: GuestProcess): SyscallTable {
  const resolver = pathResolver(descriptors)
  const at = <T>(memory: GuestMemory, path: GivenPath, right: number, use: (place: Place) => T): T =>
    resolver(memory, path, { right, follow: 'never' }, use)
  return {
    path_create_directory: syscall('iii', (memory, ...path) =>
      at(memory, path, RIGHT.pathCreateDirectory, (place) => {
        const folder = vacantFolder(place)
        ledger.takeFile()
        undoOnError(
          () => mkdirSync(folder.at(place.name), { mode: 0o755 }),
          () => ledger.giveFile(),
        )
      }),
    ),
    path_remove_directory: syscall('iii', (memory, ...path) =>
      at(memory, path, RIGHT.pathRemoveDirectory, (place) => {
        rmdirSync(writableFolder(place).at(place.name))
        ledger.giveFile()
      }),
    ),
    path_unlink_file: syscall('iii', (memory, ...path) =>
      at(memory, path, RIGHT.pathUnlink, (place) => unlinkEntry(ledger, place)),
    ),
    path_symlink: syscall('iiiii', (memory, textPointer, textLength, ...path) => {
      const text = memory.text(textPointer, textLength)
      at(memory, path, RIGHT.pathSymlink, (place) => makeSymlink(ledger, text, place))
    }),
    path_link: syscall('iiiiiii', (memory, fd, lookup, pointer, length, ...target) => {
      // As elsewhere, only the name itself can be linked, not what a link points to.
      if (lookup & FOLLOW_LINK) refuse('inval')
      at(memory, [fd, pointer, length], RIGHT.pathLinkSource, (from) =>
        at(memory, target, RIGHT.pathLinkTarget, (to) => linkEntry(ledger, from, to)),
      )
    }),
    path_rename: syscall('iiiiii', (memory, fd, pointer, length, ...target) =>
      at(memory, [fd, pointer, length], RIGHT.pathRenameSource, (from) =>
        at(memory, target, RIGHT.pathRenameTarget, (to) => renameEntry(ledger, from, to)),
      ),
    ),
  }
}

function unlinkEntry(ledger: Ledger, place: Place): void {
  const folder = writableFolder(place)
  const { stat } = presentEntry(place)
  if (stat.isDirectory()) refuse('isdir')
  if (place.mustBeDirectory) refuse('notdir')
  unlinkSync(folder.at(place.name))
  ledger.removed(stat)
}
