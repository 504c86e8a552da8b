import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { IncomingMessage } from 'node:http'
import { BacalhauError } from '../../runtime/error.ts'
import type { Need } from '../http/route.ts'
import type { Pace } from '../limits/pace.ts'
import { type Access, STRANGER } from './access.ts'
import type { Authenticator, Verdict } from './authenticator.ts'
import { callerOf } from './caller.ts'
import { refuse, refusalError } from './refusal.ts'

const accesses = new WeakMap<IncomingMessage, Access>()

/** Who sent a request that the guard has let in. */
export const accessOf = (request: FastifyRequest | IncomingMessage): Access =>
  accesses.get('raw' in request ? request.raw : request) ?? STRANGER

/** Lets requests in. */
export interface Guard {
  /**
   * Remembers who sent the request and throws when they may not do what they need to be allowed to. Without a `need` (a route
   * that is not there) it is enough to be somebody.
   */
  admit(request: IncomingMessage, need: Need | undefined): undefined | Promise<undefined>
}

export interface GuardOptions {
  readonly authenticate: Authenticator
  readonly pace: Pace
}

export function createGuard({ authenticate, pace }: GuardOptions): Guard {
  const settle = (request: IncomingMessage, need: Need | undefined, { access, refusal }: Verdict): undefined => {
    accesses.set(request, access)
    pace.take(access, request.socket.remoteAddress)
    if (need === undefined ? refusal === undefined : access.allows(need)) return
    if (refusal !== undefined) throw refusalError(refusal)
    throw refusalError(lacking(access, need ?? 'admin'))
  }
  return {
    admit(request, need) {
      const verdict = authenticate(callerOf(request))
      return 'then' in verdict
        ? verdict.then((settled) => settle(request, need, settled))
        : settle(request, need, verdict)
    },
  }
}

function lacking({ name, capabilities }: Access, need: Need) {
  const held = capabilities.length === 0 ? 'nothing' : capabilities.join(', ')
  const hint = 'Ask the operator of the node for a token or user that may do it.'
  return refuse('Forbidden', `this needs ${need}; ${name} may do ${held}`, hint)
}

/** Asks the guard about every request, those for unknown routes included, before anything else looks at it. */
export function guardRequests(app: FastifyInstance, guard: Guard): void {
  app.addHook('onRequest', async (request, reply) => {
    try {
      await guard.admit(request.raw, request.routeOptions.config?.route?.needs)
    } catch (error) {
      if (error instanceof BacalhauError) turnAway(error, reply)
      throw error
    }
  })
}

function turnAway({ code }: BacalhauError, reply: FastifyReply): void {
  // A body of theirs is not read, so the connection cannot be used again.
  void reply.header('connection', 'close')
  if (code === 'Unauthorized') void reply.header('www-authenticate', 'Bearer')
  if (code === 'TooManyRequests') void reply.header('retry-after', '1')
}
