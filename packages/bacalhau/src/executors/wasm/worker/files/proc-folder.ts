import { closeSync, constants, openSync, readlinkSync } from 'node:fs'
import { systemCode } from '../../../../runtime/error.ts'
import { refuse } from '../wasi/errno.ts'
import type { HostFolder, Link } from './host-folder.ts'
import type { MountPoint } from './tree.ts'

const OPEN_FOLDER = constants.O_RDONLY | constants.O_DIRECTORY

/**
 * Folders as open descriptors. `/proc/self/fd/7/name` is to Linux what `openat(7, "name")` is: the kernel starts from the
 * open folder itself, wherever it has been moved meanwhile, and walks a single name.
 */
export function openProcFolder(mount: MountPoint): HostFolder {
  const descriptor = openSync(mount.hostPath, OPEN_FOLDER)
  const root = readlinkSync(`/proc/self/fd/${descriptor}`)
  return procFolder(mount, descriptor, root === '/' ? '' : root)
}

function procFolder(mount: MountPoint, descriptor: number, root: string): HostFolder {
  const base = `/proc/self/fd/${descriptor}`
  const at = (name: string) => `${base}/${name}`
  return {
    mount,
    at,
    enter(name) {
      try {
        return procFolder(mount, openSync(at(name), OPEN_FOLDER | constants.O_NOFOLLOW), root)
      } catch (error) {
        // Linux says ENOTDIR for a link as well as for a file.
        if (systemCode(error) === 'ENOTDIR' || systemCode(error) === 'ELOOP') return readLink(at(name))
        throw error
      }
    },
    location: () => readlinkSync(base).slice(root.length),
    close: () => closeSync(descriptor),
  }
}

function readLink(path: string): Link {
  try {
    return { link: readlinkSync(path) }
  } catch (error) {
    if (systemCode(error) === 'EINVAL') refuse('notdir')
    throw error
  }
}
