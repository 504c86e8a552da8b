import { sampleNode } from '../../../src/link/fixtures/samples.ts'
import { createDirectory, type Directory } from '../../../src/link/facts/directory.ts'
import type { AskedEvent } from '../../../src/link/go/requester/asked.ts'
import type { GoCall } from '../../../src/link/go/requester/caller.ts'
import { GoDesk } from '../../../src/link/go/requester/go-desk.ts'
import { keepGoNodes } from '../../../src/link/go/requester/go-nodes.ts'
import type { RunningOrchestrator } from '../../../src/orchestrator/orchestrator.ts'
import { abortable } from '../../../src/runtime/abort.ts'
import type { Clock } from '../../../src/runtime/clock.ts'
import { BacalhauError } from '../../../src/runtime/error.ts'
import type { Stoppable } from '../../../src/runtime/lifecycle.ts'
import { LIMITS } from '../../../src/runtime/limits.ts'
import type { Logger } from '../../../src/runtime/logger.ts'
import type { Dice } from '../world/dice.ts'
import type { Life } from '../world/machine.ts'
import { ORCHESTRATOR } from '../world/orchestrator-host.ts'
import type { RunLedger } from '../world/run-ledger.ts'
import type { Violation } from '../world/violation.ts'
import { GoWorker } from './go-worker.ts'

/** How the way to a Go node is. */
export interface GoWeather {
  /** Milliseconds that a message takes, at least and at most: each its own time, so they overtake each other. */
  latency: readonly [number, number]
  /** How likely a callback gets lost, a callback comes twice, an answer never comes. */
  lost: number
  repeated: number
  unanswered: number
  /** Nothing comes through. */
  unreachable: boolean
}

export interface GoNodePlan {
  readonly id: string
  readonly generation: 'b' | 'c'
  readonly cpu: number
  readonly zone: string
  readonly weather: Omit<GoWeather, 'unreachable'>
}

/** What is printed by nobody. */
export const FORGED = 'forged'

/** Milliseconds: a Go node tries to connect at most so long after it could; tells its facts so often; a silent connection is cut. */
const [REDIAL, FACTS, SILENCE] = [10_000, 30_000, 45_000]

/** One Go node, and the network between it and the orchestrator. */
export interface GoNode {
  readonly plan: GoNodePlan
  readonly worker: GoWorker
  readonly weather: GoWeather
}

/** What one process of the orchestrator has of the swarm. */
interface Process {
  readonly life: Life
  readonly desk: GoDesk
  readonly directory: Directory
  readonly connected: Set<string>
  readonly listeners: Set<(peer: string, connected: boolean) => void>
}

export interface FleetOptions {
  readonly clock: Clock
  readonly dice: Dice
  readonly ledger: RunLedger
  readonly logger: Logger
  readonly note: (text: string) => void
  readonly fail: (violation: Violation) => void
}

/** Go compute nodes under the orchestrator of a world, over the adapter that works for real ones. */
export class GoFleet {
  readonly nodes = new Map<string, GoNode>()
  /** Those that never come back. */
  readonly lost = new Set<string>()
  readonly #options: FleetOptions
  #process: Process | undefined

  constructor(options: FleetOptions) {
    this.#options = options
  }

  add(plan: GoNodePlan): void {
    const { clock, ledger, fail } = this.#options
    const tell = (executionId: string, event: AskedEvent) => this.#callback(plan.id, executionId, event)
    const worker = new GoWorker({ ...plan, clock, ledger, tell, fail })
    this.nodes.set(plan.id, { plan, worker, weather: { ...plan.weather, unreachable: false } })
    this.#connectSoon(plan.id)
    this.#announce(plan.id)
  }

