import type { z } from 'zod'
import { nearest } from './nearest.ts'
import { joinPath, type Parsed, type Problem } from './problem.ts'

/** The parts of a zod definition that are walked here. */
interface Definition {
  readonly type: string
  readonly shape?: Readonly<Record<string, z.core.$ZodType>>
  readonly element?: z.core.$ZodType
  readonly innerType?: z.core.$ZodType
  readonly valueType?: z.core.$ZodType
  readonly out?: z.core.$ZodType
}

/** Documents of strangers nest no deeper than this. */
const MAX_DEPTH = 64

/**
 * Parses a document of a user: keys match whatever their case, `null` means absent, and every unknown key is named with the
 * key it was probably meant to be. These are the rules of the documented API (its decoder ignores case and takes nulls).
 */
export function parseDocument<T extends z.ZodType>(schema: T, input: unknown): Parsed<z.output<T>> {
  const problems: Problem[] = []
  const folded = fold(schema, input, '', problems, 0)
  const result = schema.safeParse(folded)
  if (result.success && problems.length === 0) return { ok: true, value: result.data }
  if (!result.success) problems.push(...result.error.issues.map(toProblem))
  return { ok: false, problems }
}

/** Parses something that our own kind wrote (a stored record, a frame): exact keys, no forgiveness. */
export function parseRecord<T extends z.ZodType>(schema: T, input: unknown): Parsed<z.output<T>> {
  const result = schema.safeParse(input)
  return result.success ? { ok: true, value: result.data } : { ok: false, problems: result.error.issues.map(toProblem) }
}

function toProblem(issue: z.core.$ZodIssue): Problem {
  const path = issue.path.reduce<string>(
    (sofar, key) => joinPath(sofar, typeof key === 'symbol' ? String(key) : key),
    '',
  )
  return { path, message: issue.message }
}

function definitionOf(schema: z.core.$ZodType): Definition {
  const definition: unknown = schema._zod.def
  return definition as Definition
}

function fold(schema: z.core.$ZodType, value: unknown, path: string, problems: Problem[], depth: number): unknown {
  if (depth > MAX_DEPTH) {
    problems.push({ path, message: `nested deeper than ${MAX_DEPTH} levels` })
    return undefined
  }
  const definition = definitionOf(schema)
  const inner = definition.innerType ?? (definition.type === 'pipe' ? definition.out : undefined)
  if (inner !== undefined) return value === null ? undefined : fold(inner, value, path, problems, depth)
  if (value === null) return undefined
  if (definition.type === 'object' && isPlainObject(value)) {
    return foldObject(definition.shape ?? {}, value, path, problems, depth)
  }
  if (definition.type === 'array' && Array.isArray(value)) {
    const element = definition.element
    if (element === undefined) return value
    return value.map((item, index) => fold(element, item, joinPath(path, index), problems, depth + 1))
  }
  return value
}

function foldObject(
  shape: Readonly<Record<string, z.core.$ZodType>>,
  value: Readonly<Record<string, unknown>>,
  path: string,
  problems: Problem[],
  depth: number,
): Record<string, unknown> {
  const names = new Map(Object.keys(shape).map((name) => [name.toLowerCase(), name]))
  const result: Record<string, unknown> = {}
  for (const [key, item] of Object.entries(value)) {
    const name = names.get(key.toLowerCase())
    const schema = name === undefined ? undefined : shape[name]
    if (name === undefined || schema === undefined) {
      problems.push({ path, message: unknownField(key, Object.keys(shape)) })
      continue
    }
    const folded = fold(schema, item, joinPath(path, name), problems, depth + 1)
    if (folded !== undefined) result[name] = folded
  }
  return result
}

function unknownField(key: string, known: readonly string[]): string {
  const guess = nearest(key, known)
  const shown = key.length > 64 ? `${key.slice(0, 64)}…` : key
  return guess === undefined ? `unknown field '${shown}'` : `unknown field '${shown}'; did you mean '${guess}'?`
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
