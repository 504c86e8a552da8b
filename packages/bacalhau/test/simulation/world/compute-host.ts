import type { ComputeMessage, NodeInfo, OrchestratorMessage, Resources } from '@bacalhau/models'
import { type ComputeNode, createComputeNode } from '../../../src/compute/compute-node.ts'
import { sampleNode, someResources } from '../../../src/link/fixtures/samples.ts'
import type { ComputeChannel, OrchestratorChannel } from '../../../src/link/link-protocol.ts'
import type { LinkSession } from '../../../src/link/post-office.ts'
import type { Clock } from '../../../src/runtime/clock.ts'
import type { Stoppable } from '../../../src/runtime/lifecycle.ts'
import type { Logger } from '../../../src/runtime/logger.ts'
import type { Dice } from './dice.ts'
import { Disk } from './disk.ts'
import { type Life, Machine } from './machine.ts'
import type { RunLedger } from './run-ledger.ts'
import { createSimulatedRunner, type SimulatedRunner } from './runner.ts'
import { type Holder, Wire } from './wire.ts'

export interface NodeOptions {
  readonly id: string
  readonly capacity?: Partial<Resources>
  readonly labels?: Record<string, string>
  /** What the node says of itself besides. */
  readonly info?: Partial<NodeInfo['ComputeNodeInfo']>
  readonly joinToken?: string
  readonly sameMachine?: boolean
  readonly skew?: number
  readonly rate?: number
}

/** The world as a compute node sees it. */
export interface Surroundings {
  readonly clock: Clock
  readonly dice: Dice
  readonly ledger: RunLedger
  readonly logger: Logger
  readonly orchestrator: OrchestratorEnd
  readonly onDelivery?: (from: string, to: string, message: ComputeMessage | OrchestratorMessage) => void
  readonly onDeath?: (id: string) => void
  /** Told of each process; what it gives ends with the process. */
  readonly onStart?: (id: string, life: Life, compute: ComputeNode) => Promise<Stoppable>
}

/** Where links of compute nodes end. */
export interface OrchestratorEnd {
  /** Who takes a link now; undefined while nobody does. */
  answer(): { readonly holder: Holder; readonly attach: (channel: OrchestratorChannel) => void } | undefined
}

/** How the way to the orchestrator is at the moment. */
export interface LinkWeather {
  /** Milliseconds that a message takes, at least and at most. */
  latency: readonly [number, number]
  /** How likely a parcel is delivered twice. */
  duplicates: number
  /** Directions in which nothing comes through. */
  blocked: { readonly left?: boolean; readonly right?: boolean }
  /** No new link can be opened. */
  unreachable: boolean
}

/** Pause before a link that has ended is opened anew, at least and at most. Milliseconds. */
const REDIAL = [100, 900] as const

interface Process {
  readonly life: Life
  readonly runner: SimulatedRunner
  readonly compute: ComputeNode
  beside?: Stoppable
}

/** A machine with a compute node, which keeps a link to the orchestrator open as long as it lives. */
export class ComputeHost {
  readonly id: string
  readonly machine: Machine
  readonly capacity: Resources
  readonly weather: LinkWeather = { latency: [0, 0], duplicates: 0, blocked: {}, unreachable: false }
  /** What the orchestrator has decided about this node, newest last. */
  readonly memberships: string[] = []
  /** Nobody hears of the death of this machine, as when its power is gone. */
  diesSilently = false
  readonly #options: NodeOptions
  readonly #surroundings: Surroundings
  #labels: Record<string, string>
  #info: Partial<NodeInfo['ComputeNodeInfo']>
  #process: Process | undefined
  #wire: Wire<ComputeMessage, OrchestratorMessage> | undefined
  #session: LinkSession | undefined

  constructor(options: NodeOptions, surroundings: Surroundings) {
    const { id, skew = 0, rate = 1 } = options
    const { clock, dice, ledger, onDeath } = surroundings
    this.id = id
    this.#options = options
    this.#surroundings = surroundings
    this.#labels = options.labels ?? {}
    this.#info = options.info ?? {}
    this.capacity = someResources({ CPU: 4, Memory: 8e9, ...options.capacity })
    ledger.setCapacity(id, this.capacity)
    const disk = new Disk({ clock, dice: dice.fork('disk') })
    const died = () => {
      this.#process = undefined
      ledger.clear(id)
      this.breakLink(this.diesSilently)
      onDeath?.(id)
    }
    this.machine = new Machine({ name: id, clock, disk, dice: dice.fork('machine'), skew, rate, onDeath: died })
  }

  get labels(): Record<string, string> {
    return this.#labels
  }

  /** The node goes to the other one of two zones, and says so. */
  move(): void {
    this.#labels = { ...this.#labels, zone: this.#labels['zone'] === 'a' ? 'b' : 'a' }
    this.refresh()
  }

  /** What the node says of itself besides is different from now on. */
  become(info: Partial<NodeInfo['ComputeNodeInfo']>): void {
    this.#info = info
    this.refresh()
  }

  /** The link breaks, and no other one can be opened until `comeBack`. */
  leave(): void {
    this.weather.unreachable = true
    this.cut()
  }