  /** The adapter, in a process of the orchestrator. */
  async start(life: Life, orchestrator: RunningOrchestrator): Promise<Stoppable> {
    const { logger } = this.#options
    const { clock, store } = life
    const desk = await GoDesk.open({
      store,
      clock,
      logger,
      call: (call, signal) => this.#call(life, call, signal),
      restore: async (job) => job,
    })
    const directory = createDirectory({ self: ORCHESTRATOR, clock, trusts: () => true })
    const process: Process = { life, desk, directory, connected: new Set(), listeners: new Set() }
    this.#process = process
    const nodes = keepGoNodes({
      directory,
      desk,
      clock,
      logger,
      swarm: {
        peerId: ORCHESTRATOR,
        isConnected: (peer) => process.connected.has(peer),
        onPeer(listener) {
          process.listeners.add(listener)
          return () => void process.listeners.delete(listener)
        },
      },
      addressOf: () => '/ip4/127.0.0.1/tcp/1235',
      dial: (peer, _addresses, signal) => this.#dial(life, peer, signal),
      admits: () => true,
      joinTokenOf: () => undefined,
      attach: (channel) => life.dead || orchestrator.attach(channel),
    })
    for (const id of this.nodes.keys()) this.#connectSoon(id)
    return {
      stop: async () => {
        await nodes.stop()
        await directory.stop()
        await desk.stop()
      },
    }
  }

  /** The process of the orchestrator has died. */
  orchestratorDied(): void {
    this.#process = undefined
  }

  node(id: string): GoNode | undefined {
    return this.nodes.get(id)
  }

