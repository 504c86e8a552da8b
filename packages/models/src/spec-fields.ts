import { z } from 'zod'

/** Building blocks that the specs of both eras share. The whole body is capped by the API as well. */

/** Items that one list of a spec may hold. */
export const MAX_ITEMS = 1_000

/** Text of at most `max` characters. */
export const text = (max: number) => z.string().max(max)

/** Small maps of a user's own names and values. */
export const labels = z.record(text(256), text(4_096))

/** Parameters of a schema whose absence has a sentence of its own. */
export const absent = (message: string) => ({
  error: ({ input }: { readonly input?: unknown }) => (input === undefined || input === '' ? message : undefined),
})

/** Trimmed text that has to be there; `message` is said when it is not, or when it is blank. */
export const filled = (max: number, message: string) => z.string(absent(message)).max(max).trim().min(1, message)

/** One of `words`, whatever the letter case in which it is written. */
export const word = <const T extends readonly [string, ...string[]]>(words: T, params?: ReturnType<typeof absent>) =>
  z.preprocess(
    (value) => {
      const wanted = typeof value === 'string' ? value.trim().toLowerCase() : undefined
      return words.find((known) => known.toLowerCase() === wanted) ?? value
    },
    z.enum(words, params),
  )
