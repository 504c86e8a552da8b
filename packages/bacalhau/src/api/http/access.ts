import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { IncomingMessage } from 'node:http'
import { BacalhauError } from '../../runtime/error.ts'
import { type Caller, type GuardPolicy, judge, type Verdict } from '../guard.ts'

const strangers = new WeakSet<FastifyRequest>()

/** Does this request come from somebody whom only the public routes serve? */
export const isStranger = (request: FastifyRequest): boolean => strangers.has(request)

/** Asks the guard about every request, those for unknown routes included, before anything else looks at it. */
export function guardRequests(app: FastifyInstance, policy: GuardPolicy): void {
  app.addHook('onRequest', (request, reply, done) => {
    const verdict = judge(callerOf(request.raw), policy)
    if (verdict.allowed) return done()
    strangers.add(request)
    if (request.routeOptions.config?.route?.needs === 'public') return done()
    // Strangers get no connection to keep.
    void reply.header('connection', 'close')
    if (verdict.code === 'Unauthorized') void reply.header('www-authenticate', 'Bearer')
    done(refusal(verdict))
  })
}

export function callerOf({ headers, headersDistinct, socket }: IncomingMessage): Caller {
  return {
    remoteAddress: socket.remoteAddress,
    localAddress: socket.localAddress,
    // Two Host headers are two stories; Node would believe the first.
    host: headersDistinct.host?.length === 1 ? headers.host : undefined,
    origin: headers.origin,
    fetchSite: single(headers['sec-fetch-site']),
    authorization: headers.authorization,
    proxied: ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'].some((name) => headers[name] !== undefined),
  }
}

export function refusal({ code, reason, hint }: Extract<Verdict, { allowed: false }>): BacalhauError {
  const message = code === 'Unauthorized' ? 'Request Unauthorized' : 'Request Forbidden'
  return new BacalhauError(code, message, { component: 'Authorizer', hint, details: { reason } })
}

const single = (value: string | string[] | undefined) => (Array.isArray(value) ? value.join(', ') : value)
