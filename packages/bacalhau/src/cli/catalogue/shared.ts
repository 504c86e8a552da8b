import { oneOf, text, toggle, whole } from '../flag.ts'

/** Flags that several commands have. */

export const namespaced = {
  namespace: text({ placeholder: 'NAMESPACE', help: 'where a job is looked up by its name', fallback: 'default' }),
} as const

/** One version of a job. */
export const version = {
  version: whole({
    short: 'v',
    placeholder: 'N',
    min: 1,
    max: Number.MAX_SAFE_INTEGER,
    help: 'this version of the job',
    fallback: 'the newest',
  }),
} as const

export const versioned = {
  ...namespaced,
  ...version,
  'all-versions': toggle({ help: 'of all versions of the job' }),
} as const

/** A part of a long list. */
export const paged = (fallback: string) =>
  ({
    limit: whole({
      placeholder: 'N',
      min: 0,
      max: 1_000,
      help: 'at most this many; 0 for as many as there are',
      fallback,
    }),
    'next-token': text({ placeholder: 'TOKEN', help: 'go on where an earlier list ended' }),
  }) as const

/** The order of a list. */
export const ordered = <const W extends readonly string[]>(words: W, fallback: string, told = words.join(', ')) =>
  ({
    'order-by': oneOf(words, { placeholder: 'WORD', help: `the least first: ${told}`, fallback }),
    'order-reversed': toggle({ help: 'the greatest first' }),
  }) as const
