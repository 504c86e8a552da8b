import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Membership } from '@bacalhau/models'
import { sampleNode, someResources } from '../link/fixtures/samples.ts'
import { isBacalhauError } from '../runtime/error.ts'
import { Assignments } from './assignments.ts'
import { Cluster } from './cluster.ts'
import { openJob, someRun, START } from './fixtures/jobs.ts'

function bench(...nodes: string[]) {
  const time = { now: START }
  const assignments = new Assignments()
  const cluster = new Cluster(assignments, () => time.now)
  const connect = (peer: string, membership: Membership = 'APPROVED') =>
    cluster.connect(peer, sampleNode(peer), membership)
  for (const node of nodes) connect(node)
  return { cluster, assignments, time, connect }
}

const ids = (cluster: Cluster) => cluster.candidates().map(({ peer }) => peer)
const failsWith = (code: string) => (error: unknown) => isBacalhauError(error) && error.code === code

describe('the cluster', () => {
  test('gives work to members, also to those that are expected back, and to nobody else', () => {
    const { cluster, connect } = bench('QmA', 'QmB', 'QmC')
    connect('QmPending', 'PENDING')
    connect('QmRejected', 'REJECTED')
    cluster.disconnect('QmB', 'cut')
    const gone = cluster.get('QmC')
    if (gone !== undefined) gone.expected = false
    assert.deepEqual(ids(cluster), ['QmA', 'QmB'])
  })

  test('remembers a member that has gone, and forgets a stranger', () => {
    const { cluster, connect } = bench('QmA')
    connect('QmPending', 'PENDING')
    for (const peer of ['QmA', 'QmPending', 'QmNobody']) cluster.disconnect(peer, 'cut')
    assert.deepEqual(
      cluster.states().map(({ Info }) => Info.NodeID),
      ['QmA'],
    )
    cluster.forget('QmA')
    assert.deepEqual(cluster.states(), [])
  })

  test('shows when a node was there, and why it is not', () => {
    const { cluster, time, connect } = bench('QmA')
    const shown = () => cluster.find('QmA').ConnectionState
    assert.equal(shown().DisconnectedSince, '0001-01-01T00:00:00Z')
    time.now += 1_000
    cluster.heard('QmA', undefined)
    time.now += 1_000
    cluster.disconnect('QmA', 'cut')
    assert.deepEqual(shown(), {
      Status: 'DISCONNECTED',
      LastHeartbeat: '2026-01-01T00:00:01.000Z',
      ConnectedSince: '2026-01-01T00:00:00.000Z',
      DisconnectedSince: '2026-01-01T00:00:02.000Z',
      LastError: 'cut',
    })
    time.now += 1_000
    connect('QmA')
    assert.deepEqual(shown(), {
      Status: 'CONNECTED',
      LastHeartbeat: '2026-01-01T00:00:03.000Z',
      ConnectedSince: '2026-01-01T00:00:03.000Z',
      DisconnectedSince: '2026-01-01T00:00:02.000Z',
      LastError: '',
    })
  })

  test('takes what a node says of itself, but not that of a node that it does not know', () => {
    const { cluster } = bench('QmA')
    cluster.heard('QmA', sampleNode('QmA', { ExecutionEngines: ['other'] }))
    cluster.heard('QmB', sampleNode('QmB'))
    assert.deepEqual(cluster.find('QmA').Info.ComputeNodeInfo.ExecutionEngines, ['other'])
    assert.equal(cluster.get('QmB'), undefined)
  })

  test('counts what it has given away as used, whatever the node says', () => {
    const { cluster, assignments } = bench('QmA')
    const give = (id: string, state: 1 | 6) => assignments.add(openJob(), someRun({ id, node: 'QmA', state }))
    give('e-1', 6)
    give('e-2', 1)
    const { AvailableCapacity, RunningExecutions, EnqueuedExecutions } = cluster.find('QmA').Info.ComputeNodeInfo
    assert.deepEqual(AvailableCapacity, someResources({ CPU: 2, Memory: 6e9 }))
    assert.deepEqual([RunningExecutions, EnqueuedExecutions], [1, 1])
    for (const id of ['e-3', 'e-4', 'e-5']) give(id, 1)
    assert.equal(cluster.find('QmA').Info.ComputeNodeInfo.AvailableCapacity.CPU, 0)
  })

  test('finds a node by its id, or by a beginning of it that no other shares', () => {
    const { cluster } = bench('QmAa', 'QmAaa', 'QmBbb')
    const found = (id: string) => cluster.find(id).Info.NodeID
    assert.deepEqual([found('QmB'), found('QmAa'), found('QmAaa')], ['QmBbb', 'QmAa', 'QmAaa'])
    assert.throws(() => found('QmA'), failsWith('Conflict'))
    assert.throws(() => found('QmA'), /multiple nodes found for prefix: QmA, matching IDs: \[QmAa QmAaa\]$/)
    assert.throws(() => found('QmC'), { hint: /bacalhau node list/ })
    for (const id of ['Qm', 'QmC', '']) assert.throws(() => found(id), failsWith('NotFound'))
  })
})
