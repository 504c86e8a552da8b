import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EXECUTION_STATES, isFinalJobState, type Job } from '@bacalhau/models'
import { isBacalhauError } from '../../src/runtime/error.ts'
import { type Random, seededRandom } from '../../src/runtime/random.ts'
import { settle } from '../../src/runtime/virtual-clock.ts'
import type { SimulatedNode } from './simulated-node.ts'
import { ORCHESTRATOR, World } from './world.ts'

/** Replays one world: `CHAOS_SEED=7 node --test chaos.test.ts`. */
const SEEDS = process.env['CHAOS_SEED']?.split(',').map(Number) ?? [1, 2, 3, 4, 5, 6, 7, 8]
const STEPS = 60

const pick = <T>(random: Random, items: readonly T[]): T => {
  const item = items[Math.floor(random.next() * items.length)]
  if (item === undefined) throw new Error('nothing to pick from')
  return item
}

/** Something that happens to a world. `jobs` are those that were acknowledged. */
type Mishap = (world: World, random: Random, jobs: Job[]) => Promise<void> | void
const nodeOf = (world: World, random: Random): SimulatedNode => pick(random, [...world.nodes.values()])

const submit: Mishap = async (world, random, jobs) => {
  const script = {
    Milliseconds: Math.floor(random.next() * 4_000),
    ...(random.next() < 0.1 ? { Fail: 'WasmTrap' } : {}),
  }
  const Count = 1 + Math.floor(random.next() * 4)
  const task = { Timeouts: { QueueTimeout: 600 }, Publisher: { Type: 'shelf' } }
  try {
    jobs.push(await world.submit(script, { Count, Priority: Math.floor(random.next() * 3), task }))
  } catch (error) {
    assert.ok(isBacalhauError(error) && error.code === 'DiskFull', String(error))
  }
}

const MISHAPS: readonly Mishap[] = [
  submit,
  submit,
  submit,
  submit,
  (world, random) => nodeOf(world, random).cut(),
  (world, random) => nodeOf(world, random).freeze(),
  (world, random) => nodeOf(world, random).delay(Math.floor(random.next() * 500)),
  (world, random) => nodeOf(world, random).reconnect(),
  (world, random) => nodeOf(world, random).reconnect(),
  async (world, random) => {
    const node = nodeOf(world, random)
    node.crash()
    await node.restart()
  },
  (world) => world.restart({ reconnect: true }),
  (world) => {
    world.machine.full = !world.machine.full
  },
  (world, random, jobs) => {
    // Not waited for: the disk may be full, or the orchestrator be gone before it answers.
    if (jobs.length > 0) void world.orchestrator.stopJob(pick(random, jobs).ID, '').catch(() => undefined)
  },
]

async function misbehave(world: World, random: Random): Promise<Job[]> {
  const jobs: Job[] = []
  for (let step = 0; step < STEPS; step++) {
    await pick(random, MISHAPS)(world, random, jobs)
    // Often the next thing happens in the middle of what the last one has set off.
    if (random.next() < 0.5) await settle(Math.floor(random.next() * 12))
    else await world.clock.advance(Math.floor(random.next() * 1_500))
  }
  return jobs
}

/** Everything works again: now everything has to come to its end. */
async function heal(world: World, jobs: readonly Job[]): Promise<void> {
  world.machine.full = false
  for (const node of world.nodes.values()) node.reconnect()
  await world.until(async () => {
    await world.clock.advance(500)
    const states = await Promise.all(jobs.map(async ({ ID }) => (await world.orchestrator.getJob(ID)).State.StateType))
    return states.every(isFinalJobState)
  }, 'every job ends')
  await world.until(async () => {
    await world.clock.advance(500)
    return [...world.nodes.values()].every(({ compute }) => compute.held(ORCHESTRATOR).length === 0)
  }, 'everything is settled')
}

async function checkJob(world: World, { ID, Count }: Job): Promise<void> {
  const { State } = await world.orchestrator.getJob(ID)
  const executions = await world.orchestrator.executions(ID)
  const completed = executions.filter(({ ComputeState }) => ComputeState.StateType === EXECUTION_STATES.Completed)
  const partitions = new Set(completed.map(({ PartitionIndex }) => PartitionIndex))
  assert.equal(partitions.size, completed.length, 'a partition was completed twice')
  if (State.StateType === 'Completed') assert.equal(completed.length, Count)
  const events = await world.orchestrator.history(ID, 0, 1_000)
  assert.deepEqual(
    events.map(({ SeqNum }) => SeqNum),
    events.map((_, index) => index + 1),
  )
  const ends = events.filter(
    ({ Type, Event }) => Type === 'JobLevel' && /^(Completed|Failed|Stopped)/.test(Event.Message),
  )
  assert.equal(ends.length, 1, `${ID}: ${ends.map(({ Event }) => Event.Message).join()}`)
}

for (const seed of SEEDS) {
  test(`whatever goes wrong, every acknowledged job ends once and leaves nothing behind (seed ${seed})`, async (t) => {
    const world = await World.create(t, { seed })
    for (const id of ['QmNode1', 'QmNode2', 'QmNode3']) await world.addNode({ id, capacity: { CPU: 1, Memory: 4e9 } })
    const jobs = await misbehave(world, seededRandom(seed))
    await heal(world, jobs)
    for (const job of jobs) await checkJob(world, job)
    assert.equal((await world.disk.range('job-open', { limit: 9 })).length, 0)
    const runs = [...world.nodes.values()].flatMap(({ executor }) =>
      executor.runs.map(({ executionId }) => executionId),
    )
    assert.equal(new Set(runs).size, runs.length, 'an execution was run twice')
    for (const { id, compute, executor } of world.nodes.values()) {
      assert.deepEqual([compute.free(), compute.running(), executor.running], [compute.capacity, 0, 0])
      assert.equal(world.orchestrator.node(id).Info.ComputeNodeInfo.RunningExecutions, 0)
    }
  })
}
