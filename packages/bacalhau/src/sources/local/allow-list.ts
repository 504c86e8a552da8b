import { realpath } from 'node:fs/promises'
import path from 'node:path'
import { BacalhauError } from '../../runtime/error.ts'

export type Grant = 'read' | 'write'

/** Local paths that jobs may use, as the operator wrote them. */
export interface AllowList {
  readonly isEmpty: boolean
  /**
   * What may a job do with `file`? Nothing when undefined. `file` has to be free of links (`realpath`), so that no link leads
   * out of what was allowed.
   */
  grantFor(file: string): Promise<Grant | undefined>
}

const WILDCARD = /[*?[\]{}]/

/**
 * Entries are absolute paths of files or folders (with everything below), or globs. Jobs only read, except where the entry ends
 * with `:rw`. Throws `ConfigurationError` for an entry that is not absolute.
 */
export function createAllowList(entries: readonly string[]): AllowList {
  const patterns = entries.map((entry) => {
    const [, written = '', access] = /^(.*?)(?::(ro|rw))?$/s.exec(entry) ?? []
    if (path.isAbsolute(written) && !written.split('/').includes('..')) {
      return { pattern: path.posix.normalize(written), grant: access === 'rw' ? 'write' : 'read' } as const
    }
    throw new BacalhauError('ConfigurationError', `The allow-listed local path "${entry}" is not absolute.`, {
      hint: 'Write it like /data, /data/** or /data/*.csv, with :ro or :rw at the end if you like.',
    })
  })
  return {
    isEmpty: patterns.length === 0,
    async grantFor(file) {
      let found: Grant | undefined
      for (const { pattern, grant } of patterns) {
        if (found === 'write' || found === grant || !matches(await resolvePattern(pattern), file)) continue
        found = grant
      }
      return found
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
