import type { FastifyRequest } from 'fastify'
import { describeProblems, parseDocument, type Problem } from '@bacalhau/models'
import type { z } from 'zod'
import { BacalhauError } from '../../runtime/error.ts'
import { isJsonType, parseJson } from './document.ts'

/** The raw body; empty when there was none. */
export const bodyOf = (request: FastifyRequest): Uint8Array =>
  request.body instanceof Uint8Array ? request.body : new Uint8Array()

/** The JSON body, checked against `schema`; undefined when there was no body. */
export function readDocument<T extends z.ZodType>(request: FastifyRequest, schema: T): z.output<T> | undefined {
  const body = bodyOf(request)
  if (body.length === 0) return undefined
  const type = request.headers['content-type']
  if (type !== undefined && !isJsonType(type)) {
    throw new BacalhauError('UnsupportedMediaType', `the body must be application/json, not ${type.slice(0, 64)}`)
  }
  const parsed = parseDocument(schema, parseJson(body))
  if (!parsed.ok) throw invalidDocument(parsed.problems)
  return parsed.value
}

export function invalidDocument(problems: readonly Problem[]): BacalhauError {
  return new BacalhauError('ValidationError', describeProblems(problems))
}

/** A parameter of the path; the route pattern guarantees that it is there. */
export function pathParameter(request: FastifyRequest, name: string): string {
  const parameters = request.params as Readonly<Record<string, string | undefined>>
  return parameters[name] ?? ''
}
