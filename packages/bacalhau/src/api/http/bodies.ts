import type { FastifyInstance } from 'fastify'
import type { Clock } from '../../runtime/clock.ts'
import { LIMITS } from '../../runtime/limits.ts'

/** Keeps bodies as the bytes they are: routes parse them, once they know what they are to be. A body that dribbles is cut off. */
export function keepBodies(app: FastifyInstance, clock: Clock): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  app.addHook('preParsing', (request, _reply, payload, done) => {
    const { headers, raw, routeOptions } = request
    const awaited = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
    if (awaited && routeOptions.config?.route?.streamed !== true) {
      const timer = clock.after(LIMITS.requestArrival, () => raw.destroy())
      for (const event of ['end', 'close']) raw.once(event, () => timer.cancel())
    }
    done(null, payload)
  })
}
