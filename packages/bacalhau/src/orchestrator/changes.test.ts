import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { JobSpec } from '@bacalhau/models'
import { sampleJob, sampleNode } from '../link/fixtures/samples.ts'
import { BacalhauError } from '../runtime/error.ts'
import { silentLogger } from '../runtime/logger.ts'
import { createMeter, type Meter } from '../runtime/meter.ts'
import { seededRandom } from '../runtime/random.ts'
import { createVirtualClock } from '../runtime/virtual-clock.ts'
import { createMemoryStore } from '../store/memory.ts'
import type { Write } from '../store/store.ts'
import { specOf } from './admission.ts'
import type { Change, ChangesQuery } from './feed/change.ts'
import { START } from './fixtures/jobs.ts'
import { joinNode } from './fixtures/swarm.ts'
import { createOrchestrator } from './orchestrator.ts'

/** A real orchestrator on a store that can be full. */
async function bench() {
  const clock = createVirtualClock(START)
  const memory = createMemoryStore()
  const disk = { full: false }
  const store = {
    ...memory,
    commit: (writes: readonly Write[]) =>
      disk.full ? Promise.reject(new BacalhauError('DiskFull', 'no room')) : memory.commit(writes),
  }
  const meter = createMeter()
  const orchestrator = await createOrchestrator({
    store,
    clock,
    meter,
    random: seededRandom(1),
    logger: silentLogger,
    storeGeneration: 'g-owner',
    approval: 'auto',
    joinToken: 'secret',
    self: () => sampleNode('QmOwner'),
    logs: async function* () {},
  })
  const hub = { clock, attach: orchestrator.attach.bind(orchestrator) }
  const submit = (fields: Partial<JobSpec> = {}) =>
    orchestrator.submit({ spec: { ...specOf(sampleJob()), Name: '', ...fields }, warnings: [] })
  return { orchestrator, clock, hub, submit, disk, meter, follow: follow(orchestrator, clock) }
}

type Bench = Awaited<ReturnType<typeof createOrchestrator>>

/** Opens a reader; what it gives takes everything that there is by now. */
const follow =
  (orchestrator: Bench, clock: ReturnType<typeof createVirtualClock>) =>
  (query: ChangesQuery = {}) => {
    const iterator = orchestrator.changes(query, new AbortController().signal)[Symbol.asyncIterator]()
    let next = iterator.next()
    return async (): Promise<string[]> => {
      const told: string[] = []
      for (;;) {
        const step = await Promise.race([next, clock.advance(100).then(() => undefined)])
        if (step === undefined || step.done === true) return told
        next = iterator.next()
        told.push(...step.value.map(short))
      }
    }
  }

function short(change: Change): string {
  if (change.kind === 'history') return `${change.event.SeqNum} ${change.event.Event.Message}`
  if (change.kind !== 'job') return change.kind
  const { Version, State, Progress } = change.event
  const progress = Progress && ` ${Progress.Completed}+${Progress.Running}+${Progress.Waiting}/${Progress.Total}`
  const message = State.StateType === 'Running' && State.Message !== undefined ? `: ${State.Message}` : ''
  return `v${Version} ${State.StateType}${progress ?? message}`
}

const valuesOf = (meter: Meter, name: string) => {
  const metric = meter.read().find((one) => one.name === name)
  if (metric === undefined || metric.kind === 'histogram') return undefined
  return Object.fromEntries(
    [...metric.samples].map(({ labels = {}, value }) => [Object.values(labels).join(' '), value]),
  )
}

