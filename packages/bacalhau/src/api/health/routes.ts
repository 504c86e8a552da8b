import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { accessOf } from '../auth/guard.ts'
import type { Api } from '../context.ts'
import { addRoute } from '../http/route.ts'

/** Something that a node needs in order to be of use. */
export interface Check {
  readonly Name: string
  readonly OK: boolean
  /** What is wrong, or what there is to know. */
  readonly Message?: string
}

const open = { method: 'GET', needs: 'public', tag: 'operations' } as const

/**
 * `healthz`: is the process there and able to answer? When not, it should be started again. `readyz`: can it do its work at the
 * moment? When not, it should be given none, and looked after.
 */
export function healthRoutes(app: FastifyInstance, api: Api): void {
  for (const base of ['', '/api/v1']) {
    const shown = base === '' ? {} : ({ hidden: true } as const)
    addRoute(app, { ...open, ...shown, path: `${base}/healthz`, summary: 'Does the node answer?' }, () => ({
      Status: 'OK',
    }))
    addRoute(
      app,
      { ...open, ...shown, path: `${base}/readyz`, summary: 'Can the node do its work?' },
      (request, reply) => readiness(request, reply, api),
    )
  }
}

/** What is wrong is told to those who may read about the node. */
function readiness(request: FastifyRequest, reply: FastifyReply, { checks, stopping }: Api) {
  const found: Check[] = [{ Name: 'running', OK: !stopping.aborted }, ...(checks?.() ?? [])]
  const isReady = found.every(({ OK }) => OK)
  if (!isReady) void reply.code(503)
  const Status = isReady ? 'OK' : 'Unavailable'
  return accessOf(request).allows('read:agent') ? { Status, Checks: found } : { Status }
}
