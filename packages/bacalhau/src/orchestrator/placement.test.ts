import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { addResources, fits, NO_RESOURCES, subtractResources } from '@bacalhau/models'
import fc from 'fast-check'
import { sampleJob, sampleNode, someResources } from '../link/fixtures/samples.ts'
import { type Candidate, explain, type Placement, plan, type Want } from './placement.ts'

interface WantOptions {
  readonly cpu?: number
  readonly engine?: string
  readonly partitions?: number
  readonly refusals?: readonly string[]
  readonly paused?: readonly string[]
  readonly offerBytes?: number
}

function want(id: string, options: WantOptions = {}): Want {
  const { cpu = 1, engine = 'script', partitions = 1, refusals = [], paused = [], offerBytes = 1 } = options
  return {
    job: sampleJob({ Engine: { Type: engine } }, { ID: id }),
    resources: someResources({ CPU: cpu, Memory: 1 }),
    shape: `${engine} ${cpu}`,
    offerBytes,
    partitions: Array.from({ length: partitions }, (_, index) => index),
    refusals: new Map(refusals.map((node) => [node, 'no'])),
    isPaused: (nodeId) => paused.includes(nodeId),
  }
}

function node(
  id: string,
  cpu = 4,
  options: Partial<Candidate> & { used?: number; engines?: string[] } = {},
): Candidate {
  const { used = 0, engines = ['script'], ...rest } = options
  const MaxCapacity = someResources({ CPU: cpu })
  return {
    info: sampleNode(id, { MaxCapacity, ExecutionEngines: engines }),
    present: true,
    free: subtractResources(MaxCapacity, someResources({ CPU: used, Memory: 0 })),
    window: 1_000,
    ...rest,
  }
}

const shapesOf = (wants: readonly Want[]) => new Set(wants.map(({ shape }) => shape)).size
const planAll = (wants: readonly Want[], nodes: readonly Candidate[]) => plan(wants, shapesOf(wants), nodes)
const words = (placements: readonly Placement[]) =>
  placements.map(({ jobId, partition, nodeId }) => `${jobId}.${partition} on ${nodeId}`)

describe('a plan', () => {
  test('spreads executions to where most room is', () => {
    const placed = planAll([want('a', { partitions: 5 })], [node('small', 2), node('large', 4)])
    const on = (id: string) => placed.filter(({ nodeId }) => nodeId === id).length
    assert.deepEqual([on('small'), on('large')], [2, 3])
  })

  test('judges room by what is scarcer, processors or memory', () => {
    const memory = node('full of memory', 4, { free: someResources({ CPU: 4, Memory: 1e6 }) })
    const balanced = node('balanced', 4, { free: someResources({ CPU: 2, Memory: 5e8 }) })
    assert.deepEqual(words(planAll([want('a')], [memory, balanced])), ['a.0 on balanced'])
  })

  test('leaves out nodes that are away, paused, have refused, or have unanswered offers enough', () => {
    const nodes = [
      node('away', 9, { present: false }),
      node('paused', 8),
      node('refused', 7),
      node('slow', 6, { window: 0 }),
      node('good', 1),
    ]
    const job = want('a', { paused: ['paused'], refusals: ['refused'] })
    assert.deepEqual(words(planAll([job], nodes)), ['a.0 on good'])
  })

  test('sends a node no more than its window, but always one', () => {
    const nodes = [node('a', 9, { window: 10 })]
    assert.equal(planAll([want('j', { partitions: 9, offerBytes: 4 })], nodes).length, 3)
    assert.equal(planAll([want('j', { partitions: 9, offerBytes: 100 })], nodes).length, 1)
  })

  test('goes on behind a job that finds no room', () => {
    const wants = [want('large', { cpu: 3 }), want('small'), want('large too', { cpu: 3 }), want('small too')]
    assert.deepEqual(words(planAll(wants, [node('n', 2)])), ['small.0 on n', 'small too.0 on n'])
  })

  test('that a job was refused says nothing about others of its shape', () => {
    const wants = [want('refused', { refusals: ['n'] }), want('other')]
    assert.deepEqual(words(planAll(wants, [node('n')])), ['other.0 on n'])
  })

  test('touches no more of a long line than it has to', () => {
    let touched = 0
    function* line() {
      for (; touched < 100_000; touched++) yield want(`j${touched}`, { cpu: 1 + (touched % 2) })
    }
    const placed = plan(line(), 2, [node('n', 4)])
    assert.ok(placed.length >= 2 && touched < 10, `${touched} looked at`)
  })

  test('never promises more than there is, keeps the order within a shape, and leaves no room that somebody wants', () => {
    const someWant = fc.record({
      cpu: fc.constantFrom(0.5, 1, 2, 3),
      engine: fc.constantFrom('script', 'other'),
      partitions: fc.integer({ min: 1, max: 4 }),
      refusals: fc.subarray(['n0', 'n1', 'n2']),
      paused: fc.subarray(['n0', 'n1'], { maxLength: 1 }),
    })
    const someNode = fc.record({
      cpu: fc.constantFrom(1, 2, 4),
      used: fc.constantFrom(0, 0.5, 1),
      present: fc.boolean(),
      engines: fc.subarray(['script', 'other']),
    })
    fc.assert(
      fc.property(fc.array(someWant, { maxLength: 8 }), fc.array(someNode, { maxLength: 4 }), (specs, machines) => {
        // Pauses are those of a shape, so equal shapes are paused alike.
        const pauses = new Map(specs.map(({ cpu, engine, paused }) => [`${engine} ${cpu}`, paused]))
        const wants = specs.map((spec, index) =>
          want(`j${index}`, { ...spec, paused: pauses.get(`${spec.engine} ${spec.cpu}`) ?? [] }),
        )
        const nodes = machines.map(({ cpu, ...rest }, index) => node(`n${index}`, cpu, rest))
        const placements = planAll(wants, nodes)
        const placed = (job: Want) => placements.filter(({ jobId }) => jobId === job.job.ID)

        // Each partition at most once, only where the job may run.
        assert.equal(new Set(words(placements).map((text) => text.split(' on ')[0])).size, placements.length)
        const left = new Map(nodes.map((machine) => [machine.info.NodeID, machine.free]))
        for (const { jobId, nodeId } of placements) {
          const job = wants.find(({ job }) => job.ID === jobId)
          const machine = nodes.find(({ info }) => info.NodeID === nodeId)
          assert.ok(job !== undefined && machine?.present === true)
          assert.ok(machine.info.ComputeNodeInfo.ExecutionEngines.includes(job.job.Tasks[0]?.Engine.Type ?? ''))
          assert.ok(!job.refusals.has(nodeId) && !job.isPaused(nodeId))
          const free = left.get(nodeId) ?? NO_RESOURCES
          assert.ok(fits(job.resources, free), 'more than there is')
          left.set(nodeId, subtractResources(free, job.resources))
        }

        for (const [index, job] of wants.entries()) {
          const count = [...job.partitions].length
          if (placed(job).length === count) continue
          // It is left over: then nothing that it may use has room for it.
          for (const machine of nodes) {
            const id = machine.info.NodeID
            const open = machine.present && !job.refusals.has(id) && !job.isPaused(id)
            const suits = machine.info.ComputeNodeInfo.ExecutionEngines.includes(job.job.Tasks[0]?.Engine.Type ?? '')
            assert.ok(
              !open || !suits || !fits(job.resources, left.get(id) ?? NO_RESOURCES),
              `${job.job.ID} fits on ${id}`,
            )
          }
          assert.ok(explain(job, nodes).reason.length > 0)
          // Nobody of its shape behind it went first, unless its own refusals stood in its way.
          if (job.refusals.size > 0) continue
          for (const later of wants.slice(index + 1)) assert.ok(later.shape !== job.shape || placed(later).length === 0)
        }
      }),
      { numRuns: 300 },
    )
  })
})