describe('changes of jobs', () => {
  test('are told from the submission to the end, and for the next version', async () => {
    const { hub, submit, follow } = await bench()
    const take = follow()
    await take()
    await submit({ Name: 'a' })
    assert.deepEqual(await take(), ['v1 Queued'])
    const node = await joinNode(hub, 'QmNode')
    const [executionId = ''] = node.offered()
    await node.say({ type: 'accepted', executionId })
    assert.deepEqual(await take(), ['v1 Running'])
    await node.say({ type: 'completed', executionId, output: null, result: { Type: '' } })
    assert.deepEqual(await take(), ['v1 Completed'])
    await submit({ Name: 'a', Priority: 2 })
    assert.deepEqual(await take(), ['v2 Pending'])
  })

  test('say how far its run is before it begins, and write nothing of it', async () => {
    const { hub, submit, follow, orchestrator } = await bench()
    const take = follow({ history: true })
    await take()
    const { ID } = await submit()
    const node = await joinNode(hub, 'QmNode')
    const [executionId = ''] = node.offered()
    await node.say({ type: 'accepted', executionId })
    await take()
    await node.prepares(executionId, 'image: 34 %')
    assert.deepEqual(await take(), ['v1 Running: image: 34 %'])
    await node.prepares(executionId, 'image: 34 %')
    assert.deepEqual(await take(), [])
    const seen = async () => {
      const [execution] = await orchestrator.executions(ID)
      return [(await orchestrator.getJob(ID)).State.Message, execution?.ComputeState.Message]
    }
    assert.deepEqual(await seen(), ['image: 34 %', 'image: 34 %'])
    const events = (await orchestrator.history(ID, 0, 100)).length
    await node.say({ type: 'progress', executionId, state: 6 })
    assert.deepEqual((await take()).at(-1), 'v1 Running')
    assert.deepEqual(await seen(), [undefined, 'Running Execution'])
    assert.equal((await orchestrator.history(ID, 0, 100)).length, events + 1)
    await node.prepares(executionId, 'too late')
    await node.prepares('e-of-nobody', 'image: 1 %')
    assert.deepEqual(await take(), [])
  })

  test('of a task array are told by the number of its runs', async () => {
    const { hub, submit, follow, orchestrator } = await bench()
    const take = follow()
    await take()
    const { ID } = await submit({ Count: 3 })
    const node = await joinNode(hub, 'QmNode', {})
    await take()
    const [first = '', ...others] = node.offered()
    await node.say({ type: 'completed', executionId: first, output: null, result: { Type: '' } })
    const waiting = 2 - others.length
    assert.deepEqual((await take()).at(-1), `v1 Running 1+${others.length}+${waiting}/3`)
    const Progress = { Total: 3, Completed: 1, Running: others.length, Waiting: waiting }
    assert.deepEqual((await orchestrator.getJob(ID)).Progress, Progress)
  })

  test('come with everything that happened, where that is asked for', async () => {
    const { hub, submit, follow } = await bench()
    const take = follow({ history: true })
    await take()
    await submit()
    const first = await take()
    assert.equal(first[0], '1 Job submitted')
    const node = await joinNode(hub, 'QmNode')
    const [executionId = ''] = node.offered()
    await node.say({ type: 'completed', executionId, output: null, result: { Type: '' } })
    const told = [...first, ...(await take())]
    const numbers = told.filter((text) => /^\d/.test(text)).map((text) => Number.parseInt(text, 10))
    assert.deepEqual(
      numbers,
      numbers.map((_, index) => index + 1),
    )
    assert.ok(numbers.length >= 5)
    assert.equal(told.at(-1), 'v1 Completed')
  })

  test('are told when they are on the disk, and not before', async () => {
    const { submit, follow, orchestrator, disk, clock } = await bench()
    const { ID } = await submit()
    await clock.advance(0)
    const take = follow()
    await take()
    disk.full = true
    await assert.rejects(orchestrator.stopJob(ID, 'enough'), { code: 'DiskFull' })
    assert.deepEqual(await take(), [])
    disk.full = false
    await clock.advance(2_000)
    assert.deepEqual(await take(), ['v1 Stopped'])
  })
})

test('what an orchestrator does is counted', async () => {
  const { hub, submit, meter, orchestrator, clock } = await bench()
  const { ID } = await submit()
  await submit({ Priority: 3 })
  await clock.advance(0)
  assert.deepEqual(valuesOf(meter, 'bacalhau_queue_jobs'), { '': 2 })
  await orchestrator.stopJob(ID, 'enough')
  const node = await joinNode(hub, 'QmNode')
  const [executionId = ''] = node.offered()
  await node.say({ type: 'accepted', executionId })
  assert.deepEqual(valuesOf(meter, 'bacalhau_executions'), { BidAccepted: 1 })
  assert.deepEqual(valuesOf(meter, 'bacalhau_nodes'), { 'CONNECTED APPROVED': 1 })
  await node.say({ type: 'completed', executionId, output: null, result: { Type: '' } })
  assert.deepEqual(
    ['job_submissions_total', 'placements_total', 'jobs_open', 'queue_jobs'].map((name) =>
      valuesOf(meter, `bacalhau_${name}`),
    ),
    [{ '': 2 }, { '': 1 }, { '': 0 }, { '': 0 }],
  )
  assert.deepEqual(valuesOf(meter, 'bacalhau_jobs_ended_total'), { Stopped: 1, Completed: 1 })
  assert.deepEqual(valuesOf(meter, 'bacalhau_executions_ended_total'), { Completed: 1 })
})
