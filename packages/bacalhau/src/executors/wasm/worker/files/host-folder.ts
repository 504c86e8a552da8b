import { existsSync } from 'node:fs'
import { refuse } from '../wasi/errno.ts'
import { openPathFolder } from './path-folder.ts'
import { openProcFolder } from './proc-folder.ts'
import type { MountPoint } from './tree.ts'

/** Where a symbolic link points to, as its text says. */
export interface Link {
  readonly link: string
}

/**
 * A folder of the host inside of a mount. No call on it ever follows a symbolic link: links are read, and resolved by us
 * (resolve.ts).
 */
export interface HostFolder {
  readonly mount: MountPoint
  /** A host path that names an entry of exactly this folder, for one call that does not follow a final link. */
  at(name: string): string
  /** The folder `name` in this one (`.` for another handle to this one), or the link that stands in its place. */
  enter(name: string): HostFolder | Link
  /** Path below the mount, as of now; empty for the mount itself. */
  location(): string
  close(): void
}

/**
 * How deep and how long paths below a mount may get. Whoever publishes or deletes the results on the host uses ordinary
 * absolute paths, which a kernel takes up to 4,096 bytes.
 */
const MAX_PATH_BYTES = 1_024
export const MAX_DEPTH = 128

/** Refuses a new entry that would lie too deep or have too long a path; `below` is what hangs from it, if anything. */
export function checkReach(folder: HostFolder, name: string, below: Extent = { bytes: 0, depth: 0 }): void {
  const path = `${folder.location()}/${name}`
  if (Buffer.byteLength(path) + below.bytes > MAX_PATH_BYTES) refuse('nametoolong')
  if (path.split('/').length - 1 + below.depth > MAX_DEPTH) refuse('nametoolong')
}

/** The longest path and the greatest depth below a folder. */
export interface Extent {
  readonly bytes: number
  readonly depth: number
}

/** Linux names open folders in `/proc`, which makes every step safe against changes from outside, too. */
const hasProc = process.platform === 'linux' && existsSync('/proc/self/fd')

export function openMount(mount: MountPoint): HostFolder {
  return hasProc ? openProcFolder(mount) : openPathFolder(mount)
}
