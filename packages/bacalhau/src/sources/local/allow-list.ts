import { realpath } from 'node:fs/promises'
import path from 'node:path'
import { BacalhauError } from '../../runtime/error.ts'

/** Local paths that jobs may read, as the operator wrote them. */
export interface AllowList {
  readonly isEmpty: boolean
  /** May a job see `file`? `file` has to be free of links (`realpath`), so that no link leads out of what was allowed. */
  allows(file: string): Promise<boolean>
}

const WILDCARD = /[*?[\]{}]/

/**
 * Entries are absolute paths of files or folders (with everything below), or globs; `:ro` or `:rw` at their end is taken, but
 * jobs only ever read. Throws `ConfigurationError` for an entry that is not absolute.
 */
export function createAllowList(entries: readonly string[]): AllowList {
  const patterns = entries.map((entry) => {
    const pattern = entry.replace(/:(?:ro|rw)$/, '')
    if (path.isAbsolute(pattern) && !pattern.split('/').includes('..')) return path.posix.normalize(pattern)
    throw new BacalhauError('ConfigurationError', `The allow-listed local path "${entry}" is not absolute.`, {
      hint: 'Write it like /data, /data/** or /data/*.csv, with :ro at the end if you like.',
    })
  })
  return {
    isEmpty: patterns.length === 0,
    async allows(file) {
      for (const pattern of patterns) if (matches(await resolvePattern(pattern), file)) return true
      return false
    },
  }
}

/** A pattern without wildcards allows the file or folder it names, with everything below it. */
function matches(pattern: string, file: string): boolean {
  if (WILDCARD.test(pattern)) return path.matchesGlob(file, pattern) || isFolderOf(pattern, file)
  return file === pattern || file.startsWith(pattern.endsWith(path.sep) ? pattern : pattern + path.sep)
}

/** `/data/**` means what is in /data, and so the folder itself. */
const isFolderOf = (pattern: string, file: string): boolean => pattern.endsWith('/**') && pattern.slice(0, -3) === file

/** The part of a pattern before its first wildcard may contain links; what is compared with it does not. */
async function resolvePattern(pattern: string): Promise<string> {
  const parts = pattern.split('/')
  const fixed = parts.findIndex((part) => WILDCARD.test(part))
  const head = (fixed === -1 ? parts : parts.slice(0, fixed)).join('/') || '/'
  const tail = fixed === -1 ? [] : parts.slice(fixed)
  const real = await realpath(head).catch(() => head)
  return tail.length === 0 ? real : path.posix.join(real, ...tail)
}
