import type { ComputeMessage, NodeInfo, OrchestratorMessage, Resources } from '@bacalhau/models'
import {
  createScriptedExecutor,
  createScriptedPublisher,
  createScriptedSource,
  type ScriptedExecutor,
  type ScriptedPublisher,
} from '../../src/compute/fixtures/scripted.ts'
import { type ComputeNode, createComputeNode } from '../../src/compute/compute-node.ts'
import type { ExecutionRequest } from '../../src/executors/executor.ts'
import { type LinkSession, startLinkSession } from '../../src/compute/link-session.ts'
import { sampleNode, someResources } from '../../src/link/fixtures/samples.ts'
import type { OrchestratorChannel } from '../../src/link/link-protocol.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import type { VirtualClock } from '../../src/runtime/virtual-clock.ts'
import { createMemoryStore, type MemoryStore } from '../../src/store/memory.ts'
import { remove } from '../../src/store/store.ts'
import { createMachine, type Machine } from './machine.ts'
import { createWire, type Wire } from './wire.ts'

export interface NodeOptions {
  readonly id: string
  readonly capacity?: Partial<Resources>
  readonly labels?: Record<string, string>
  /** What the node says of itself besides. */
  readonly info?: Partial<NodeInfo['ComputeNodeInfo']>
  readonly joinToken?: string
  readonly sameMachine?: boolean
}

/** The world as a node sees it. */
export interface Surroundings {
  readonly clock: VirtualClock
  /** Folder of this node alone. */
  readonly folder: string
  readonly orchestratorId: string
  /** Takes the far end of a link of this node. */
  readonly attach: (channel: OrchestratorChannel) => void
}

/** A compute node from its start to its crash or stop. */
interface Process {
  readonly machine: Machine
  readonly executor: ScriptedExecutor
  readonly publisher: ScriptedPublisher
  readonly compute: ComputeNode
}

const capacityOf = ({ capacity }: NodeOptions): Resources => someResources({ CPU: 4, Memory: 8e9, ...capacity })

async function boot(
  options: NodeOptions,
  { clock, folder }: Surroundings,
  disk: MemoryStore,
  runs: ExecutionRequest[],
): Promise<Process> {
  const machine = createMachine(clock, disk)
  const executor = createScriptedExecutor(machine.clock, runs)
  const publisher = createScriptedPublisher()
  const compute = await createComputeNode({
    store: machine.store,
    clock: machine.clock,
    folder,
    capabilities: { executors: [executor], sources: [createScriptedSource()], publishers: [publisher] },
    capacity: capacityOf(options),
    logger: silentLogger,
  })
  return { machine, executor, publisher, compute }
}

/** A machine with a compute node that can crash, start again, and lose its link. */
export class SimulatedNode {
  readonly id: string
  /** What the orchestrator has decided about this node, newest last. */
  readonly memberships: string[] = []
  readonly #options: NodeOptions
  readonly #surroundings: Surroundings
  readonly #disk: MemoryStore
  /** Every run of this machine, whatever became of the process. */
  readonly #runs: ExecutionRequest[]
  #process: Process
  #wire: Wire<ComputeMessage, OrchestratorMessage> | undefined
  #session: LinkSession | undefined

  static async start(options: NodeOptions, surroundings: Surroundings): Promise<SimulatedNode> {
    const disk = createMemoryStore()
    const runs: ExecutionRequest[] = []
    const node = new SimulatedNode(options, surroundings, disk, runs, await boot(options, surroundings, disk, runs))
    node.connect()
    return node
  }

  private constructor(
    options: NodeOptions,
    surroundings: Surroundings,
    disk: MemoryStore,
    runs: ExecutionRequest[],
    process: Process,
  ) {
    this.id = options.id
    this.#options = options
    this.#surroundings = surroundings
    this.#disk = disk
    this.#runs = runs
    this.#process = process
  }

  get compute(): ComputeNode {
    return this.#process.compute
  }

  get executor(): ScriptedExecutor {
    return this.#process.executor
  }

  get publisher(): ScriptedPublisher {
    return this.#process.publisher
  }

  /** Opens a link to the orchestrator. */
  connect(): LinkSession {
    const { clock, orchestratorId, attach } = this.#surroundings
    const { sameMachine = true, joinToken } = this.#options
    const peers = [this.id, orchestratorId] as const
    const wire = createWire<ComputeMessage, OrchestratorMessage>({ clock, peers, sameMachine })
    const session = startLinkSession(wire.ends[0], {
      compute: this.compute,
      nodeInfo: () => this.describe(),
      storeGeneration: 'g-1',
      clock: this.#process.machine.clock,
      logger: silentLogger,
      onMembership: (membership) => this.memberships.push(membership),
      ...(joinToken === undefined ? {} : { joinToken }),
    })
    attach(wire.ends[1])
    this.#wire = wire
    this.#session = session
    return session
  }

  /** Opens a link in place of the present one, if there is one. */
  reconnect(): void {
    this.cut()
    this.connect()
  }

  describe(): NodeInfo {
    const info = { MaxCapacity: capacityOf(this.#options), ...this.#options.info }
    return sampleNode(this.id, info, this.#options.labels)
  }

  /** Tells the orchestrator what the node says of itself now. */
  refresh(): void {
    this.#session?.refresh()
  }

  /** An execution is gone from the disk, as after a restored back-up. */
  async forget(executionId: string): Promise<void> {
    await this.#disk.commit([remove('held', executionId)])
  }

  /** The link breaks, and both sides notice. */
  cut(): void {
    this.#wire?.cut()
  }

  /** The link goes silent. */
  freeze(): void {
    this.#wire?.freeze()
  }

  /** Messages of this link take this long from now on, in milliseconds. */
  delay(latency: number): void {
    if (this.#wire !== undefined) this.#wire.latency = latency
  }

  /** The process is killed: what it did is over, and the link with it. */
  crash(): void {
    this.#process.machine.die()
    this.cut()
  }

  /** Starts the process on what is on the disk. */
  async restart(): Promise<void> {
    this.#process = await boot(this.#options, this.#surroundings, this.#disk, this.#runs)
    this.connect()
  }

  /** The process ends as it does at Ctrl-C; one that was killed has ended. */
  async stop(): Promise<void> {
    if (this.#process.machine.dead) return
    await this.compute.stop()
    this.#session?.close()
  }
}
