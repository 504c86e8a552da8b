import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ApiErrorBody } from '@bacalhau/models'
import { LIMITS } from '../../runtime/limits.ts'
import type { Logger } from '../../runtime/logger.ts'
import { isInternal, notFound, toFailure } from './failure.ts'

const CONTENT_HEADERS = ['content-length', 'content-disposition', 'etag', 'cache-control', 'accept-ranges']

/** Every error of every route, and every unknown route, ends here as JSON. */
export function handleFailures(app: FastifyInstance, logger: Logger): void {
  app.setErrorHandler((error, request, reply) => reply.send(answerFailure(error, request, reply, logger)))
  app.setNotFoundHandler(() => {
    throw notFound()
  })
}

/** Sets the status and gives the body. */
export function answerFailure(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  logger: Logger,
): ApiErrorBody {
  const failure = toFailure(error)
  if (isInternal(failure))
    logger.error({ error, method: request.method, path: request.url.split('?', 1)[0] }, 'API request failed')
  // What a route said of the content that it could not send after all does not hold for this answer.
  for (const name of CONTENT_HEADERS) reply.removeHeader(name)
  if (failure.Status === 413 && isDrained(request)) reply.removeHeader('connection')
  void reply.code(failure.Status).header('content-type', 'application/json')
  // Hooks have not run for an address that cannot be read.
  void reply.header('x-content-type-options', 'nosniff')
  const { Status, Message, ...rest } = failure
  return { Status, Message, RequestID: requestIdOf(request), ...rest }
}

/**
 * Is the rest of a body that is too large taken in and thrown away? Cut off in the middle of sending, a client sees a broken
 * connection instead of the answer that says why. More than the bound is nobody's mistake, and is cut off.
 */
function isDrained(request: FastifyRequest): boolean {
  return Number(request.headers['content-length'] ?? Number.POSITIVE_INFINITY) <= LIMITS.requestDrain
}

/** As documented, this repeats the caller's own id and is empty without one. */
function requestIdOf(request: FastifyRequest): string {
  const id = request.headers['x-request-id']
  return typeof id === 'string' ? id.slice(0, 128) : ''
}
