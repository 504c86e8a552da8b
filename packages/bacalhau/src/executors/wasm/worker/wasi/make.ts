import { linkSync, symlinkSync } from 'node:fs'
import { entryAt, presentEntry, writableFolder } from '../files/entry.ts'
import { checkReach, type HostFolder } from '../files/host-folder.ts'
import type { Ledger } from '../files/ledger.ts'
import type { Place } from '../files/resolve.ts'
import { refuse } from './errno.ts'

/** The folder for a new entry; fails when there is something already, or no new entry may be made. */
export function vacantFolder(place: Place): HostFolder {
  if (entryAt(place) !== undefined) refuse('exist')
  const folder = writableFolder(place)
  checkReach(folder, place.name)
  return folder
}

/** Does what was accounted for; takes it back from the account when it fails. */
export function undoOnError(act: () => void, undo: () => void): void {
  try {
    act()
  } catch (error) {
    undo()
    throw error
  }
}

/** A symbolic link with this text. Whether the text leads anywhere allowed is settled when the link is followed. */
export function makeSymlink(ledger: Ledger, text: string, place: Place): void {
  if (text === '') refuse('noent')
  if (text.includes('\0')) refuse('inval')
  if (text.startsWith('/')) refuse('perm')
  const folder = vacantFolder(place)
  if (place.mustBeDirectory) refuse('noent')
  // A link is as large as its text.
  const bytes = Buffer.byteLength(text)
  ledger.takeBytes(bytes)
  ledger.takeFile()
  undoOnError(
    () => symlinkSync(text, folder.at(place.name)),
    () => {
      ledger.giveBytes(bytes)
      ledger.giveFile()
    },
  )
}

/** A second name for a file of the same writable mount. */
export function linkEntry(ledger: Ledger, source: Place, target: Place): void {
  const from = writableFolder(source)
  const { stat } = presentEntry(source)
  if (stat.isDirectory()) refuse('perm')
  // Elsewhere than on Linux, the system would follow a symbolic link, and link to what it points to.
  if (stat.isSymbolicLink() && process.platform !== 'linux') refuse('notsup')
  const to = vacantFolder(target)
  if (target.mustBeDirectory) refuse('noent')
  if (from.mount !== to.mount) refuse('xdev')
  ledger.takeFile()
  undoOnError(
    () => linkSync(from.at(source.name), to.at(target.name)),
    () => ledger.giveFile(),
  )
}
