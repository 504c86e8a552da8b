import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import type { HeldExecution, ReportMessage } from '@bacalhau/models'
import { createNoopExecutor } from '../executors/noop/executor.ts'
import { sampleNode, someResources } from '../link/fixtures/samples.ts'
import type { ComputeChannel, OrchestratorChannel } from '../link/link-protocol.ts'
import { createLoopback } from '../link/loopback.ts'
import { createOrchestratorOffice } from '../link/orchestrator-office.ts'
import { silentLogger } from '../runtime/logger.ts'
import { seededRandom } from '../runtime/random.ts'
import { createVirtualClock, settle, type VirtualClock } from '../runtime/virtual-clock.ts'
import { Journal } from '../store/journal.ts'
import { createMemoryStore, type MemoryStore } from '../store/memory.ts'
import { createComputeNode, type Load } from './compute-node.ts'
import { createExecutionRunner } from './execution-runner.ts'
import { offer, OWNER, scopeOf, tempFolder } from './fixtures/bench.ts'
import { ScriptedRunner } from './fixtures/scripted-runner.ts'
import type { ExecutionRunner } from './runner.ts'
import { createNodeEnvironment } from './policy/node-environment.ts'
import { openPolicy } from './fixtures/open-policy.ts'

/** An orchestrator that approves everyone and writes down what it hears. */
async function openOrchestrator(t: TestContext, clock: VirtualClock) {
  const store = createMemoryStore()
  const journal = new Journal({ store, clock, logger: silentLogger })
  const heard: ReportMessage[] = []
  const hellos: (readonly HeldExecution[])[] = []
  const office = await createOrchestratorOffice({
    store,
    journal,
    clock,
    random: seededRandom(1),
    logger: silentLogger,
    storeGeneration: 'o-1',
    handler: {
      admit: () => ({ membership: 'APPROVED', message: '' }),
      onConnected: (_peer, { held }) => void hellos.push(held),
      onInfo: () => undefined,
      onPreparing: () => undefined,
      onReport: (_peer, report) => void heard.push(report),
      onAnswered: () => undefined,
      onDisconnected: () => undefined,
    },
  })
  scopeOf(t).own(journal)
  scopeOf(t).own(office)
  return { office, heard, hellos }
}

async function openCompute(
  t: TestContext,
  clock: VirtualClock,
  { store = createMemoryStore(), runner }: { store?: MemoryStore; runner: ExecutionRunner },
) {
  const loads: Load[] = []
  const compute = await createComputeNode({
    store,
    clock,
    runner,
    random: seededRandom(2),
    logger: silentLogger,
    storeGeneration: 'c-1',
    capacity: someResources({ CPU: 2, Memory: 4e9 }),
    nodeInfo(load) {
      loads.push(load)
      return sampleNode(OWNER)
    },
  })
  scopeOf(t).own(compute)
  return { compute, store, loads }
}

const connect = (): [ComputeChannel, OrchestratorChannel] => createLoopback(OWNER)

describe('a compute node and an orchestrator', () => {
  test('a task array of thousands is done in order, each reported once', async (t) => {
    const clock = createVirtualClock()
    const { office, heard } = await openOrchestrator(t, clock)
    const capabilities = { executors: [createNoopExecutor({ clock })], sources: [], publishers: [] }
    const runner = createExecutionRunner({
      folder: await tempFolder(t),
      capabilities,
      policy: openPolicy,
      environment: createNodeEnvironment([], {}),
      clock,
      logger: silentLogger,
    })
    const { compute } = await openCompute(t, clock, { runner })
    const [near, far] = connect()
    office.attach(far)
    compute.attach(near)
    await settle()
    const ids = Array.from({ length: 5_000 }, (_, index) => `e-${index}`)
    for (let start = 0; start < ids.length; start += 500) {
      const part = offer(ids.slice(start, start + 500))
      const tasks = part.job.Tasks.map((task) => ({ ...task, Engine: { Type: 'noop' } }))
      office.post(OWNER, { ...part, job: { ...part.job, Tasks: tasks } })
    }
    await settle(200)
    assert.deepEqual(
      heard.map((report) => `${report.type} ${report.executionId}`),
      ids.map((id) => `completed ${id}`),
    )
    assert.deepEqual([office.backlog(OWNER).messages, compute.held(OWNER)], [0, []])
  })

  test('an execution is told of step by step over a link that breaks, and cancelled over the next one', async (t) => {
    const clock = createVirtualClock()
    const { office, heard, hellos } = await openOrchestrator(t, clock)
    const runner = new ScriptedRunner()
    const { compute, loads } = await openCompute(t, clock, { runner })
    const [near, far] = connect()
    office.attach(far)
    const session = compute.attach(near)
    await settle()
    office.post(OWNER, offer(['e-1', 'e-2', 'e-3']))
    await settle()
    assert.deepEqual([runner.running, compute.running(), compute.waiting()], [['e-1', 'e-2'], 2, 1])
    runner.progress('e-1', 6)
    await settle()
    session.close()
    await settle()
    runner.end('e-1')
    office.post(OWNER, { type: 'cancel', executionId: 'e-2', reason: 'no longer wanted' })
    await settle()
    const [again, there] = connect()
    office.attach(there)
    compute.attach(again)
    await settle()
    runner.end('e-3')
    await settle()
    const words = heard.map((report) => `${report.type} ${report.executionId}`)
    assert.deepEqual(words.slice(0, 4), ['accepted e-1', 'accepted e-2', 'accepted e-3', 'progress e-1'])
    assert.deepEqual(words.slice(4).toSorted(), ['cancelled e-2', 'completed e-1', 'completed e-3'])
    assert.deepEqual(hellos[1], [
      { executionId: 'e-2', state: 5 },
      { executionId: 'e-3', state: 5 },
    ])
    assert.deepEqual(loads.at(-1)?.free.CPU, 0)
    assert.deepEqual(compute.free(), compute.capacity)
  })

  test('what a crash interrupted is run again by the next process, and reported once', async (t) => {
    const clock = createVirtualClock()
    const { office, heard } = await openOrchestrator(t, clock)
    const first = await openCompute(t, clock, { runner: new ScriptedRunner() })
    const [near, far] = connect()
    office.attach(far)
    first.compute.attach(near)
    await settle()
    office.post(OWNER, offer(['e-1']))
    await settle()
    first.store.crash()
    near.abort(new Error('the process is gone'))
    await settle()
    const runner = new ScriptedRunner()
    const { compute } = await openCompute(t, clock, { store: first.store, runner })
    const [again, there] = connect()
    office.attach(there)
    compute.attach(again)
    runner.end('e-1')
    await settle()
    assert.deepEqual(
      heard.map(({ type }) => type),
      ['accepted', 'completed'],
    )
  })

  test('a stop tells what has just ended, then ends the link, the runner and itself; twice is once', async (t) => {
    const clock = createVirtualClock()
    const { office, heard } = await openOrchestrator(t, clock)
    const runner = new ScriptedRunner()
    const { compute } = await openCompute(t, clock, { runner })
    const [near, far] = connect()
    office.attach(far)
    const session = compute.attach(near)
    await settle()
    office.post(OWNER, offer(['e-1', 'e-2']))
    await settle()
    runner.end('e-1')
    await Promise.all([compute.stop(), compute.stop()])
    assert.equal(await session.ended, undefined)
    await settle()
    assert.deepEqual([heard.at(-1)?.type, heard.at(-1)?.executionId, runner.stopped], ['completed', 'e-1', true])
    assert.equal(heard.length, 3)
  })
})
