import { realpath } from 'node:fs/promises'
import path from 'node:path'

/** Local paths that jobs may read, as the operator wrote them: globs or folders, with `:ro` or `:rw` at the end or nothing. */
export interface AllowList {
  readonly isEmpty: boolean
  /** May a job see `file`? `file` has to be free of links (`realpath`), so that no link leads out of what was allowed. */
  allows(file: string): Promise<boolean>
}

const WILDCARD = /[*?[\]{}]/

export function createAllowList(entries: readonly string[]): AllowList {
  const patterns = entries
    .map((entry) => entry.replace(/:(?:ro|rw)$/, ''))
    .filter((pattern) => path.isAbsolute(pattern))
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
