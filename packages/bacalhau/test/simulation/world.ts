import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { performance } from 'node:perf_hooks'
import type { TestContext } from 'node:test'
import { isFinalJobState, type Job, parseSubmission } from '@bacalhau/models'
import type { Script } from '../../src/compute/fixtures/scripted.ts'
import { sampleNode } from '../../src/link/fixtures/samples.ts'
import type { LogRoutes } from '../../src/orchestrator/log-routes.ts'
import type { NodeApproval } from '../../src/orchestrator/membership.ts'
import { createOrchestrator, type RunningOrchestrator } from '../../src/orchestrator/orchestrator.ts'
import { BacalhauError } from '../../src/runtime/error.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import { type Random, seededRandom } from '../../src/runtime/random.ts'
import { createVirtualClock, type VirtualClock } from '../../src/runtime/virtual-clock.ts'
import { createMemoryStore, type MemoryStore } from '../../src/store/memory.ts'
import { createMachine, type Machine } from './machine.ts'
import { type NodeOptions, SimulatedNode } from './simulated-node.ts'

export const ORCHESTRATOR = 'QmOrchestrator'

export interface WorldOptions {
  readonly seed?: number
  readonly approval?: NodeApproval
  readonly joinToken?: string
}

/** Real milliseconds after which a wait inside of the world counts as hanging. */
const HANG = 20_000

/** The parts of a world that outlast every process in it. */
interface Ground {
  readonly options: WorldOptions
  readonly folder: string
  readonly clock: VirtualClock
  readonly random: Random
  readonly disk: MemoryStore
  readonly nodes: Map<string, SimulatedNode>
}

/** An orchestrator from its start to its crash. */
interface Process {
  readonly machine: Machine
  readonly orchestrator: RunningOrchestrator
}

async function boot({ options, clock, random, disk, nodes }: Ground): Promise<Process> {
  const { approval = 'token', joinToken = 'the token' } = options
  const machine = createMachine(clock, disk)
  const logs: LogRoutes = (nodeId, request, signal) => {
    const node = nodes.get(nodeId)
    if (node === undefined) throw new BacalhauError('PeerUnreachable', `no way to ${nodeId}`)
    return node.compute.readLogs(request.executionId, { ...request, reader: ORCHESTRATOR }, signal)
  }
  const orchestrator = await createOrchestrator({
    store: machine.store,
    clock: machine.clock,
    random,
    logger: silentLogger,
    self: () => sampleNode(ORCHESTRATOR),
    approval,
    joinToken,
    logs,
  })
  return { machine, orchestrator }
}

/** An orchestrator and compute nodes in one process, on virtual time, with disks that survive crashes and wires to cut. */
export class World {
  readonly #ground: Ground
  #process: Process

  /** A world that ends with the test. */
  static async create(t: TestContext, options: WorldOptions = {}): Promise<World> {
    const ground: Ground = {
      options,
      folder: await mkdtemp(path.join(tmpdir(), 'bacalhau-world-')),
      clock: createVirtualClock(),
      random: seededRandom(options.seed ?? 1),
      disk: createMemoryStore(),
      nodes: new Map(),
    }
    t.after(async () => {
      for (const node of ground.nodes.values()) await node.stop()
      // What a killed process had begun to do with its files still comes to its end.
      await rm(ground.folder, { recursive: true, force: true, maxRetries: 10 })
    })
    return new World(ground, await boot(ground))
  }

  private constructor(ground: Ground, process: Process) {
    this.#ground = ground
    this.#process = process
  }

  get clock(): VirtualClock {
    return this.#ground.clock
  }

  get disk(): MemoryStore {
    return this.#ground.disk
  }

  get nodes(): ReadonlyMap<string, SimulatedNode> {
    return this.#ground.nodes
  }

  get machine(): Machine {
    return this.#process.machine
  }

  get orchestrator(): RunningOrchestrator {
    return this.#process.orchestrator
  }

  /** Kills the orchestrator; the nodes notice. */
  crash(): void {
    this.machine.die()
    for (const node of this.nodes.values()) node.cut()
  }

  /** Kills it, starts it again, and lets the nodes come back unless told otherwise. */
  async restart({ reconnect = true } = {}): Promise<void> {
    this.crash()
    this.#process = await boot(this.#ground)
    if (reconnect) for (const node of this.nodes.values()) node.connect()
  }

  /** Adds a machine with a compute node. What changes in `options` later counts from the next link on. */
  async addNode(options: NodeOptions): Promise<SimulatedNode> {
    const node = await SimulatedNode.start(options, {
      clock: this.clock,
      folder: path.join(this.#ground.folder, options.id),
      orchestratorId: ORCHESTRATOR,
      attach: (channel) => this.orchestrator.attach(channel),
    })
    this.#ground.nodes.set(options.id, node)
    return node
  }

  /** Submits a job of the scripted engine. */
  async submit(
    script: Script = {},
    { task = {}, ...job }: { task?: object; [field: string]: unknown } = {},
  ): Promise<Job> {
    const engine = { Type: 'script', Params: { ...script } }
    const parsed = parseSubmission({ Type: 'batch', ...job, Tasks: [{ Name: 'main', Engine: engine, ...task }] })
    assert.ok(parsed.ok, parsed.ok ? '' : JSON.stringify(parsed.problems))
    return this.orchestrator.submit(parsed.value)
  }

  /** Lets the world go on, without time passing, until `holds`. */
  async until(holds: () => boolean | Promise<boolean>, what = String(holds)): Promise<void> {
    const start = performance.now()
    while (!(await holds())) {
      if (performance.now() - start > HANG) throw new Error(`the world hangs: ${what}`)
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  /** `count` runs have been begun on a node in all. */
  begun({ id, executor }: SimulatedNode, count: number): Promise<void> {
    return this.until(() => executor.runs.length >= count, `${id} begins ${count} runs`)
  }

  /** The job as soon as it is in `state`; fails when it has ended otherwise. */
  async reaches({ ID }: Pick<Job, 'ID'>, state: Job['State']['StateType']): Promise<Job> {
    let job = await this.orchestrator.getJob(ID)
    await this.until(async () => {
      job = await this.orchestrator.getJob(ID)
      return job.State.StateType === state || isFinalJobState(job.State.StateType)
    }, `${ID} reaches ${state}`)
    assert.equal(job.State.StateType, state, `${job.State.StateType}: ${job.State.Message}`)
    return job
  }

  /** Events of a job, as `Topic: message`. */
  async history({ ID }: Pick<Job, 'ID'>): Promise<string[]> {
    const events = await this.orchestrator.history(ID, 0, 1_000)
    return events.map(({ Event }) => `${Event.Topic}: ${Event.Message}`)
  }

  /** Runs of a job, on all nodes together. */
  runsOf({ ID }: Pick<Job, 'ID'>): number {
    return [...this.nodes.values()].flatMap(({ executor }) => executor.runs).filter(({ jobId }) => jobId === ID).length
  }
}