describe('the reason for a wait', () => {
  test('is room where there is a node, and does not depend on how much', () => {
    const full = explain(want('a'), [node('n', 4, { used: 4 })])
    assert.deepEqual(full, explain(want('a'), [node('n', 4, { used: 3.5 }), node('other', 1, { used: 1 })]))
    assert.equal(full.kind, 'busy')
    assert.match(full.reason, /no room/)
  })

  test('is an absence where all that fit have gone', () => {
    const away = explain(want('a'), [node('n', 4, { present: false }), node('other', 4, { engines: ['other'] })])
    assert.equal(away.kind, 'busy')
    assert.match(away.reason, /away/)
  })

  test('is an impossibility where nothing fits: with one code when all agree', () => {
    const codeFor = (job: Want, ...nodes: Candidate[]) => {
      const { kind, code } = explain(job, nodes)
      assert.equal(kind, 'impossible')
      return code
    }
    const [wrong, small] = [node('w', 4, { engines: ['other'] }), node('s', 0.5)]
    assert.equal(codeFor(want('a')), 'NoNodes')
    assert.equal(codeFor(want('a'), wrong), 'EngineMissing')
    assert.equal(codeFor(want('a'), small, small), 'NotEnoughResources')
    assert.equal(codeFor(want('a'), wrong, small), 'NoNodes')
    assert.equal(codeFor(want('a', { refusals: ['n'] }), node('n')), 'NoNodes')
  })

  test('counts the nodes that share a reason and names at most five', () => {
    const nodes = Array.from({ length: 9 }, (_, index) =>
      node(`n${index}`, 4, { engines: [`e${Math.max(0, index - 2)}`] }),
    )
    const { reason } = explain(want('a'), nodes)
    assert.match(reason, /3 of 9 does not support the engine "script", only e0; 1 of 9 /)
    assert.match(reason, /and 2 more reasons$/)
  })
})

test('resources of a plan add up', () => {
  const total = planAll([want('a', { partitions: 40, cpu: 0.1 })], [node('n', 4)]).reduce(
    (sum) => addResources(sum, someResources({ CPU: 0.1, Memory: 1 })),
    NO_RESOURCES,
  )
  assert.equal(total.CPU, 4)
})
