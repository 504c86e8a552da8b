import type { FastifyRequest } from 'fastify'
import { isOlderClient } from '../http/version.ts'

/** The answer as it is, or for a client before release 1.4 in the form that `older` gives it. */
export async function forRelease<A>(
  request: FastifyRequest,
  answer: A | Promise<A>,
  older: (answer: A) => object,
): Promise<A | object> {
  const settled = await answer
  return isOlderClient(request.raw) ? older(settled) : settled
}
