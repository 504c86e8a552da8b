import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { EXECUTION_STATES, type Execution, type Job } from '@bacalhau/models'
import { createDirectory, type Directory } from '../link/facts/directory.ts'
import { sampleNode, someResources } from '../link/fixtures/samples.ts'
import { type GoComputeScript, type ScriptedGoNode, startGoComputeNode } from '../link/go/fixtures/go-compute-node.ts'
import { dial, loopbackHost } from '../link/go/fixtures/go-host.ts'
import { createTrust } from '../link/go/trust.ts'
import { nodeHost, wasmJob } from '../link/go/fixtures/requester-bench.ts'
import { type HandClock, handClock } from '../network/fixtures/hand-clock.ts'
import { specOf } from '../orchestrator/admission.ts'
import { createOrchestrator, type RunningOrchestrator } from '../orchestrator/orchestrator.ts'
import { Scope } from '../runtime/lifecycle.ts'
import { LIMITS } from '../runtime/limits.ts'
import { silentLogger } from '../runtime/logger.ts'
import { seededRandom } from '../runtime/random.ts'
import { createMemoryStore, type MemoryStore } from '../store/memory.ts'
import { startGoCompute } from './go-compute.ts'

type Host = Awaited<ReturnType<typeof loopbackHost>>

interface Life {
  readonly orchestrator: RunningOrchestrator
  readonly directory: Directory
  stop(): Promise<void>
}

/** An orchestrator of ours on a real host, with a clock that a test moves on. */
interface Swarm extends Life {
  readonly ours: Host
  readonly clock: HandClock
  readonly store: MemoryStore
  /** Adds a Go compute node. */
  join(script?: GoComputeScript): Promise<ScriptedGoNode>
  /** A later life of the same orchestrator. */
  restart(how?: { readonly told: boolean }): Promise<Swarm>
}

async function swarm(t: TestContext): Promise<Swarm> {
  return liveOn(t, await loopbackHost(t), createMemoryStore(), handClock(), [])
}

async function liveOn(
  t: TestContext,
  ours: Host,
  store: MemoryStore,
  clock: HandClock,
  nodes: ScriptedGoNode[],
): Promise<Swarm> {
  const scope = new Scope()
  const self = ours.peerId.toString()
  const services = { store, clock, logger: silentLogger, random: seededRandom(1) }
  const directory = scope.own(createDirectory({ self, clock, trusts: () => true }))
  const trust = createTrust('loopback')
  const restore = async (job: Job) => job
  const go = await startGoCompute({ host: ours, directory, services, trust, joinToken: 'token', restore }, scope)
  const orchestrator = scope.own(
    await createOrchestrator({
      ...services,
      approval: 'token',
      joinToken: 'token',
      storeGeneration: 'one',
      self: () => sampleNode(self),
      logs(...request) {
        const chunks = go.logs(...request)
        assert.ok(chunks)
        return chunks
      },
    }),
  )
  go.attachTo(orchestrator)
  const learn = (node: ScriptedGoNode) => directory.learn({ statement: statementOf(node), via: node.peer })
  for (const node of nodes) learn(node)
  const stop = () => scope.stop()
  t.after(stop)
  return {
    ours,
    clock,
    store,
    orchestrator,
    directory,
    stop,
    async join(script = {}) {
      const node = await startGoComputeNode(await nodeHost(t, { ours }), self, script)
      nodes.push(node)
      learn(node)
      return node
    },
    async restart({ told } = { told: true }) {
      await stop()
      return liveOn(t, ours, store, clock, told ? nodes : [])
    },
  }
}

const statementOf = ({ peer }: ScriptedGoNode) => ({
  peerId: peer,
  kind: 'go' as const,
  generation: 'c' as const,
  version: 'v1.2.3',
  role: 'Compute' as const,
  info: sampleNode(peer, {
    ExecutionEngines: ['wasm'],
    StorageSources: ['inline'],
    MaxCapacity: someResources({ CPU: 100, Memory: 1e12 }),
  }),
  addresses: [],
  sequence: undefined,
  leaving: false,
  goPeers: [],
})

const submit = ({ orchestrator }: Life, job: Partial<Job> = {}): Promise<Job> =>
  orchestrator.submit({ spec: specOf(wasmJob(job)), warnings: [] })