  comeBack(): void {
    this.weather.unreachable = false
    this.reconnect()
  }

  /** The node, once it has started and as long as it runs. */
  get running(): ComputeNode | undefined {
    return this.#process?.compute
  }

  get compute(): ComputeNode {
    if (this.#process === undefined) throw new Error(`${this.id} does not run`)
    return this.#process.compute
  }

  get runner(): SimulatedRunner {
    if (this.#process === undefined) throw new Error(`${this.id} does not run`)
    return this.#process.runner
  }

  /** Starts the process on what is on the disk; it links itself to the orchestrator as soon as it is up. */
  async boot(): Promise<void> {
    const { ledger, logger, onStart } = this.#surroundings
    const life = this.machine.boot()
    const runner = createSimulatedRunner(this.id, life, ledger)
    const opening = createComputeNode({
      store: life.store,
      clock: life.clock,
      random: life.dice,
      logger,
      storeGeneration: this.machine.disk.generation,
      capacity: this.capacity,
      runner,
      nodeInfo: ({ free, running, waiting }) => this.describe({ free, running, waiting }),
      onMembership: (_orchestrator, membership) => this.memberships.push(membership),
      ...(this.#options.joinToken === undefined ? {} : { joinToken: this.#options.joinToken }),
    })
    // A process that cannot start ends.
    const compute = await opening.catch((error: unknown) => {
      if (!life.dead) this.machine.die()
      throw error
    })
    if (life.dead) return
    const process: Process = { life, runner, compute }
    this.#process = process
    if (onStart !== undefined) process.beside = await onStart(this.id, life, compute)
    this.#dial(process)
  }

  /** Opens a link in place of the present one, if there is one. */
  reconnect(): void {
    this.#wire?.cut()
    if (this.#process?.life.holds(() => this.reconnect()) === true) return
    if (this.#process !== undefined) this.#connect(this.#process)
  }

  /** The link breaks, and both sides notice. */
  cut(): void {
    this.#wire?.cut()
  }

  /** Nothing comes through in these directions (left: to the orchestrator), also of later links, until it is set otherwise. */
  block(blocked: { readonly left?: boolean; readonly right?: boolean }): void {
    this.weather.blocked = blocked
    this.#wire?.block(blocked)
  }

  /** The process is killed. */
  crash(): void {
    this.machine.die()
  }

  /** The machine at one of the ends of the link has died. */
  breakLink(silently: boolean): void {
    if (silently) this.#wire?.block({ left: true, right: true })
    else this.#wire?.cut()
  }

  /** The process ends as it does at Ctrl-C. */
  async stop(): Promise<void> {
    const process = this.#process
    if (process === undefined || this.machine.asleep) return
    await process.compute.stop()
    await process.beside?.stop()
    if (!process.life.dead) this.machine.die()
  }

  /** The description of the node has changed. */
  refresh(): void {
    if (this.#process?.life.holds(() => this.refresh()) !== true) this.#process?.compute.refresh()
  }

  describe(load?: { readonly free: Resources; readonly running: number; readonly waiting: number }): NodeInfo {
    const { capacity } = this
    const info = {
      MaxCapacity: capacity,
      MaxJobRequirements: capacity,
      AvailableCapacity: load?.free ?? capacity,
      RunningExecutions: load?.running ?? 0,
      EnqueuedExecutions: load?.waiting ?? 0,
      ...this.#info,
    }
    return sampleNode(this.id, info, this.labels)
  }

  #dial(process: Process): void {
    if (process.life.dead) return
    if (this.#connect(process)) return
    this.#redial(process)
  }

  #redial(process: Process): void {
    const [least, most] = REDIAL
    process.life.clock.after(least + process.life.dice.next() * (most - least), () => this.#dial(process))
  }

  /** Opens a link, if that is possible; when it ends, another one is opened after a pause. */
  #connect(process: Process): boolean {
    const { clock, dice, orchestrator, onDelivery } = this.#surroundings
    const answer = this.weather.unreachable ? undefined : orchestrator.answer()
    if (answer === undefined) return false
    const { life } = process
    const self: Holder = {
      peer: this.id,
      get dead() {
        return life.dead
      },
      reach: (point) => life.reach(point),
      holds: (action) => life.holds(action),
    }
    const wire = new Wire<ComputeMessage, OrchestratorMessage>({
      clock,
      holders: [self, answer.holder],
      sameMachine: this.#options.sameMachine ?? true,
      weather: {
        latency: () => this.weather.latency[0] + dice.next() * (this.weather.latency[1] - this.weather.latency[0]),
        repeats: (message) => isParcel(message) && this.weather.duplicates > 0 && dice.chance(this.weather.duplicates),
      },
      ...(onDelivery === undefined ? {} : { onDelivery }),
    })
    wire.block(this.weather.blocked)
    this.#wire = wire
    const channel: ComputeChannel = wire.ends[0]
    const session = process.compute.attach(channel)
    answer.attach(wire.ends[1])
    this.#session = session
    void session.ended.then(() => {
      if (this.#session === session) this.#redial(process)
    })
    return true
  }
}

const isParcel = (message: unknown): boolean =>
  typeof message === 'object' && message !== null && 'type' in message && message.type === 'parcel'
