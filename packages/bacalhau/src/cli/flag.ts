import { BacalhauError } from '../runtime/error.ts'

/** One flag of a command: how it is written, what it means, and how its occurrences become a value. */
export interface Flag<T> {
  readonly help: string
  /** One letter. */
  readonly short?: string
  /** What follows the flag, for the help (`PATH`); a flag without one is a switch. */
  readonly placeholder?: string
  /** Other names, not shown in the help. */
  readonly aliases?: readonly string[]
  /** The value of an absent flag as the help shows it. */
  readonly fallback?: string
  /** The value of all occurrences, in order; `name` is for messages. */
  read(texts: readonly string[], name: string): T
}

export type Flags = Readonly<Record<string, Flag<unknown>>>
export type FlagValues<F extends Flags> = { readonly [K in keyof F]: F[K] extends Flag<infer T> ? T : never }

type Look = Pick<Flag<unknown>, 'help' | 'short' | 'aliases'>
type LookWithValue = Look & { readonly placeholder: string; readonly fallback?: string }

/** What is wrong with a flag's value, in the words that every flag uses. */
export function invalidFlag(name: string, problem: string, hint?: string): BacalhauError {
  return new BacalhauError('InvalidFlag', `--${name}: ${problem}`, hint === undefined ? {} : { hint })
}

/** `--wait`, `--wait=false`. */
export function toggle(look: Look & { readonly standard?: boolean }): Flag<boolean> {
  const { standard = false, ...rest } = look
  return {
    ...rest,
    ...(standard ? { fallback: 'true' } : {}),
    read(texts, name) {
      const text = texts.at(-1)?.toLowerCase()
      if (text === undefined) return standard
      if (text !== 'true' && text !== 'false') throw invalidFlag(name, `'${text}' is neither true nor false`)
      return text === 'true'
    },
  }
}

/** Off, on, or not said: for what has a value elsewhere that both words may change. */
export function override(look: Look): Flag<boolean | undefined> {
  const word = toggle(look)
  return { ...word, read: (texts, name) => (texts.length === 0 ? undefined : word.read(texts, name)) }
}

/** Any text; the last occurrence counts. */
export function text(look: LookWithValue): Flag<string | undefined> {
  return { ...look, read: (texts) => texts.at(-1) }
}

/** A whole number within bounds. */
export function whole(look: LookWithValue & { readonly min: number; readonly max: number }): Flag<number | undefined> {
  const { min, max, ...rest } = look
  return {
    ...rest,
    read(texts, name) {
      const text = texts.at(-1)
      if (text === undefined) return undefined
      const value = /^-?\d+$/.test(text) ? Number(text) : Number.NaN
      if (value >= min && value <= max) return value
      throw invalidFlag(name, `'${text}' is no whole number from ${min} to ${max}`)
    },
  }
}

/** One of some words, whatever their case. */
export function oneOf<const W extends readonly string[]>(
  words: W,
  look: Omit<LookWithValue, 'placeholder'> & { readonly placeholder?: string },
): Flag<W[number] | undefined> {
  return {
    placeholder: words.join('|'),
    ...look,
    read(texts, name) {
      const text = texts.at(-1)
      if (text === undefined) return undefined
      const word = words.find((word) => word.toLowerCase() === text.toLowerCase())
      if (word === undefined) throw invalidFlag(name, `'${text}' is none of ${words.join(', ')}`)
      return word
    },
  }
}

/** Every occurrence, as it was written. */
export function list(look: LookWithValue): Flag<readonly string[]> {
  return { ...look, read: (texts) => texts }
}

/** Words, each occurrence several of them with commas. */
export function words(look: LookWithValue): Flag<readonly string[]> {
  return { ...look, read: (texts) => texts.flatMap((text) => text.split(',')) }
}

/** `NAME=VALUE`, any number of times or several with commas; a later one of the same name wins. */
export function pairs(look: LookWithValue): Flag<Readonly<Record<string, string>>> {
  return {
    ...look,
    read(texts, name) {
      return Object.fromEntries(
        texts.flatMap(splitPairs).map((text) => {
          const at = text.indexOf('=')
          if (at < 1) throw invalidFlag(name, `'${text}' is not of the form NAME=VALUE`)
          return [text.slice(0, at), text.slice(at + 1)]
        }),
      )
    },
  }
}

/** A comma separates only where a further name and `=` follow: values may hold commas. */
const splitPairs = (text: string): readonly string[] => text.split(/,(?=[^,=]+=)/)
