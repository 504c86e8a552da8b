import { createHash } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import type { Job } from '@bacalhau/models'
import type { Once } from '../../orchestrator/service.ts'
import { BacalhauError } from '../../runtime/error.ts'
import { uuid } from '../../runtime/ids.ts'
import { accessOf } from '../auth/guard.ts'

/**
 * The key under which a submission counts once: the header `Idempotency-Key` or else `IdempotencyToken` of the body. Undefined
 * when there is none. Throws `BadRequest` for one that is not made of 1 to 255 visible ASCII characters.
 */
export function onceOf(request: FastifyRequest, token?: unknown): Once | undefined {
  // The one that does not count is looked at as well: a caller who sends nonsense should hear of it.
  const [key] = [request.headers['idempotency-key'], token].flatMap(keyOf)
  if (key === undefined) return undefined
  const { kind, name } = accessOf(request)
  return { owner: `${kind}:${name}`, key }
}

function keyOf(given: unknown): readonly string[] {
  if (given === undefined || given === null || given === '') return []
  if (typeof given === 'string' && /^[\x21-\x7e]{1,255}$/.test(given)) return [given]
  throw new BacalhauError('BadRequest', 'an idempotency key has 1 to 255 visible ASCII characters')
}

/** The key of one submission among many under one key. */
export const onceOfItem = (once: Once, index: number): Once => ({ ...once, key: `${once.key} ${index}` })

/** Clients of the documented API expect the id of an evaluation. The same version of a job always has the same one. */
export function evaluationOf({ ID, Version }: Pick<Job, 'ID' | 'Version'>): string {
  const digest = createHash('sha256').update(`${ID} ${Version}`).digest()
  return uuid({ bytes: (length) => digest.subarray(0, length), next: () => 0 })
}
