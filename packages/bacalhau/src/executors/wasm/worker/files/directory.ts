import { readdirSync } from 'node:fs'
import { refuse } from '../wasi/errno.ts'
import { type Extent, type HostFolder, type Link, openMount } from './host-folder.ts'
import type { TreeNode } from './tree.ts'

/** A directory as the job sees it: a folder of the host, a folder on the way to mounts, or both at once. */
export interface Directory {
  readonly node: TreeNode | undefined
  readonly host: HostFolder | undefined
}

/** The directory of a node of the tree, opened. */
export function openNode(node: TreeNode): Directory {
  if (node.mount?.kind === 'file') refuse('notdir')
  return { node, host: node.mount && openMount(node.mount) }
}

/** The directory `name` in `directory` (`.` for another handle to itself), or the link that stands in its place. */
export function enter(directory: Directory, name: string): Directory | Link {
  const { node, host } = directory
  if (name === '.') return { node, host: host && sameFolder(host) }
  const child = node?.children.get(name)
  if (child?.mount !== undefined) return openNode(child)
  if (child !== undefined) return { node: child, host: host && folderOrNothing(host, name) }
  const next = (host ?? refuse('noent')).enter(name)
  return 'link' in next ? next : { node: undefined, host: next }
}

function sameFolder(host: HostFolder): HostFolder {
  const again = host.enter('.')
  return 'link' in again ? refuse('notdir') : again
}

/** What a mount above has where the way to another mount leads through, if it is a folder. */
function folderOrNothing(host: HostFolder, name: string): HostFolder | undefined {
  try {
    const next = host.enter(name)
    return 'link' in next ? undefined : next
  } catch {
    return undefined
  }
}

export function closeDirectory(directory: Directory): void {
  directory.host?.close()
}

/** Names in a directory, without `.` and `..`, sorted. Names that are not UTF-8 cannot be spoken of in WASI and are left out. */
export function namesIn({ node, host }: Directory): string[] {
  const names = new Set(host === undefined ? [] : readdirSync(host.at('.')))
  for (const name of node?.children.keys() ?? []) names.add(name)
  return [...names].filter((name) => !name.includes('\u{fffd}')).sort()
}

/** How far a folder's content reaches below it. */
export function extentOf(host: HostFolder): Extent {
  let bytes = 0
  let depth = 0
  for (const entry of readdirSync(host.at('.'), { withFileTypes: true })) {
    const below = entry.isDirectory() ? extentBelow(host, entry.name) : { bytes: 0, depth: 0 }
    bytes = Math.max(bytes, 1 + Buffer.byteLength(entry.name) + below.bytes)
    depth = Math.max(depth, 1 + below.depth)
  }
  return { bytes, depth }
}

function extentBelow(host: HostFolder, name: string): Extent {
  const folder = host.enter(name)
  if ('link' in folder) return { bytes: 0, depth: 0 }
  try {
    return extentOf(folder)
  } finally {
    folder.close()
  }
}
