import { z } from 'zod'
import { BacalhauError } from '../../runtime/error.ts'
import { datePattern } from './go-date.ts'
import { parsePattern } from './pattern.ts'

export const partitionSchema = z.strictObject({
  Type: z.string().max(64).default(''),
  Pattern: z.string().max(1_024).default(''),
  StartIndex: z.number().int().default(0),
  EndIndex: z.number().int().default(0),
  DateFormat: z.string().max(128).default(''),
})

/**
 * What of each key says to which part it belongs, undefined: to the first. Gets the keys whole and without the prefix that they
 * have in common. Undefined where the objects are not parted.
 */
export type Partitioning = ((keys: readonly { whole: string; rest: string }[]) => (string | undefined)[]) | undefined

/** Throws `ValidationError` with the documented texts. */
export function parsePartitioning(params: z.output<typeof partitionSchema> | undefined): Partitioning {
  const { Type = '', Pattern = '', StartIndex = 0, EndIndex = 0, DateFormat = '' } = params ?? {}
  switch (Type.toLowerCase()) {
    case '':
    case 'none':
      return undefined
    case 'object':
      return (keys) => keys.map(({ whole }) => whole)
    case 'regex':
      if (Pattern === '') throw invalid('regex pattern cannot be empty')
      return byPattern(Pattern)
    case 'substring':
      if (StartIndex < 0) throw invalid('start index cannot be negative')
      if (EndIndex <= StartIndex) throw invalid('end index must be greater than start index')
      return (keys) =>
        keys.map(({ rest }) => {
          const characters = Array.from(rest)
          return characters.length < EndIndex ? undefined : characters.slice(StartIndex, EndIndex).join('')
        })
    case 'date': {
      if (DateFormat === '') throw invalid('date format cannot be empty')
      const isDate = datePattern(DateFormat)
      return (keys) =>
        keys.map(({ rest }) => {
          const text = rest.slice(0, DateFormat.length)
          return isDate(text) ? text : undefined
        })
    }
    default:
      throw invalid(`unsupported partition key type ${Type}`)
  }
}

/** Joins groups so that `a` and `bc` are not `ab` and `c`. */
const SEPARATOR = '\u001F'

function byPattern(text: string): Partitioning {
  const pattern = parsePattern(text)
  return (keys) =>
    pattern.match(keys.map(({ rest }) => rest)).map((match) => {
      if (match === null) return undefined
      const [whole, ...groups] = match
      const key = groups.length === 0 ? whole : groups.filter((group) => group !== null && group !== '').join(SEPARATOR)
      return key === '' ? undefined : (key ?? undefined)
    })
}

/** The part that a key belongs to: FNV-1a of its bytes, 32 bits, modulo the number of parts. */
export function partOf(key: string | undefined, count: number): number {
  if (key === undefined) return 0
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(key)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0
  return hash % count
}

const invalid = (problem: string): BacalhauError => new BacalhauError('ValidationError', problem)
