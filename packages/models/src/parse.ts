import type { z } from 'zod'
import { MAX_RECORD_VALUES, MAX_VALUES, oversize } from './document-size.ts'
import { fold } from './fold.ts'
import { issueText } from './issue-text.ts'
import { excerpt, joinPath, type Parsed, type Problem } from './problem.ts'

/**
 * Parses a document of a user: keys match whatever their case, a field that is `null` is absent, and every unknown field is
 * named with the one it was probably meant to be. Case and nulls are rules of the documented API (its decoder has them).
 */
export function parseDocument<T extends z.ZodType>(schema: T, input: unknown): Parsed<z.output<T>> {
  const excess = oversize(input, MAX_VALUES)
  if (excess !== undefined) return { ok: false, problems: [{ path: '', message: excess }] }
  const problems: Problem[] = []
  const parsed = check(schema, fold(schema, input, '', problems))
  if (parsed.ok && problems.length === 0) return parsed
  return { ok: false, problems: parsed.ok ? problems : [...problems, ...parsed.problems] }
}

/** Parses something that our own kind wrote (a stored record, a frame): exact keys, no forgiveness. */
export function parseRecord<T extends z.ZodType>(schema: T, input: unknown): Parsed<z.output<T>> {
  const excess = oversize(input, MAX_RECORD_VALUES)
  return excess === undefined ? check(schema, input) : { ok: false, problems: [{ path: '', message: excess }] }
}

function check<T extends z.ZodType>(schema: T, input: unknown): Parsed<z.output<T>> {
  const result = schema.safeParse(input, { error: issueText })
  return result.success ? { ok: true, value: result.data } : { ok: false, problems: result.error.issues.map(toProblem) }
}

function toProblem({ path, message }: z.core.$ZodIssue): Problem {
  const join = (sofar: string, key: PropertyKey) =>
    joinPath(sofar, typeof key === 'number' ? key : excerpt(String(key)))
  return { path: path.reduce<string>(join, ''), message }
}
