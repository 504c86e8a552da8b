import type { FastifyInstance } from 'fastify'
import { LIMITS } from '../../runtime/limits.ts'

/** Cuts off a caller who takes nothing of an answer for a long time: until then it lies in memory. */
export function cutOffStalled(app: FastifyInstance): void {
  // Node sets its own time for the next request once an answer has been taken.
  app.addHook('onSend', (request, _reply, _payload, done) => {
    request.socket.setTimeout(LIMITS.streamStall)
    done()
  })
}
