import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Api } from '../context.ts'
import { isStranger } from '../http/access.ts'

/** What anyone may ask: is the node there, what is it, and how do peers reach it. */
const open = { config: { open: true } } as const

export function agentRoutes(app: FastifyInstance, api: Api): void {
  app.get('/api/v1/agent/alive', open, () => ({ Status: 'OK' }))
  app.get('/api/v1/agent/version', open, () => api.nodeInfo().BacalhauVersion)
  app.get('/api/v1/agent/node', open, (request) => describeNode(request, api))
  app.get('/api/v1/peer', open, () => api.peer())
  // Two names that nodes of the Go era ask for the same facts.
  app.get('/api/v1/id', open, () => api.peer().ID)
  app.get('/api/v1/node_info', open, (request) => describeNode(request, api))
  redirect(app, '/', '/api/v1/agent/version')
  redirect(app, '/version', '/api/v1/agent/version')
  redirect(app, '/livez', '/api/v1/agent/alive')
}

/**
 * The node's facts at the top level, with `PeerInfo`, which is all that a Go node reads when it is given this API as a peer
 * address. A stranger learns no more than that.
 */
function describeNode(request: FastifyRequest, api: Api): object {
  const { ID, Addresses } = api.peer()
  const PeerInfo = { ID, Addrs: Addresses.map((address) => address.replace(/\/p2p\/[^/]+$/, '')) }
  return isStranger(request) ? { NodeID: ID, PeerInfo } : { ...api.nodeInfo(), PeerInfo }
}

function redirect(app: FastifyInstance, from: string, to: string): void {
  app.get(from, open, (_request, reply) => reply.redirect(to, 301))
}
