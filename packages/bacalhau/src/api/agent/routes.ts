import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Api } from '../context.ts'
import { accessOf } from '../auth/guard.ts'
import { isOlderClient } from '../http/version.ts'
import { olderNode, peerInfo } from '../legacy/node.ts'
import { addRoute, type Route } from '../http/route.ts'

/** What anyone may ask: is the node there, what is it, and how do peers reach it. */
const open = { method: 'GET', needs: 'public', tag: 'agent' } as const

export function agentRoutes(app: FastifyInstance, api: Api): void {
  addRoute(app, { ...open, anyVersion: true, path: '/api/v1/agent/alive', summary: 'Is the node there?' }, () => ({
    Status: 'OK',
  }))
  addRoute(app, { ...open, anyVersion: true, path: '/api/v1/agent/version', summary: 'The build of the node' }, () => {
    return api.nodeInfo().BacalhauVersion
  })
  addRoute(
    app,
    { ...open, anyVersion: true, path: '/api/v1/agent/node', summary: 'The facts of the node' },
    (request) => describeNode(request, api),
  )
  addRoute(app, { ...open, path: '/api/v1/peer', summary: 'Peer ID and addresses of the node' }, () => api.peer())
  // Two names that nodes of the Go era ask for the same facts.
  const old = { ...open, tag: 'legacy' } as const
  addRoute(app, { ...old, path: '/api/v1/id', summary: 'Peer ID of the node' }, () => api.peer().ID)
  addRoute(app, { ...old, path: '/api/v1/node_info', summary: 'The facts of the node' }, (request) =>
    describeNode(request, api),
  )
  redirect(app, '/', '/api/v1/agent/version')
  redirect(app, '/version', '/api/v1/agent/version')
  redirect(app, '/livez', '/api/v1/agent/alive')
}

/**
 * The node's facts at the top level, with `PeerInfo`, which is all that a Go node reads when it is given this API as a peer
 * address: it asks every ten seconds. In `Info` the same facts are for programs of release 1.3. Whoever may not read about the
 * node learns no more than its ID and addresses.
 */
function describeNode(request: FastifyRequest, api: Api): object {
  const { ID, Addresses } = api.peer()
  const PeerInfo = peerInfo(ID, Addresses)
  if (!accessOf(request).allows('read:agent')) return { NodeID: ID, PeerInfo }
  const Info = { ...api.nodeInfo(), PeerInfo }
  const state = { Info, Membership: 'APPROVED', Connection: 'CONNECTED' } as const
  return isOlderClient(request.raw) ? olderNode(state, PeerInfo) : { ...Info, Approval: 'APPROVED', ...state }
}

function redirect(app: FastifyInstance, from: string, to: string): void {
  const route: Route = { ...open, tag: 'legacy', path: from, summary: `Moved to ${to}`, hidden: true }
  addRoute(app, route, (_request, reply) => reply.redirect(to, 301))
}
