import { BacalhauError } from '../../runtime/error.ts'

/** Reads query parameters. Absent and empty are the same; a value of the wrong kind, or two values for one, is a `BadRequest`. */
export interface Query {
  text(name: string, max?: number): string | undefined
  /** Whole number from 0 to `max`; 0 when absent. */
  count(name: string, max?: number): number
  flag(name: string): boolean
  /** One of `words`, whatever its case. */
  word<T extends string>(name: string, words: readonly T[]): T | undefined
  has(name: string): boolean
}

/** What the documented API (Go's `ParseBool`) takes for true and false. */
const TRUE = new Set(['1', 't', 'true'])
const FALSE = new Set(['0', 'f', 'false'])
const UINT32_MAX = 4_294_967_295

export function readQuery(parameters: unknown): Query {
  const values = (typeof parameters === 'object' && parameters !== null ? parameters : {}) as Record<string, unknown>
  const text = (name: string, max = 4_096): string | undefined => {
    const value = Object.hasOwn(values, name) ? values[name] : undefined
    if (value === undefined || value === '') return undefined
    if (typeof value !== 'string') throw invalid(name, 'is given more than once')
    if (value.length > max) throw invalid(name, `is longer than ${max} characters`)
    return value
  }
  return {
    text,
    count(name, max = UINT32_MAX) {
      const value = text(name) ?? '0'
      if (!/^\d{1,16}$/.test(value) || Number(value) > max)
        throw invalid(name, `must be a whole number from 0 to ${max}`)
      return Number(value)
    },
    flag(name) {
      const value = (text(name) ?? 'false').toLowerCase()
      if (!TRUE.has(value) && !FALSE.has(value)) throw invalid(name, 'must be true or false')
      return TRUE.has(value)
    },
    word(name, words) {
      const value = text(name)?.toLowerCase()
      if (value === undefined) return undefined
      const found = words.find((word) => word.toLowerCase() === value)
      if (found === undefined) throw invalid(name, `must be one of ${words.join(', ')}`)
      return found
    },
    has: (name) => Object.hasOwn(values, name),
  }
}

function invalid(name: string, problem: string): BacalhauError {
  return new BacalhauError('BadRequest', `query parameter '${name}' ${problem}`)
}
