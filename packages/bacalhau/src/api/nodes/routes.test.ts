import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { NodeState, Resources } from '@bacalhau/models'
import { ask, nodeInfo, temporaryApi } from '../testing/api.ts'

const NEVER = '0001-01-01T00:00:00Z'

function node(NodeID: string, available: Partial<Resources>, change: Partial<NodeState> = {}): NodeState {
  const AvailableCapacity = { CPU: 0, Memory: 0, Disk: 0, GPU: 0, ...available }
  return {
    Info: { ...nodeInfo, NodeID, ComputeNodeInfo: { ...nodeInfo.ComputeNodeInfo, AvailableCapacity } },
    Membership: 'APPROVED',
    Connection: 'CONNECTED',
    ConnectionState: {
      Status: 'CONNECTED',
      LastHeartbeat: NEVER,
      ConnectedSince: NEVER,
      DisconnectedSince: NEVER,
      LastError: '',
    },
    ...change,
  }
}

async function withNodes(context: Parameters<typeof temporaryApi>[0]) {
  const api = await temporaryApi(context)
  api.orchestrator.nodeStates = [
    node('QmB', { CPU: 4, Memory: 1 }),
    node('QmA', { CPU: 8, Memory: 3 }, { Membership: 'PENDING' }),
    node('QmC', { CPU: 1, Memory: 2 }, { Connection: 'DISCONNECTED' }),
  ]
  const ids = async (query: string) => {
    const { body } = await ask(`${api.url}/api/v1/orchestrator/nodes?${query}`)
    return (body as { Nodes: NodeState[] }).Nodes.map(({ Info }) => Info.NodeID).join(' ')
  }
  const status = async (query: string) => (await ask(`${api.url}/api/v1/orchestrator/nodes?${query}`)).status
  return { ...api, ids, status }
}

describe('nodes', () => {
  test('are listed by id', async (context) => {
    const { ids, url } = await withNodes(context)
    assert.equal(await ids(''), 'QmA QmB QmC')
    const { body } = await ask(`${url}/api/v1/orchestrator/nodes`)
    assert.equal((body as { NextToken: string }).NextToken, '')
  })

  test('are listed in other orders', async (context) => {
    const { ids, orchestrator } = await withNodes(context)
    assert.equal(await ids('order_by=available_cpu'), 'QmA QmB QmC')
    assert.equal(await ids('order_by=available_memory'), 'QmA QmC QmB')
    assert.equal(await ids('order_by=available_memory&reverse=true'), 'QmB QmC QmA')
    assert.equal(await ids('order_by=status&limit=2'), 'QmB QmA')
    assert.equal(await ids('order_by=approval'), 'QmB QmC QmA')
    assert.deepEqual(
      orchestrator.nodeStates.map(({ Info }) => Info.NodeID),
      ['QmB', 'QmA', 'QmC'],
    )
  })

  test('are filtered', async (context) => {
    const { ids } = await withNodes(context)
    assert.equal(await ids('filter-approval=pending'), 'QmA')
    assert.equal(await ids('filter-status=DISCONNECTED'), 'QmC')
    assert.equal(await ids('filter-status=connected&filter-approval=approved'), 'QmB')
    assert.equal(await ids('filter-approval=&limit=10000'), 'QmA QmB QmC')
    assert.equal(await ids('labels=os_type%3Dlinux,!gpu'), 'QmA QmB QmC')
    assert.equal(await ids('labels=os_type%3Dlinux&labels=gpu'), '')
  })

  test('are not asked for in ways that are not known', async (context) => {
    const { status } = await withNodes(context)
    assert.equal(await status('order_by=name'), 400)
    assert.equal(await status('filter-approval=maybe'), 400)
    assert.equal(await status('labels=a%3D%3D%3Db'), 400)
  })

  test('are approved, rejected and forgotten', async (context) => {
    const { client, orchestrator } = await withNodes(context)
    await client.nodes.approve('QmA', { message: 'mine' })
    await client.nodes.reject('QmB')
    await client.nodes.delete('QmC')
    assert.deepEqual(orchestrator.decisions, [
      { id: 'QmA', action: 'approve', message: 'mine' },
      { id: 'QmB', action: 'reject', message: '' },
      { id: 'QmC', action: 'delete', message: '' },
    ])
    await assert.rejects(client.nodes.approve('QmB'), { status: 409, message: 'node QmB already approved' })
    await assert.rejects(client.nodes.approve('QmX'), { status: 404, message: 'node not found: QmX' })
  })

  test('are changed as official clients ask, and in no other way', async (context) => {
    const { url, orchestrator } = await withNodes(context)
    const change = async (body?: unknown) => {
      const headers = { 'content-type': 'application/json' }
      const init = body === undefined ? {} : { headers, body: JSON.stringify(body) }
      const answer = await ask(`${url}/api/v1/orchestrator/nodes/QmA`, { method: 'PUT', ...init })
      return [answer.status, answer.status === 200 ? answer.body : undefined]
    }
    const official = {
      Namespace: '',
      Credential: null,
      IdempotencyToken: '',
      Action: 'approve',
      Message: '',
      NodeID: '',
    }
    assert.deepEqual(await change(official), [200, { Success: true }])
    assert.deepEqual(await change({ Action: 'drain' }), [400, undefined])
    assert.deepEqual(await change({}), [400, undefined])
    assert.deepEqual(await change(), [400, undefined])
    assert.equal(orchestrator.decisions.length, 1)
  })

  test('are described by id and by its beginning', async (context) => {
    const { client } = await withNodes(context)
    assert.equal((await client.nodes.get('QmC')).Connection, 'DISCONNECTED')
    assert.equal((await client.nodes.list()).length, 3)
    await assert.rejects(client.nodes.get('QmX'), { status: 404, message: 'node not found: QmX' })
  })
})

describe('agent by the client', () => {
  test('answers', async (context) => {
    const { client } = await temporaryApi(context)
    await client.agent.alive()
    assert.equal((await client.agent.version()).GitVersion, 'v0.1.0')
    assert.equal((await client.agent.node()).NodeID, nodeInfo.NodeID)
    assert.equal((await client.agent.peer()).ID, nodeInfo.NodeID)
  })
})
