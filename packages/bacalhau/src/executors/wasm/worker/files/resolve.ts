import { lstatSync, readlinkSync } from 'node:fs'
import { refuse } from '../wasi/errno.ts'
import { closeDirectory, type Directory, enter } from './directory.ts'
import { MAX_DEPTH } from './host-folder.ts'

/** Where a path leads: a name in a directory. The entry itself may or may not exist; it was not followed. */
export interface Place {
  readonly directory: Directory
  /** A plain name, or `.` when the path leads to the directory itself. */
  readonly name: string
  /** The path ended in a slash, so only a directory will do. */
  readonly mustBeDirectory: boolean
}

/** Is a link at the very end of the path followed? `slash`: only when a slash comes after it. */
export type Follow = 'always' | 'slash' | 'never'

const MAX_PATH_BYTES = 4_096
/** Links followed in one path, as Linux does. */
const MAX_LINKS = 40

/**
 * Walks `path` from `start`, one name at a time, and calls `use` with where it leads. Never leaves `start` upwards, and
 * after a link never leaves the mount that holds the link. What was opened on the way is closed afterwards.
 */
export function resolve<T>(start: Directory, path: string, follow: Follow, use: (place: Place) => T): T {
  if (path === '') refuse('noent')
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) refuse('nametoolong')
  if (path.includes('\0')) refuse('inval')
  const walk: Walk = { trail: [start], floor: 1, pending: [], links: 0 }
  try {
    addPath(walk, path)
    return use(walkToEnd(walk, follow))
  } finally {
    for (const directory of walk.trail.slice(1)) closeDirectory(directory)
  }
}

interface Walk {
  /** The directories walked through, outermost first. */
  readonly trail: Directory[]
  /** `..` never makes the trail shorter than this. */
  floor: number
  /** Names still to walk, next one last. */
  readonly pending: string[]
  links: number
}

/** Puts a path before what is still to be walked. */
function addPath(walk: Walk, path: string): void {
  // Absolute paths would speak of the host's or another mount's root: the job's own are made relative by its libc.
  if (path.startsWith('/')) refuse('perm')
  walk.pending.push(...path.split('/').reverse())
}

function walkToEnd(walk: Walk, follow: Follow): Place {
  for (;;) {
    const directory = walk.trail.at(-1) ?? refuse('notdir')
    const name = walk.pending.pop()
    if (name === undefined) return { directory, name: '.', mustBeDirectory: true }
    if (name === '' || name === '.') continue
    if (name === '..') {
      leave(walk)
      continue
    }
    if (!walk.pending.every((rest) => rest === '')) {
      step(walk, enter(directory, name))
      continue
    }
    const mustBeDirectory = walk.pending.length > 0
    const follows = follow === 'always' || (follow === 'slash' && mustBeDirectory)
    const link = follows ? linkAt(directory, name) : undefined
    if (link === undefined) return { directory, name, mustBeDirectory }
    followLink(walk, link)
  }
}

function leave(walk: Walk): void {
  if (walk.trail.length === walk.floor) refuse('perm')
  const left = walk.trail.pop()
  if (left !== undefined) closeDirectory(left)
}

function step(walk: Walk, next: ReturnType<typeof enter>): void {
  if ('link' in next) return followLink(walk, next.link)
  walk.trail.push(next)
  if (walk.trail.length > MAX_DEPTH + 1) refuse('nametoolong')
}

function followLink(walk: Walk, link: string): void {
  walk.links += 1
  if (walk.links > MAX_LINKS) refuse('loop')
  const mount = walk.trail.at(-1)?.host?.mount
  const above = walk.trail.findLastIndex((directory) => directory.host?.mount !== mount)
  walk.floor = Math.max(walk.floor, above + 2)
  addPath(walk, link)
}

/** The text of the symbolic link that an entry is; `undefined` when it is something else or nothing. */
function linkAt({ node, host }: Directory, name: string): string | undefined {
  if (host === undefined || node?.children.has(name) === true) return undefined
  const path = host.at(name)
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true ? readlinkSync(path) : undefined
}
