import type { z } from 'zod'
import { nearest } from './nearest.ts'
import { excerpt } from './problem.ts'

type Issue = z.core.$ZodRawIssue

/** How many unknown fields of one object are named. */
const MAX_NAMED = 5

/** Names of types for people who write YAML, not TypeScript. */
const EXPECTED: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
}

/** The sentence for one violation of a schema. A message in the schema itself goes before it. */
export function issueText(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined
        ? 'missing'
        : `expected ${EXPECTED[issue.expected] ?? issue.expected}, got ${kindOf(issue.input)}`
    case 'invalid_value':
      return issue.input === undefined ? 'missing' : notOneOf(issue.input, issue.values)
    case 'too_big':
    case 'too_small':
      return sizeText(issue)
    case 'unrecognized_keys':
      return unknownFields(issue.keys, issue.schema)
    case 'invalid_key':
      return `the name is ${issue.issues[0]?.message ?? 'invalid'}`
    case 'invalid_union':
      return unionText(issue)
    default:
      return 'not in the expected form'
  }
}

function kindOf(value: unknown): string {
  if (typeof value === 'string') return 'text'
  if (Number.isInteger(value)) return 'a number'
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'object' && value !== null ? 'an object' : String(value)
}

function notOneOf(value: unknown, allowed: readonly unknown[]): string {
  if (typeof value !== 'string' && typeof value !== 'number') {
    return `expected one of ${allowed.join(', ')}, got ${kindOf(value)}`
  }
  const written = String(value)
  return `'${excerpt(written)}' is not one of ${allowed.join(', ')}${didYouMean(written, allowed.map(String))}`
}

function didYouMean(word: string, known: readonly string[]): string {
  const guess = nearest(word, known)
  return guess === undefined ? '' : ` (did you mean '${guess}'?)`
}

function sizeText(issue: Issue & { code: 'too_big' | 'too_small' }): string {
  const big = issue.code === 'too_big'
  const bound = Number(big ? issue.maximum : issue.minimum)
  if (issue.origin === 'string') {
    return !big && bound === 1 ? 'must not be empty' : `${big ? 'longer' : 'shorter'} than ${bound} characters`
  }
  if (issue.origin === 'array') {
    return !big && bound === 1 ? 'must not be empty' : `${big ? 'more' : 'fewer'} than ${bound} items`
  }
  return `must be ${big ? '<' : '>'}${issue.inclusive === false ? '' : '='} ${bound}`
}

function unknownFields(keys: readonly string[], schema: Issue['schema']): string {
  const known = schema !== undefined && 'shape' in schema._zod.def ? Object.keys(schema._zod.def.shape as object) : []
  const named = keys.slice(0, MAX_NAMED).map((key) => `unknown field '${excerpt(key)}'${didYouMean(key, known)}`)
  if (keys.length > MAX_NAMED) named.push(`and ${keys.length - MAX_NAMED} more`)
  return named.join(', ')
}

/** A message whose kind (the discriminator) is none of the known ones. */
function unionText(issue: Issue & { code: 'invalid_union' }): string {
  const { discriminator, input } = issue
  if (discriminator === undefined || typeof input !== 'object' || input === null) return 'not in any of the known forms'
  const kind: unknown = Reflect.get(input, discriminator)
  if (kind === undefined) return 'missing'
  return notOneOf(kind, 'options' in issue && Array.isArray(issue.options) ? issue.options : [])
}
