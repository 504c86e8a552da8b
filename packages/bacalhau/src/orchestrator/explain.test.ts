import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Task } from '@bacalhau/models'
import { sampleNode, someResources } from '../link/fixtures/samples.ts'
import { explain } from './explain.ts'
import { openJob, someRun } from './fixtures/jobs.ts'
import { connect, placingBench } from './fixtures/placing.ts'

interface Cluster {
  readonly nodes?: Readonly<Record<string, number>>
  readonly used?: Readonly<Record<string, number>>
  readonly away?: readonly string[]
  readonly paused?: readonly string[]
  readonly kept?: readonly string[]
  readonly refused?: readonly string[]
  readonly Resources?: Task['Resources']
}

/** Nodes with so many cores each. */
function why({
  nodes = {},
  used = {},
  away = [],
  paused = [],
  kept = [],
  refused = [],
  Resources = { CPU: '1' },
}: Cluster) {
  const bench = placingBench()
  const job = openJob({ task: { Resources } })
  for (const [peer, cores] of Object.entries(nodes)) connect(bench, peer, cores)
  for (const [node, CPU] of Object.entries(used)) {
    bench.assignments.add(job, someRun({ id: node, node, resources: someResources({ CPU }) }))
  }
  for (const peer of away) bench.cluster.disconnect(peer, 'cut')
  for (const peer of refused) job.refusals.set(peer, 'I am tired')
  const options = {
    cluster: bench.cluster,
    isPaused: (_shape: string, peer: string) => paused.includes(peer),
    isKept: (peer: string) => kept.includes(peer),
  }
  return { ...explain(job, options), bench, job, options }
}

describe('why a job waits is one sentence:', () => {
  const table: [string, Cluster, string][] = [
    [
      'all lack the same',
      { nodes: { a: 2, b: 2, c: 2 }, used: { a: 2, b: 2, c: 2 } },
      '3 nodes match; all lack 1 core of CPU',
    ],
    ['the only one lacks it', { nodes: { a: 2 }, used: { a: 2 } }, '1 node matches; it lacks 1 core of CPU'],
    [
      'they have different reasons',
      { nodes: { a: 2, b: 2, c: 2 }, used: { a: 1.5 }, away: ['b', 'c'], Resources: { CPU: '2' } },
      '3 nodes match: 1 lacks 2 cores of CPU, 2 are away at the moment',
    ],
    ['one is away', { nodes: { a: 1 }, away: ['a'] }, '1 node matches; it is away at the moment'],
    [
      'refused for want of room',
      { nodes: { a: 1, b: 1 }, paused: ['a', 'b'] },
      '2 nodes match; all have refused it for want of room',
    ],
    [
      'kept for another',
      { nodes: { a: 1 }, kept: ['a'] },
      '1 node matches; it is kept free for a job that has waited longer',
    ],
    ['others come first', { nodes: { a: 1, b: 1 } }, '2 nodes match; all take other jobs first'],
    [
      'those that refused it do not count',
      { nodes: { a: 1, b: 1 }, refused: ['a'] },
      '1 node matches; it takes other jobs first',
    ],
  ]
  for (const [name, cluster, sentence] of table) {
    test(name, () => {
      const { kind, code, reason } = why(cluster)
      assert.deepEqual([kind, code, reason], ['busy', 'NoNodes', sentence])
    })
  }

  test('several things may be short at a time, each in its unit', () => {
    const { bench, options } = why({})
    const capacity = someResources({ CPU: 4, Memory: 8e9, Disk: 4e9, GPU: 2 })
    bench.cluster.connect('a', sampleNode('a', { MaxCapacity: capacity }), 'APPROVED')
    const job = openJob({ task: { Resources: { CPU: '1', Memory: '2gb', Disk: '1gb', GPU: '2' } } })
    bench.assignments.add(job, someRun({ node: 'a', resources: capacity }))
    const wanted = '1 core of CPU and 2 GB of memory and 1 GB of disk and 2 GPUs'
    assert.equal(explain(job, options).reason, `1 node matches; it lacks ${wanted}`)
  })
})

describe('why a job cannot run:', () => {
  test('there is no node', () => {
    const { kind, code, reason } = why({})
    assert.deepEqual([kind, code, reason], ['absent', 'NoNodes', 'no compute node is connected'])
  })

  test('all are too small, which is one code', () => {
    const { kind, code, reason } = why({ nodes: { a: 1, b: 1 }, Resources: { CPU: '2' } })
    assert.deepEqual([kind, code], ['impossible', 'NotEnoughResources'])
    assert.match(reason, /^no node can run the job: 2 of 2 is too small for 2 cores of CPU/)
  })

  test('each for its own reason', () => {
    const { kind, code, reason } = why({ nodes: { a: 1, b: 9 }, refused: ['b'], Resources: { CPU: '2' } })
    assert.deepEqual([kind, code], ['impossible', 'NoNodes'])
    assert.match(reason, /1 of 2 is too small .*; 1 of 2 refused: I am tired$/)
  })

  test('of many reasons some are shown', () => {
    const nodes = Object.fromEntries(Array.from({ length: 8 }, (_, index) => [`n${index}`, index + 1]))
    const { reason } = why({ nodes, Resources: { CPU: '20' } })
    assert.match(reason, /; and 3 more reasons$/)
    assert.equal(reason.match(/1 of 8/g)?.length, 5)
  })
})
