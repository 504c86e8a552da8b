import { type BigIntStats, lstatSync, statSync } from 'node:fs'
import { refuse } from '../wasi/errno.ts'
import type { HostFolder } from './host-folder.ts'
import type { Place } from './resolve.ts'
import { FILE_TYPE, fileStat, type FileStat, virtualStat } from './stat.ts'
import type { MountPoint } from './tree.ts'

/** What stands at a place: nothing of the host's, or something of a mount, under a host path good for one call. */
export type Entry = { readonly kind: 'virtual' } | HostEntry

export interface HostEntry {
  readonly kind: 'host'
  readonly mount: MountPoint
  readonly path: string
  readonly stat: BigIntStats
}

/** Looks at a place without following a link there; `undefined` when there is nothing. */
export function entryAt({ directory: { node, host }, name }: Place): Entry | undefined {
  if (name === '.') return host === undefined ? { kind: 'virtual' } : hostEntry(host.mount, host.at('.'))
  const child = node?.children.get(name)
  if (child?.mount !== undefined) {
    const { mount } = child
    // What is mounted was chosen by the host, so a link there is the host's own wish.
    return { kind: 'host', mount, path: mount.hostPath, stat: statSync(mount.hostPath, { bigint: true }) }
  }
  if (child !== undefined) return { kind: 'virtual' }
  return host && hostEntry(host.mount, host.at(name))
}

function hostEntry(mount: MountPoint, path: string): HostEntry | undefined {
  const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false })
  return stat && { kind: 'host', mount, path, stat }
}

/** The facts of what stands at a place; fails when there is nothing. */
export function statAt(place: Place): FileStat {
  const entry = entryAt(place) ?? refuse('noent')
  const stat = entry.kind === 'virtual' ? virtualStat(FILE_TYPE.directory) : fileStat(entry.stat, entry.mount.device)
  if (place.mustBeDirectory && stat.type !== FILE_TYPE.directory) refuse('notdir')
  return stat
}

/** The host's entry at a place; fails when there is none, or something of the sandbox's own. */
export function presentEntry(place: Place): HostEntry {
  const entry = entryAt(place) ?? refuse('noent')
  return entry.kind === 'host' ? entry : refuse('busy')
}

/** The folder in which a place's entry can be made, changed or removed by the job; fails when it cannot be. */
export function writableFolder({ directory: { node, host }, name }: Place): HostFolder {
  if (host === undefined || host.mount.readOnly) refuse('rofs')
  // A mount, or the way to one, stays where it is.
  if (name === '.' || node?.children.has(name) === true) refuse('busy')
  return host
}
