import { describeProblems, parseDocument, type SpecConfig } from '@bacalhau/models'
import type { z } from 'zod'
import { BacalhauError } from '../runtime/error.ts'

/** The parameters of an input source, checked against its schema; keys match in any letter case. Throws `ValidationError`. */
export function parseParams<T extends z.ZodType>(schema: T, { Type, Params }: SpecConfig): z.output<T> {
  const parsed = parseDocument(schema, Params ?? {})
  if (parsed.ok) return parsed.value
  throw new BacalhauError(
    'ValidationError',
    `the ${Type} input is not described rightly: ${describeProblems(parsed.problems, 3)}`,
  )
}
