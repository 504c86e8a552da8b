import type { FastifyInstance } from 'fastify'
import type { Logger } from '../../runtime/logger.ts'
import { accessOf } from '../auth/guard.ts'

/**
 * A line for every answer: who asked for what, and how it went. Neither the query, which may hold what is nobody's business,
 * nor headers or bodies.
 */
export function logRequests(app: FastifyInstance, logger: Logger): void {
  app.addHook('onResponse', (request, reply, done) => {
    const { kind, name } = accessOf(request)
    const facts = {
      id: request.id,
      caller: kind === name ? kind : `${kind}:${name}`,
      remote: request.socket.remoteAddress,
      method: request.method,
      path: request.url.split('?', 1)[0],
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime * 1_000) / 1_000,
    }
    logger.info(facts, 'request')
    done()
  })
}
