import { z } from 'zod'

/** Building blocks that the specs of both eras share. The whole body is capped by the API as well. */

/** Items that one list or map of a spec may hold. */
export const MAX_ITEMS = 1_000

/** Text of at most `max` characters. */
export const text = (max: number) => z.string().max(max)

/**
 * Text by name. The names are counted before anything looks at them: a million entries, each of them wrong, would else hold up
 * the node for seconds.
 */
export const textByName = (value: z.ZodString) =>
  z
    .unknown()
    .refine((map) => typeof map !== 'object' || map === null || Object.keys(map).length <= MAX_ITEMS, {
      abort: true,
      error: `more than ${MAX_ITEMS} entries`,
    })
    .pipe(z.record(text(256), value).meta({ maxProperties: MAX_ITEMS }))

/** Small maps of a user's own names and values. */
export const labels = textByName(text(4_096))

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
