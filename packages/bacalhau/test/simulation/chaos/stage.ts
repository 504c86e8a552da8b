import type { Run } from '../../../src/orchestrator/run.ts'
import { RecordWatch } from '../watch/record-watch.ts'
import { overpromised } from '../watch/promise-watch.ts'
import type { ComputeHost } from '../world/compute-host.ts'
import type { Snapshot } from '../world/disk.ts'
import type { Machine } from '../world/machine.ts'
import { ORCHESTRATOR } from '../world/orchestrator-host.ts'
import { Trace } from '../world/trace.ts'
import { Violation } from '../world/violation.ts'
import { World } from '../world/world.ts'
import { Clients } from './clients.ts'
import { MadNode } from './mad-node.ts'
import type { Plan } from './script.ts'

/** How long a machine is down when nobody says otherwise. Milliseconds. */
const RESTART = 500

/** A world in which a plan is carried out: machines that are started again when they die, watchers, clients. */
export class Stage {
  readonly plan: Plan
  readonly world: World
  readonly watch: RecordWatch
  readonly clients: Clients
  readonly mad: MadNode | undefined
  /** Copies of disks, by machine. */
  readonly copies = new Map<number, Snapshot>()
  /** How long a machine stays down when it dies the next time. */
  readonly downtimes = new Map<string, number>()
  /** Disks were lost or set back: what follows from them does not hold. */
  amnesia = false
  /** Nothing goes wrong any more. */
  isHealed = false

  static async create(plan: Plan, { keepAll = false } = {}): Promise<Stage> {
    const world = await World.create({
      seed: plan.seed,
      trace: new Trace({ keepAll }),
      orchestratorSkew: plan.orchestrator.skew,
      settings: { keptJobs: plan.orchestrator.keptJobs ?? 1_000_000 },
      goNodes: plan.goNodes.length > 0,
      goRequesters: plan.goRequesters.length > 0,
    })
    const stage = new Stage(plan, world)
    for (const { id, weather } of plan.goRequesters) world.market.add(id, weather)
    for (const [index, options] of plan.nodes.entries()) {
      const { id, cpu, zone, skew, rate, mad, latency, slowness } = options
      if (mad) continue
      const capacity = { CPU: cpu, Memory: 64e9 }
      const node = await world.addNode({ id, capacity, labels: { zone }, skew, rate }, { start: false })
      node.weather.latency = latency
      node.machine.disk.weather.slowness = slowness
      stage.#start(index + 1)
    }
    for (const node of plan.goNodes) world.fleet.add(node)
    stage.mad?.connect(world.dice.fork('mad'))
    return stage
  }

  private constructor(plan: Plan, world: World) {
    this.plan = plan
    this.world = world
    this.watch = new RecordWatch(
      (violation) => world.fail(violation),
      (text) => world.note(`  ${text}`),
    )
    this.clients = new Clients(world, this.watch)
    world.host.machine.disk.weather.slowness = plan.orchestrator.slowness
    world.host.machine.disk.onUnit = (writes) => {
      this.watch.onUnit(writes)
      this.#checkPromises()
    }
    world.onDeath = (id) => this.#onDeath(id)
    const madId = plan.nodes.find(({ mad }) => mad)?.id
    const executions = () => [...this.watch.promised.values()].flatMap((runs) => [...runs.keys()])
    this.mad = madId === undefined ? undefined : new MadNode(madId, world, { executions })
  }

  /** The node of a machine that is one and is sane. */
  node(machine: number): ComputeHost | undefined {
    const id = this.plan.nodes[machine - 1]?.id
    return id === undefined ? undefined : this.world.nodes.get(id)
  }

  machine(machine: number): Machine | undefined {
    return machine === 0 ? this.world.host.machine : this.node(machine)?.machine
  }

  /** The id of a Go node. */
  goNode(go: number): string | undefined {
    return this.plan.goNodes[go]?.id
  }

  /** The id of a Go requester. */
  goRequester(requester: number): string {
    return this.plan.goRequesters[requester]?.id ?? ''
  }

  /** The number of a machine. */
  numberOf(id: string): number {
    return id === ORCHESTRATOR ? 0 : this.plan.nodes.findIndex((node) => node.id === id) + 1
  }

  setSilence(machine: number, silently: boolean): void {
    if (machine === 0) this.world.host.diesSilently = silently
    const node = this.node(machine)
    if (node !== undefined) node.diesSilently = silently
  }

  #start(machine: number): void {
    const host = machine === 0 ? this.world.host : this.node(machine)
    if (host === undefined || host.machine.alive) return
    this.setSilence(machine, false)
    host.boot().catch((error: unknown) => {
      this.world.note(`${host.machine.name} does not start: ${String(error)}`)
      if (host.machine.disk.weather.full || this.amnesia) return
      this.world.fail(
        new Violation(
          'every process starts',
          `${host.machine.name}: ${error instanceof Error ? error.stack : String(error)}`,
        ),
      )
    })
  }

  #onDeath(id: string): void {
    const down = this.downtimes.get(id) ?? RESTART
    this.downtimes.delete(id)
    this.world.clock.after(down, () => this.#start(this.numberOf(id)))
  }

  #checkPromises(): void {
    for (const id of this.watch.takeTouched()) {
      const node = this.world.nodes.get(id)
      const runs = this.watch.promised.get(id) ?? new Map<string, Run>()
      const problem = node === undefined ? undefined : overpromised(runs.values(), node.capacity)
      if (problem !== undefined)
        this.world.fail(new Violation('no node is promised more than it has', `${id}: ${problem}`))
    }
  }
}
