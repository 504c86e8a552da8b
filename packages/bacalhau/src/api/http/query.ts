import { z } from 'zod'
import { BacalhauError } from '../../runtime/error.ts'

/** What the documented API (Go's `ParseBool`) takes for true and false. */
const TRUE = ['true', 'True', 'TRUE', 't', 'T', '1']
const FALSE = ['false', 'False', 'FALSE', 'f', 'F', '0']
const UINT32_MAX = 4_294_967_295
const LONGEST = 4_096
const TWICE = 'is given more than once'

/** What is wrong with a value, in words that follow the name of the parameter. */
type Fault = { readonly fault: string }
const fault = (text: string): Fault => ({ fault: text })
const isFault = (value: unknown): value is Fault => typeof value === 'object' && value !== null && 'fault' in value

/** How a parameter reads in the reference. It may always be empty, which says the same as nothing. */
type Shape = Readonly<Record<string, unknown>>
const orEmpty = (shape: Shape): Shape => ({ anyOf: [shape, { type: 'string', maxLength: 0 }] })

/** A parameter that is given once at most. Absent and empty are the same: undefined. */
function parameter<T>(shape: Shape, parse: (value: string) => T | Fault) {
  return z
    .unknown()
    .optional()
    .transform((value, context): T | undefined => {
      if (value === undefined || value === '') return undefined
      const parsed = typeof value === 'string' ? parse(value) : fault(TWICE)
      if (!isFault(parsed)) return parsed
      context.addIssue({ code: 'custom', message: parsed.fault })
      return z.NEVER
    })
    .meta(orEmpty(shape))
}

const tooLong = (max: number) => fault(`is longer than ${max} characters`)

export const queryText = (max = LONGEST) =>
  parameter({ type: 'string', maxLength: max }, (value) => (value.length > max ? tooLong(max) : value))

/** A text without which there is nothing to answer; `what` says what it is. */
export const queryNeeded = (what: string, max = LONGEST) =>
  z
    .unknown()
    .transform((value, context): string => {
      const given = value !== undefined && value !== ''
      const problem = !given ? `is missing: ${what}` : typeof value === 'string' ? undefined : TWICE
      if (problem === undefined && String(value).length <= max) return String(value)
      context.addIssue({ code: 'custom', message: problem ?? tooLong(max).fault })
      return z.NEVER
    })
    .meta({ type: 'string', minLength: 1, maxLength: max })

/** Whole number from 0 to `max`. */
export const queryCount = (max = UINT32_MAX) =>
  parameter({ type: 'integer', minimum: 0, maximum: max }, (value) => {
    const known = /^\d{1,16}$/.test(value) && Number(value) <= max
    return known ? Number(value) : fault(`must be a whole number from 0 to ${max}`)
  })

/** Whole number from 0 that may have 64 bits. What no number here can express is as good as the largest one. */
export const queryNumber = () =>
  parameter({ type: 'integer', minimum: 0 }, (value) =>
    /^\d{1,400}$/.test(value)
      ? Math.min(Number(value), Number.MAX_SAFE_INTEGER)
      : fault('must be a whole number from 0 on'),
  )

/** True or false, as Go writes and reads them; false when absent. */
export const queryFlag = () =>
  parameter({ type: 'string', enum: [...TRUE, ...FALSE] }, (value) => {
    if (TRUE.includes(value)) return true
    return FALSE.includes(value) ? false : fault('must be true or false')
  }).transform((value) => value ?? false)

/** One of `words`, whatever its case. */
export const queryWord = <const T extends string>(words: readonly T[]) =>
  parameter(
    { type: 'string', enum: words },
    (value) =>
      words.find((word) => word.toLowerCase() === value.toLowerCase()) ?? fault(`must be one of ${words.join(', ')}`),
  )

/** A parameter that may be given again and again; empty ones do not count. */
export const queryTexts = (max = LONGEST) =>
  z
    .unknown()
    .optional()
    .transform((value, context): readonly string[] => {
      const given: unknown[] = Array.isArray(value) ? value : [value]
      const texts = given.filter((text): text is string => typeof text === 'string' && text !== '')
      if (texts.every(({ length }) => length <= max)) return texts
      context.addIssue({ code: 'custom', message: tooLong(max).fault })
      return z.NEVER
    })
    .meta({ type: 'array', items: { type: 'string', maxLength: max } })

/** Only whether it is there counts. */
export const queryPresence = () =>
  z
    .unknown()
    .optional()
    .transform((value) => value !== undefined)
    .meta({ type: 'string' })

/** The parameters that a schema knows. Throws `BadRequest` for the first that it does not accept. */
export function checkQuery<Q extends z.ZodObject>(parameters: unknown, schema: Q | undefined): z.output<Q> {
  if (schema === undefined) return {} as z.output<Q>
  const parsed = schema.safeParse(parameters ?? {})
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new BacalhauError('BadRequest', `query parameter '${String(issue?.path[0])}' ${issue?.message}`)
}
