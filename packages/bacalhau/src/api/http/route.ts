import type { FastifyInstance, FastifyReply, FastifyRequest, RouteShorthandOptions } from 'fastify'
import type { z } from 'zod'
import type { Clock } from '../../runtime/clock.ts'
import { BacalhauError } from '../../runtime/error.ts'
import { LIMITS } from '../../runtime/limits.ts'
import { checkQuery } from './query.ts'

/** What a caller must be allowed to do. `public`: strangers, too. */
export type Need =
  | 'public'
  | 'read:job'
  | 'write:job'
  | 'read:node'
  | 'write:node'
  | 'read:agent'
  | 'write:agent'
  | 'read:data'
  | 'write:data'
  | 'admin'

/** Chapters of the reference. */
export type Tag = 'jobs' | 'nodes' | 'agent' | 'auth' | 'data' | 'events' | 'operations' | 'legacy'

/** What there is to know of a route beside its handler: the reference and the authorisation are made from it. */
export interface Route<Q extends z.ZodObject = z.ZodObject> {
  /** HEAD goes with GET by itself. */
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE'
  /** Pattern of fastify, as `/api/v1/orchestrator/jobs/:id`. */
  readonly path: string
  readonly needs: Need
  /** One line for the reference. */
  readonly summary: string
  readonly tag: Tag
  /** Documents and checks the query, made of the schemas of `query.ts`. Other parameters are ignored. */
  readonly query?: Q
  /** The JSON body, which the handler reads with `readDocument`. */
  readonly body?: z.ZodType
  /** The JSON document that a success answers with. */
  readonly answer?: z.ZodType
  /** Content type of the body, where it is not JSON. */
  readonly bodyType?: string
  /** Content type of a success, where it is not JSON. */
  readonly answerType?: string
  /** The body is a stream that takes as long as it takes. */
  readonly streamed?: true
  /** Milliseconds within which it answers, or at least begins to, where they are not `LIMITS.requestAnswer`. */
  readonly patience?: number
  /** Serves clients of any release, however old. */
  readonly anyVersion?: true
  /** Not in the reference: a redirect, or an old path. */
  readonly hidden?: true
}

export type Handler<Q extends z.ZodObject> = (
  request: FastifyRequest,
  reply: FastifyReply,
  /** The checked query; empty without a schema of it. */
  query: z.output<Q>,
) => unknown

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The declaration of the route. Absent where there is none, as for the methods that a path does not know. */
    route?: Route
  }
  interface FastifyInstance {
    /** All declared routes. */
    readonly declared: Route[]
    readonly clock: Clock
  }
}

/** To be called once, before the first `addRoute`. Answers to HEAD lose their bodies, streams included. */
export function prepareRoutes(app: FastifyInstance, clock: Clock): void {
  app.decorate('declared', [])
  app.decorate('clock', clock)
  app.addHook('onSend', (request, _reply, payload, done) => {
    if (request.method !== 'HEAD' || !isStream(payload)) return done(null, payload)
    payload.destroy()
    done(null, null)
  })
}

const isStream = (payload: unknown): payload is { destroy(): void } =>
  typeof payload === 'object' && payload !== null && 'destroy' in payload && typeof payload.destroy === 'function'

/** Adds a route. Its declaration is at hand in every hook as `request.routeOptions.config.route`. */
export function addRoute<Q extends z.ZodObject>(
  app: FastifyInstance,
  route: Route<Q>,
  handler: Handler<Q>,
  options: RouteShorthandOptions = {},
): void {
  app.declared.push(route)
  app.route({
    ...options,
    method: route.method === 'GET' ? ['GET', 'HEAD'] : route.method,
    url: route.path,
    config: { route },
    handler: (request, reply) => {
      const answer = handler(request, reply, checkQuery(request.query, route.query))
      return answer instanceof Promise && route.streamed !== true
        ? inTime(answer, route.patience ?? LIMITS.requestAnswer, app.clock)
        : answer
    },
  })
}

/** What takes too long is answered in the documented words; whatever it was doing then goes on by itself. */
async function inTime(answer: Promise<unknown>, milliseconds: number, clock: Clock): Promise<unknown> {
  const late = Promise.withResolvers<never>()
  const timer = clock.after(milliseconds, () => late.reject(new BacalhauError('ServiceUnavailable', 'Server Timeout!')))
  try {
    return await Promise.race([answer, late.promise])
  } finally {
    timer.cancel()
  }
}

/** All declared routes of a server, in the order of their declaration. */
export const routesOf = (app: FastifyInstance): readonly Route[] => app.declared
