import { lstatSync, readlinkSync } from 'node:fs'
import path from 'node:path'
import { refuse } from '../wasi/errno.ts'
import type { HostFolder } from './host-folder.ts'
import type { MountPoint } from './tree.ts'

/**
 * Folders as paths, for systems where an open folder has no name. Each use checks again that every part of the path is a
 * real folder. The job is the only one to change its own mounts, so nothing comes between check and use.
 */
export function openPathFolder(mount: MountPoint, names: readonly string[] = []): HostFolder {
  const at = (name: string) => {
    checkName(name)
    let here = mount.hostPath
    for (const part of names) {
      here = path.join(here, part)
      if (!lstatSync(here).isDirectory()) refuse('notdir')
    }
    return path.join(here, name)
  }
  return {
    mount,
    at,
    enter(name) {
      if (name === '.') return openPathFolder(mount, names)
      const entry = at(name)
      const stat = lstatSync(entry)
      if (stat.isSymbolicLink()) return { link: readlinkSync(entry) }
      if (!stat.isDirectory()) refuse('notdir')
      return openPathFolder(mount, [...names, name])
    },
    location: () => names.map((name) => `/${name}`).join(''),
    close: () => {},
  }
}

/** Names that Windows takes for something else than a file of that name: paths, streams, devices. */
const STRANGE = /[\\/:*?"<>|\p{Cc}]|[. ]$|^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/iu

function checkName(name: string): void {
  if (path.sep === '\\' && name !== '.' && STRANGE.test(name)) refuse('inval')
}
