import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { PeerEntry } from '@bacalhau/models'
import type { Peers } from '../../network/peers/peers.ts'
import { BacalhauError } from '../../runtime/error.ts'
import { ask, networkAnswer, PEER_ID, temporaryApi } from '../testing/api.ts'

const PEERS = '/api/v1/agent/peers'
const ADDRESS = `/ip4/192.0.2.1/tcp/1235/p2p/${PEER_ID}`
const entry: PeerEntry = { Peer: ADDRESS, PeerID: PEER_ID, Origin: 'added', State: 'connected', Reach: 'direct' }

const network = networkAnswer(ADDRESS)

/** Peers of which each call is written down. */
function recordedPeers() {
  const calls: string[] = []
  const peers: Peers = {
    list: async () => [entry],
    add: async (address) => (calls.push(`add ${address}`), entry),
    async remove(name) {
      calls.push(`remove ${name}`)
      if (name === 'nobody') throw new BacalhauError('NotFound', 'nobody is none of the peers of this node')
      return entry
    },
    ping: async (name) => (
      calls.push(`ping ${name}`),
      { PeerID: PEER_ID, Address: ADDRESS, Reach: 'direct', Milliseconds: 3 }
    ),
  }
  return { calls, peers }
}

const sending = (method: string, body: unknown) => ({
  method,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
})

describe('peers over the API', () => {
  test('are listed, added, removed and pinged', async (context) => {
    const { calls, peers } = recordedPeers()
    const { client } = await temporaryApi(context, { peers, network: () => network })
    assert.deepEqual(await client.peers.list(), [entry])
    assert.deepEqual(await client.peers.add(ADDRESS), entry)
    assert.deepEqual(await client.peers.remove(ADDRESS), entry)
    assert.equal((await client.peers.ping(PEER_ID)).Milliseconds, 3)
    assert.deepEqual(await client.peers.network(), network)
    assert.deepEqual(calls, [`add ${ADDRESS}`, `remove ${ADDRESS}`, `ping ${PEER_ID}`])
  })

  const REFUSED: readonly [name: string, path: string, request: RequestInit, status: number][] = [
    ['a body without an address', PEERS, sending('PUT', {}), 400],
    ['an address that is too long', PEERS, sending('PUT', { Peer: 'x'.repeat(1_025) }), 400],
    ['no body', PEERS, { method: 'PUT' }, 400],
    ['a removal of nobody in particular', PEERS, { method: 'DELETE' }, 400],
    ['a removal of somebody unknown', `${PEERS}?peer=nobody`, { method: 'DELETE' }, 404],
    ['a ping of nothing', `${PEERS}/ping`, sending('POST', { Peer: '' }), 400],
  ]
  for (const [name, path, request, status] of REFUSED) {
    test(`${name}: ${status}`, async (context) => {
      const { peers } = recordedPeers()
      const { url } = await temporaryApi(context, { peers })
      assert.equal((await ask(`${url}${path}`, request)).status, status)
    })
  }

  test('a server without a swarm says so', async (context) => {
    const { url } = await temporaryApi(context)
    for (const path of [PEERS, '/api/v1/agent/network']) assert.equal((await ask(`${url}${path}`)).status, 503)
  })
})