  crash(id: string, down: number | undefined, forgets: boolean): void {
    const node = this.nodes.get(id)
    if (node === undefined || !node.worker.alive) return
    node.worker.die()
    this.disconnect(id)
    if (down === undefined) this.lost.add(id)
    else
      this.#options.clock.after(down, () => {
        node.worker.start(forgets)
        this.#connectSoon(id)
      })
  }

  /** Nothing comes through to a node any more, or it does again. */
  setReachable(id: string, reachable: boolean): void {
    const node = this.nodes.get(id)
    if (node === undefined) return
    node.weather.unreachable = !reachable
    if (reachable) return this.#connectSoon(id)
    this.#options.clock.after(SILENCE, () => node.weather.unreachable && this.disconnect(id))
  }

  /** The connection is gone, and both sides know. */
  disconnect(id: string): void {
    const process = this.#process
    if (process?.connected.delete(id) !== true) return
    this.#options.note(`the connection to ${id} is gone`)
    this.#inLife(process, () => process.listeners.forEach((listener) => listener(id, false)))
    this.#connectSoon(id)
  }

  /** `id` says something of an execution that is not its own. */
  forge(id: string, executionId: string): void {
    const output = {
      Stdout: FORGED,
      StdoutTruncated: false,
      stderr: '',
      StderrTruncated: false,
      ExitCode: 0,
      ErrorMsg: '',
    }
    const events: readonly AskedEvent[] = [
      { type: 'ran', output, result: { Type: '' } },
      { type: 'failed', error: 'forged' },
      { type: 'bid', accepted: true, reason: 'forged' },
      { type: 'stopped' },
      { type: 'published', result: { Type: 'forged' } },
    ]
    this.#deliver(id, executionId, this.#options.dice.pick(events))
  }

  /** Executions of which the orchestrator's side still has something to settle. */
  held(id: string): number {
    return this.#process?.desk.held(id).length ?? 0
  }

  #isThere(id: string): boolean {
    const node = this.nodes.get(id)
    return node !== undefined && node.worker.alive && !node.weather.unreachable
  }

  #connectSoon(id: string): void {
    const { clock, dice } = this.#options
    clock.after(dice.next() * REDIAL, () => this.#connect(id))
  }

  #connect(id: string): void {
    const process = this.#process
    if (process === undefined || process.life.dead || process.connected.has(id) || !this.#isThere(id)) return
    process.connected.add(id)
    this.#options.note(`${id} is connected`)
    this.#inLife(process, () => process.listeners.forEach((listener) => listener(id, true)))
    // Gossip takes a moment to find its way.
    this.#options.clock.after(this.#options.dice.next() * 3_000, () => this.#tellFacts(id))
  }

  #announce(id: string): void {
    this.#options.clock.after(FACTS, () => {
      this.#tellFacts(id)
      this.#announce(id)
    })
  }

  #tellFacts(id: string): void {
    const process = this.#process
    const node = this.nodes.get(id)
    if (process === undefined || node === undefined || !process.connected.has(id) || !this.#isThere(id)) return
    const { plan, worker } = node
    const capacity = { MaxCapacity: worker.capacity, MaxJobRequirements: worker.capacity }
    const info = sampleNode(id, { ...capacity, AvailableCapacity: worker.free() }, { zone: plan.zone })
    const statement = {
      peerId: id,
      kind: 'go',
      generation: plan.generation,
      version: plan.generation === 'b' ? 'v1.0.3' : 'v1.2.3',
      role: 'Compute',
      info,
      addresses: ['/ip4/127.0.0.1/tcp/1235'],
      sequence: undefined,
      leaving: false,
      goPeers: [],
    } as const
    this.#inLife(process, () => process.directory.learn({ statement, via: id }))
  }

  #inLife({ life }: Process, action: () => void): void {
    if (life.dead || life.holds(() => this.#inLifeNow(life, action))) return
    action()
  }

  #inLifeNow(life: Life, action: () => void): void {
    if (!life.dead) action()
  }

  async #dial(life: Life, id: string, signal: AbortSignal): Promise<void> {
    await abortable(this.#pause(this.#delayTo(id)), signal)
    if (!life.dead) this.#connect(id)
  }

  #pause(milliseconds: number): Promise<void> {
    return new Promise((resolve) => this.#options.clock.after(milliseconds, resolve))
  }

  #delayTo(id: string): number {
    const [least, most] = this.nodes.get(id)?.weather.latency ?? [0, 0]
    return least + this.#options.dice.next() * (most - least)
  }

  /** One call over the network: what is done is done, also where the answer gets lost. */
  #call(life: Life, call: GoCall, signal: AbortSignal): Promise<string | undefined> {
    const { promise, resolve, reject } = Promise.withResolvers<string | undefined>()
    if (life.dead) return promise
    const { clock, dice, note } = this.#options
    const settle = (action: () => void) => {
      if (!life.dead && !life.holds(action)) action()
    }
    const fail = (why: string) => settle(() => reject(new BacalhauError('PeerUnreachable', why)))
    const node = this.nodes.get(call.peer)
    life.reach('send')
    clock.after(this.#delayTo(call.peer), () => {
      if (node === undefined || !node.worker.alive) return fail('there is no way to the node')
      if (node.weather.unreachable) return void clock.after(LIMITS.goAnswer, () => fail('the node did not answer'))
      const error = node.worker.answer(call)
      note(`${call.call} ${call.executionId.slice(0, 8)} at ${call.peer}: ${error ?? 'done'}`)
      if (dice.chance(node.weather.unanswered)) return void clock.after(LIMITS.goAnswer, () => fail('no answer'))
      clock.after(this.#delayTo(call.peer), () => {
        if (!node.worker.alive) return fail('the stream was reset')
        settle(() => {
          life.reach('receive')
          resolve(error)
        })
      })
    })
    return abortable(promise, signal)
  }

  #callback(id: string, executionId: string, event: AskedEvent): void {
    const { clock, dice, note } = this.#options
    const weather = this.nodes.get(id)?.weather
    if (weather === undefined) return
    const isLost = weather.unreachable || dice.chance(weather.lost)
    if (isLost) return note(`${id} tells of ${executionId.slice(0, 8)}: ${event.type}, which gets lost`)
    clock.after(this.#delayTo(id), () => this.#deliver(id, executionId, event))
    if (dice.chance(weather.repeated)) clock.after(this.#delayTo(id) * 3, () => this.#deliver(id, executionId, event))
  }

  #deliver(id: string, executionId: string, event: AskedEvent): void {
    const process = this.#process
    // Whoever is not there does not hear it, and nobody says it again.
    if (process === undefined) return
    this.#inLife(process, () => {
      process.life.reach('receive')
      this.#options.note(`${id} → ${ORCHESTRATOR}: ${event.type} ${executionId.slice(0, 8)}`)
      process.desk.tell(id, executionId, event)
    })
  }
}
