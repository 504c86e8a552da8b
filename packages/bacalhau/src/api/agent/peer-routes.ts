import { networkAnswer, peerAnswer, peerRequestSchema, peersAnswer, pingAnswer } from '@bacalhau/models'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Peers } from '../../network/peers/peers.ts'
import { BacalhauError } from '../../runtime/error.ts'
import type { Api } from '../context.ts'
import { callerSignal } from '../http/caller.ts'
import { queryText } from '../http/query.ts'
import { readDocument } from '../http/request.ts'
import { addRoute } from '../http/route.ts'

const PEERS = '/api/v1/agent/peers'

const read = { method: 'GET', needs: 'read:agent', tag: 'agent' } as const
const write = { needs: 'write:agent', tag: 'agent' } as const
const removeQuery = z.object({ peer: queryText(1_024) })

/** The peers of the node, and how others reach it. */
export function peerRoutes(app: FastifyInstance, api: Api): void {
  addRoute(app, { ...read, path: PEERS, summary: 'Peers of the node', answer: peersAnswer }, async () => ({
    Peers: await requirePeers(api).list(),
  }))
  addRoute(
    app,
    {
      ...write,
      method: 'PUT',
      path: PEERS,
      summary: 'Keep a connection to a peer',
      body: peerRequestSchema,
      answer: peerAnswer,
    },
    async (request) => ({ Peer: await requirePeers(api).add(peerOf(request)) }),
  )
  addRoute(
    app,
    {
      ...write,
      method: 'DELETE',
      path: PEERS,
      summary: 'Let go of a peer that was added',
      query: removeQuery,
      answer: peerAnswer,
    },
    async (_request, _reply, { peer }) => {
      if (peer === undefined) throw new BacalhauError('BadRequest', "query parameter 'peer' is missing")
      return { Peer: await requirePeers(api).remove(peer) }
    },
  )
  reachRoutes(app, api)
}

function reachRoutes(app: FastifyInstance, api: Api): void {
  addRoute(
    app,
    {
      ...write,
      method: 'POST',
      path: `${PEERS}/ping`,
      summary: 'Ask a peer for a sign of life',
      body: peerRequestSchema,
      answer: pingAnswer,
    },
    (request, reply) => requirePeers(api).ping(peerOf(request), callerSignal(reply, api.stopping)),
  )
  addRoute(
    app,
    { ...read, path: '/api/v1/agent/network', summary: 'How others reach the node', answer: networkAnswer },
    () => {
      if (api.network === undefined) throw noSwarm()
      return api.network()
    },
  )
}

function requirePeers({ peers }: Api): Peers {
  if (peers === undefined) throw noSwarm()
  return peers
}

const noSwarm = () => new BacalhauError('ServiceUnavailable', 'this server is in no swarm')

function peerOf(request: FastifyRequest): string {
  const body = readDocument(request, peerRequestSchema)
  if (body === undefined) throw new BacalhauError('BadRequest', 'Peer: expected an address or an ID')
  return body.Peer
}