/** Moves the clock on, and whatever else is under way, until `condition` holds. */
async function until({ clock }: Swarm, condition: () => boolean | Promise<boolean>, step = 500): Promise<void> {
  for (let steps = 0; !(await condition()); steps++) {
    assert.ok(steps < 2_000, 'it does not come to that')
    await clock.advance(step)
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
}

const stateOf = async ({ orchestrator }: Life, id: string) => (await orchestrator.getJob(id)).State.StateType
const inState = (executions: readonly Execution[], state: number) =>
  executions.filter(({ ComputeState }) => ComputeState.StateType === state)

describe('jobs over Go compute nodes', () => {
  test('are spread, and wait for room where the nodes have less than they say', async (t) => {
    const world = await swarm(t)
    const nodes = [await world.join(script()), await world.join(script()), await world.join(script())]
    function script(): GoComputeScript {
      return { room: 1, ending: () => 'running' }
    }
    const job = await submit(world, { Count: 9 })
    await until(world, async () => {
      for (const node of nodes) {
        for (const [id, { state }] of node.executions) if (state === 'Running') await node.end(id, {})
      }
      return (await stateOf(world, job.ID)) === 'Completed'
    })
    const executions = await world.orchestrator.executions(job.ID)
    const completed = inState(executions, EXECUTION_STATES.Completed)
    assert.deepEqual(
      completed.map(({ PartitionIndex }) => PartitionIndex).toSorted((a, b) => a - b),
      [0, 1, 2, 3, 4, 5, 6, 7, 8],
    )
    assert.ok(inState(executions, EXECUTION_STATES.AskForBidRejected).length > 0, 'some were refused for want of room')
    for (const { peer } of nodes)
      assert.ok(
        completed.some(({ NodeID }) => NodeID === peer),
        'each node ran some',
      )
    assert.deepEqual(
      nodes.flatMap(({ crashes }) => crashes),
      [],
    )
  })

  test('are run elsewhere when their node dies, and its late result does not count', async (t) => {
    const world = await swarm(t)
    const first = await world.join({ ending: () => 'running' })
    const job = await submit(world)
    await until(world, () => first.running() === 1)
    const second = await world.join()
    const [lost = ''] = first.executions.keys()
    // It cannot be dialled, and does not redial.
    await first.host.hangUp(world.ours.peerId)
    await world.ours.peerStore.delete(first.host.peerId)
    await until(world, async () => (await stateOf(world, job.ID)) === 'Completed', 2_000)
    assert.equal(second.executions.size, 1)
    await dial(first.host, world.ours)
    await first.end(lost, { stdout: 'late\n' })
    await world.clock.advance(1_000)
    const executions = await world.orchestrator.executions(job.ID)
    const completed = inState(executions, EXECUTION_STATES.Completed)
    assert.deepEqual(
      completed.map(({ NodeID, RunOutput }) => [NodeID, RunOutput?.Stdout]),
      [[second.peer, 'hi\n']],
    )
  })

  test('whose end got lost are run again, and complete', async (t) => {
    const world = await swarm(t)
    let runs = 0
    const ids = new Set<string>()
    const node = await world.join({
      ending(_, id) {
        ids.add(id)
        runs = ids.size
        return runs === 1 ? 'silent' : {}
      },
    })
    const job = await submit(world)
    await until(world, async () => (await stateOf(world, job.ID)) === 'Completed', 2_000)
    assert.deepEqual([runs, node.executions.size], [2, 2])
    assert.equal(inState(await world.orchestrator.executions(job.ID), EXECUTION_STATES.Completed).length, 1)
  })

  test('go on where they are when the orchestrator is started again', async (t) => {
    const world = await swarm(t)
    const node = await world.join({ ending: () => 'running' })
    const job = await submit(world, { Count: 2 })
    await until(world, () => node.running() === 2)
    const [one = '', two = ''] = node.executions.keys()
    const later = await world.restart()
    await node.end(one, { stdout: 'one\n' })
    await node.end(two, { stdout: 'two\n' })
    await until(later, async () => (await stateOf(later, job.ID)) === 'Completed')
    const executions = await later.orchestrator.executions(job.ID)
    assert.deepEqual(
      executions.map(({ RunOutput }) => RunOutput?.Stdout).toSorted((a = '', b = '') => a.localeCompare(b)),
      ['one\n', 'two\n'],
    )
    assert.equal(node.executions.size, 2)
    await until(later, async () => (await later.store.range('go-asked', { limit: 9 })).length === 0)
  })

  test('are not given up while a node has not told anew what it is', async (t) => {
    const world = await swarm(t)
    const node = await world.join({ ending: () => 'running' })
    const job = await submit(world)
    await until(world, () => node.running() === 1)
    await node.host.hangUp(world.ours.peerId)
    const later = await world.restart({ told: false })
    await dial(node.host, world.ours)
    await later.clock.advance(2 * LIMITS.restartGrace)
    const [id = ''] = node.executions.keys()
    await node.end(id, {})
    await until(later, async () => (await stateOf(later, job.ID)) === 'Completed')
    assert.equal(node.executions.size, 1)
  })

  test('that a restarted node has forgotten are run again at once when it is back', async (t) => {
    const world = await swarm(t)
    const node = await world.join({ ending: () => 'running' })
    const job = await submit(world)
    await until(world, () => node.running() === 1)
    await node.host.hangUp(world.ours.peerId)
    node.forget()
    const began = world.clock.monotonic()
    await dial(node.host, world.ours)
    await until(world, () => node.running() === 1)
    assert.ok(world.clock.monotonic() - began < LIMITS.goSilence)
    const [id = ''] = node.executions.keys()
    await node.end(id, {})
    await until(world, async () => (await stateOf(world, job.ID)) === 'Completed')
  })

  test('that are stopped are stopped there', async (t) => {
    const world = await swarm(t)
    const node = await world.join({ ending: () => 'running' })
    const job = await submit(world)
    await until(world, () => node.running() === 1)
    await world.orchestrator.stopJob(job.ID, 'enough')
    await until(world, () => [...node.executions.values()].every(({ state }) => state === 'Cancelled'))
    assert.equal(await stateOf(world, job.ID), 'Stopped')
  })

  test('that take too long are ended here, whatever the node does', async (t) => {
    const world = await swarm(t)
    const node = await world.join({ ending: () => 'running' })
    const task = { ...wasmJob().Tasks[0], Timeouts: { ExecutionTimeout: 60 } } as Job['Tasks'][number]
    const job = await submit(world, { Tasks: [task] })
    await until(world, () => node.running() === 1)
    await until(world, async () => (await stateOf(world, job.ID)) === 'Failed', 5_000)
    const { State } = await world.orchestrator.getJob(job.ID)
    assert.equal(State.Details?.['ErrorCode'], 'ExecutionTimeout')
    await until(world, () => node.running() === 0)
  })

  test('run at every node when they are for all of them', async (t) => {
    const world = await swarm(t)
    const nodes = [await world.join(), await world.join()]
    await until(world, () => world.orchestrator.nodes().length === 2)
    const job = await submit(world, { Type: 'ops', Count: 0 })
    await until(world, async () => (await stateOf(world, job.ID)) === 'Completed')
    assert.deepEqual(
      nodes.map(({ executions }) => executions.size),
      [1, 1],
    )
  })

  test('show the head of their output after their end', async (t) => {
    const world = await swarm(t)
    await world.join()
    const job = await submit(world)
    await until(world, async () => (await stateOf(world, job.ID)) === 'Completed')
    let text = ''
    for await (const { bytes } of world.orchestrator.logs(job.ID, {}, AbortSignal.timeout(5_000)))
      text += Buffer.from(bytes).toString()
    assert.equal(text, 'hi\n')
  })
})

describe('a Go compute node in the list of nodes', () => {
  test('is approved when it is on this machine, and shows what it speaks', async (t) => {
    const world = await swarm(t)
    const node = await world.join()
    await until(world, () => world.orchestrator.nodes().length === 1)
    const [state] = world.orchestrator.nodes()
    assert.deepEqual(
      [state?.Info.NodeID, state?.Membership, state?.Connection, state?.Info.SupportedProtocols],
      [node.peer, 'APPROVED', 'CONNECTED', ['go-libp2p/v1.2.3']],
    )
  })

  test('is disconnected when it is not to be reached, and connected when it is back', async (t) => {
    const world = await swarm(t)
    const node = await world.join()
    await until(world, () => world.orchestrator.nodes()[0]?.Connection === 'CONNECTED')
    await node.host.hangUp(world.ours.peerId)
    await world.ours.peerStore.delete(node.host.peerId)
    await until(world, () => world.orchestrator.nodes()[0]?.Connection === 'DISCONNECTED', LIMITS.linkHeartbeat)
    await dial(node.host, world.ours)
    await until(world, () => world.orchestrator.nodes()[0]?.Connection === 'CONNECTED')
  })
})
