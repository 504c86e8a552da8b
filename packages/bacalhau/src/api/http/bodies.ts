import type { FastifyInstance } from 'fastify'
import type { Clock } from '../../runtime/clock.ts'
import { LIMITS } from '../../runtime/limits.ts'

/** Keeps bodies as the bytes they are: routes parse them, once they know what they are to be. A body that dribbles is cut off. */
export function keepBodies(app: FastifyInstance, clock: Clock): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  app.addHook('preParsing', (request, _reply, payload, done) => {
    if (request.routeOptions.config?.streamed !== true) {
      const timer = clock.after(LIMITS.requestArrival, () => request.raw.destroy())
      request.raw.once('close', () => timer.cancel())
    }
    done(null, payload)
  })
}
