import type { FastifyInstance, RouteOptions } from 'fastify'
import { BacalhauError } from '../../runtime/error.ts'

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'QUERY'] as const

/** Notes the routes as they are added; the function that it returns then answers every other method of them with 405. */
export function refuseOtherMethods(app: FastifyInstance): () => void {
  const routes = new Map<string, Set<string>>()
  app.addHook('onRoute', ({ url, method }: RouteOptions) => {
    const known = routes.get(url) ?? new Set()
    for (const name of Array.isArray(method) ? method : [method]) known.add(name)
    routes.set(url, known)
  })
  return () => {
    for (const [url, own] of routes) {
      // `/jobs/diff` is a job of that name to all methods but its own.
      const known: ReadonlySet<string> = own.union(routes.get(url.replace(/[^/]+$/, ':id')) ?? new Set())
      const allowed = [...known].toSorted().join(', ')
      app.route({
        method: METHODS.filter((method) => !known.has(method)),
        url,
        exposeHeadRoute: false,
        // Before the body is read.
        onRequest: (request, reply, done) => {
          void reply.header('allow', allowed)
          done(new BacalhauError('MethodNotAllowed', `${request.method} is not allowed here; ${allowed} is`))
        },
        handler: () => undefined,
      })
    }
  }
}
