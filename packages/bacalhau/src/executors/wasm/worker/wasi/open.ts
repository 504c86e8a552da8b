import { closeSync, constants, fstatSync, ftruncateSync, openSync } from 'node:fs'
import { systemCode } from '../../../../runtime/error.ts'
import { enter } from '../files/directory.ts'
import { entryAt, type HostEntry, writableFolder } from '../files/entry.ts'
import { checkReach } from '../files/host-folder.ts'
import type { TrackedFile } from '../files/ledger.ts'
import type { Place } from '../files/resolve.ts'
import type { MountPoint } from '../files/tree.ts'
import type { Descriptor, OpenDirectory, OpenFile } from './descriptors.ts'
import { refuse } from './errno.ts'
import { FD_FLAG, OPEN_FLAG } from './flags.ts'
import type { GuestProcess } from './process.ts'
import { DIRECTORY_RIGHTS, FILE_RIGHTS, RIGHT, rightsFrom, WRITING_RIGHTS } from './rights.ts'

const KNOWN_FLAGS = FD_FLAG.append | FD_FLAG.dsync | FD_FLAG.nonblock | FD_FLAG.rsync | FD_FLAG.sync

/** What a job asks of `path_open`. */
export interface OpenWish {
  /** `oflags`. */
  readonly flags: number
  readonly rights: bigint
  readonly inheriting: bigint
  readonly fdFlags: number
}

/** Opens what stands at a place, or makes it. */
export function openAt(process: GuestProcess, parent: OpenDirectory, place: Place, wish: OpenWish): Descriptor {
  const { flags } = wish
  if (flags & OPEN_FLAG.truncate && !(parent.rights & RIGHT.pathSetSize)) refuse('notcapable')
  if (flags & OPEN_FLAG.create && !(parent.rights & RIGHT.pathCreateFile)) refuse('notcapable')
  const wanted = rightsFrom(wish.rights)
  if (wanted & ~parent.inheriting & (RIGHT.fdRead | RIGHT.fdWrite)) refuse('notcapable')
  const rights = { rights: wanted & parent.inheriting, inheriting: rightsFrom(wish.inheriting) & parent.inheriting }

  const entry = entryAt(place)
  if (entry !== undefined && flags & OPEN_FLAG.create && flags & OPEN_FLAG.exclusive) refuse('exist')
  if (entry?.kind === 'virtual' || entry?.stat.isDirectory() === true) {
    if (rights.rights & RIGHT.fdWrite || flags & (OPEN_FLAG.create | OPEN_FLAG.truncate)) refuse('isdir')
    return openDirectory(place, { rights: rights.rights & DIRECTORY_RIGHTS, inheriting: rights.inheriting })
  }
  if (place.mustBeDirectory || flags & OPEN_FLAG.directory) refuse(entry === undefined ? 'noent' : 'notdir')
  const mode: FileMode = {
    ...rights,
    rights: rights.rights & FILE_RIGHTS,
    flags: wish.fdFlags & KNOWN_FLAGS,
    truncate: (flags & OPEN_FLAG.truncate) !== 0,
  }
  if (entry !== undefined) return openFile(process, entry, mode)
  return flags & OPEN_FLAG.create ? createFile(process, place, mode) : refuse('noent')
}

function openDirectory(place: Place, rights: { rights: number; inheriting: number }): OpenDirectory {
  const directory = enter(place.directory, place.name)
  // Checked a moment ago not to be a link: somebody outside of the sandbox changes the mount.
  if ('link' in directory) refuse('loop')
  return { kind: 'directory', ...rights, flags: 0, directory, listing: [] }
}

interface FileMode {
  readonly rights: number
  readonly inheriting: number
  readonly flags: number
  readonly truncate: boolean
}

/**
 * Flags for the host's `open`: never through a link, never waiting for the other end of a pipe. Synchronous writing is not
 * among them: see `fd_sync`.
 */
function hostFlags({ rights, truncate }: FileMode): number {
  const writes = (rights & WRITING_RIGHTS) !== 0 || truncate
  const reads = (rights & RIGHT.fdRead) !== 0 || !writes
  const access = writes ? (reads ? constants.O_RDWR : constants.O_WRONLY) : constants.O_RDONLY
  // Windows has neither of the two; `|` takes what is not there for 0.
  return access | constants.O_NOFOLLOW | constants.O_NONBLOCK
}

function openFile(process: GuestProcess, { mount, path, stat }: HostEntry, mode: FileMode): OpenFile {
  if (stat.isSymbolicLink()) refuse('loop')
  // Devices, pipes and sockets of the host are no business of a job.
  if (!stat.isFile()) refuse('acces')
  const writes = (mode.rights & WRITING_RIGHTS) !== 0 || mode.truncate
  if (writes && mount.readOnly) refuse('rofs')
  const hostFd = openSync(path, hostFlags(mode))
  return describe(process, hostFd, mount, mode)
}

function createFile(process: GuestProcess, place: Place, mode: FileMode): OpenFile {
  const folder = writableFolder(place)
  checkReach(folder, place.name)
  process.ledger.takeFile()
  let hostFd: number
  try {
    hostFd = openSync(folder.at(place.name), hostFlags(mode) | constants.O_CREAT | constants.O_EXCL, 0o644)
  } catch (error) {
    process.ledger.giveFile()
    // Made by somebody outside of the sandbox just now.
    if (systemCode(error) === 'EEXIST') refuse('again')
    throw error
  }
  return describe(process, hostFd, folder.mount, mode)
}

/** Makes a descriptor of an open host file, after a look at what was really opened. */
function describe({ ledger }: GuestProcess, hostFd: number, mount: MountPoint, mode: FileMode): OpenFile {
  const { rights, inheriting, flags } = mode
  let tracked: TrackedFile | undefined
  try {
    const stat = fstatSync(hostFd, { bigint: true })
    if (!stat.isFile()) refuse('acces')
    if (!mount.readOnly) tracked = ledger.open(stat)
    if (mode.truncate && tracked !== undefined) {
      ftruncateSync(hostFd, 0)
      ledger.shrink(tracked, 0)
    }
    return { kind: 'file', rights, inheriting, flags, hostFd, mount, tracked, offset: 0 }
  } catch (error) {
    closeSync(hostFd)
    if (tracked !== undefined) ledger.close(tracked, false)
    throw error
  }
}
