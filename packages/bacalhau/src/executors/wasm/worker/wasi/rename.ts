import { renameSync } from 'node:fs'
import { enter, extentOf } from '../files/directory.ts'
import { entryAt, presentEntry, writableFolder } from '../files/entry.ts'
import { checkReach, type Extent } from '../files/host-folder.ts'
import type { Ledger } from '../files/ledger.ts'
import type { Place } from '../files/resolve.ts'
import { refuse } from './errno.ts'

/** Moves an entry within one writable mount. What stood at the target, if anything, is given back to the account. */
export function renameEntry(ledger: Ledger, source: Place, target: Place): void {
  const from = writableFolder(source)
  const to = writableFolder(target)
  if (from.mount !== to.mount) refuse('xdev')
  const moved = presentEntry(source)
  if ((source.mustBeDirectory || target.mustBeDirectory) && !moved.stat.isDirectory()) refuse('notdir')
  checkReach(to, target.name, moved.stat.isDirectory() ? extentOfFolder(source) : undefined)
  const replaced = entryAt(target)
  renameSync(from.at(source.name), to.at(target.name))
  if (replaced?.kind !== 'host') return
  const same = replaced.stat.ino === moved.stat.ino && replaced.stat.dev === moved.stat.dev
  if (!same) ledger.removed(replaced.stat)
}

function extentOfFolder(place: Place): Extent {
  const folder = enter(place.directory, place.name)
  if ('link' in folder || folder.host === undefined) return refuse('notdir')
  try {
    return extentOf(folder.host)
  } finally {
    folder.host.close()
  }
}
