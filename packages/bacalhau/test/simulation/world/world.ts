import assert from 'node:assert/strict'
import { isFinalJobState, type Job, parseSubmission } from '@bacalhau/models'
import { BacalhauError } from '../../../src/runtime/error.ts'
import type { Logger } from '../../../src/runtime/logger.ts'
import type { LogRoutes } from '../../../src/orchestrator/log-routes.ts'
import type { OrchestratorOptions, RunningOrchestrator } from '../../../src/orchestrator/orchestrator.ts'
import { createVirtualClock, type VirtualClock } from '../../../src/runtime/virtual-clock.ts'
import { GoFleet } from '../go/go-fleet.ts'
import { GoMarket } from '../go/go-market.ts'
import { ComputeHost, type NodeOptions } from './compute-host.ts'
import { createDice, type Dice } from './dice.ts'
import { type LinkMessage, ORCHESTRATOR, OrchestratorHost } from './orchestrator-host.ts'
import { RunLedger, type RunRecord } from './run-ledger.ts'
import type { Script } from './runner.ts'
import { Trace } from './trace.ts'
import { Violation } from './violation.ts'

export { ORCHESTRATOR }

export interface WorldOptions {
  readonly seed?: number
  readonly settings?: Partial<OrchestratorOptions>
  readonly orchestratorSkew?: number
  readonly trace?: Trace
  /** Compute nodes and requesters of the Go program may be there. */
  readonly goNodes?: boolean
  readonly goRequesters?: boolean
}

/** Virtual milliseconds after which a wait for something that does not happen is given up. */
const PATIENCE = 120_000

/** An orchestrator and compute nodes in one process, on virtual time, in memory. */
export class World {
  readonly clock: VirtualClock = createVirtualClock(Date.UTC(2026, 0, 1), { turns: 1 })
  readonly dice: Dice
  readonly trace: Trace
  readonly ledger: RunLedger
  readonly host: OrchestratorHost
  readonly nodes = new Map<string, ComputeHost>()
  /** Compute nodes of the Go program. */
  readonly fleet: GoFleet
  /** Requesters of the Go program. */
  readonly market: GoMarket
  readonly #goRequesters: boolean
  /** What has gone wrong that must never go wrong. The first one counts. */
  violation: Violation | undefined
  /** Faults that are logged are expected: disks are damaged on purpose. */
  faultsExpected = false
  /** Told when a machine has died. */
  onDeath: ((id: string) => void) | undefined

  static async create(options: WorldOptions = {}): Promise<World> {
    const world = new World(options)
    await world.outcome(world.host.boot())
    return world
  }

  private constructor({
    seed = 1,
    settings,
    orchestratorSkew = 0,
    trace = new Trace(),
    goNodes = false,
    goRequesters = false,
  }: WorldOptions) {
    this.dice = createDice(seed)
    this.trace = trace
    this.ledger = new RunLedger((violation) => this.fail(violation))
    const logs: LogRoutes = (nodeId, request, signal) => {
      const node = this.nodes.get(nodeId)?.running
      if (node === undefined) throw new BacalhauError('PeerUnreachable', `no way to ${nodeId}`)
      return node.readLogs(request.executionId, { ...request, reader: ORCHESTRATOR }, signal)
    }
    this.fleet = new GoFleet({
      clock: this.clock,
      dice: this.dice.fork('fleet'),
      ledger: this.ledger,
      logger: this.#logger('the Go desk'),
      note: (text) => this.note(text),
      fail: (violation) => this.fail(violation),
    })
    this.#goRequesters = goRequesters
    this.market = new GoMarket({
      clock: this.clock,
      dice: this.dice.fork('market'),
      logger: (who) => this.#logger(who),
      note: (text) => this.note(text),
      fail: (violation) => this.fail(violation),
    })
    this.host = new OrchestratorHost({
      clock: this.clock,
      dice: this.dice.fork(ORCHESTRATOR),
      logger: this.#logger(ORCHESTRATOR),
      logs,
      skew: orchestratorSkew,
      onDeath: () => this.#died(ORCHESTRATOR),
      ...(goNodes ? { onStart: (life, orchestrator) => this.fleet.start(life, orchestrator) } : {}),
      ...(settings === undefined ? {} : { settings }),
    })
  }

  get orchestrator(): RunningOrchestrator {
    return this.host.orchestrator
  }

  /** Milliseconds since the beginning. */
  get now(): number {
    return this.clock.monotonic()
  }

  note(text: string): void {
    this.trace.note(this.now, text)
  }

  fail(violation: Violation): void {
    this.note(`VIOLATION ${violation.message}`)
    this.violation ??= violation
  }

  /** Throws what has gone wrong, if anything has. */
  check(): void {
    if (this.violation !== undefined) throw this.violation
  }

  /** A machine with a compute node, which starts unless told otherwise. */
  async addNode(options: NodeOptions, { start = true } = {}): Promise<ComputeHost> {
    const node = new ComputeHost(options, {
      clock: this.clock,
      dice: this.dice.fork(options.id),
      ledger: this.ledger,
      logger: this.#logger(options.id),
      orchestrator: this.host,
      onDelivery: (from, to, message) => this.#delivered(from, to, message),
      onDeath: (id) => this.#died(id),
      ...(this.#goRequesters ? { onStart: (id, life, compute) => this.market.start(id, life, compute) } : {}),
    })
    this.nodes.set(options.id, node)
    if (start) await this.outcome(node.boot())
    return node
  }

  node(id: string): ComputeHost {
    const node = this.nodes.get(id)
    if (node === undefined) throw new Error(`no node ${id}`)
    return node
  }

  /** Kills the orchestrator; the nodes notice. */
  crash(): void {
    this.host.machine.die()
  }

  /** Kills it and starts it again; the nodes come back by themselves. */
  async restart(): Promise<void> {
    this.crash()
    await this.outcome(this.host.boot())
  }

  /** Submits a job of the scripted engine. */
  submit(script: Script = {}, spec: JobFields = {}, options: { readonly force?: boolean } = {}): Promise<Job> {
    return this.outcome(this.orchestrator.submit(submissionOf(script, spec), options))
  }

  /** Lets time go on, but not faster than it has to, until `holds`. */
  async until(holds: () => boolean | Promise<boolean>, what = String(holds)): Promise<void> {
    const end = this.now + PATIENCE
    for (let step = 1; !(await holds()); step = Math.min(step * 1.3, 1_000)) {
      if (this.now > end) throw new Error(`it does not happen: ${what}\n${this.trace.last(40).join('\n')}`)
      await this.clock.advance(step)
    }
  }

  /** The outcome of something that needs time to pass. */
  async outcome<T>(promise: Promise<T>): Promise<T> {
    let settled = false
    const done = promise.finally(() => (settled = true))
    done.catch(() => undefined)
    await this.until(() => settled, 'an answer')
    return done
  }

  /** `count` runs have been begun on a node in all. */
  begun({ id }: ComputeHost, count: number): Promise<void> {
    return this.until(() => this.runsAt(id).length >= count, `${id} begins ${count} runs`)
  }

  /** The job as soon as it is in `state`; fails when it has ended otherwise. */
  async reaches({ ID }: Pick<Job, 'ID'>, state: Job['State']['StateType']): Promise<Job> {
    let job = await this.orchestrator.getJob(ID)
    const look = async () => {
      job = await this.orchestrator.getJob(ID)
      return job.State.StateType === state || isFinalJobState(job.State.StateType)
    }
    await this.until(look, `${ID} reaches ${state}, not ${job.State.StateType}: ${job.State.Message}`)
    assert.equal(job.State.StateType, state, `${job.State.StateType}: ${job.State.Message}`)
    return job
  }

  /** Events of a job, as `Topic: message`. */
  async history({ ID }: Pick<Job, 'ID'>): Promise<string[]> {
    const events = await this.orchestrator.history(ID, 0, 1_000)
    return events.map(({ Event }) => `${Event.Topic}: ${Event.Message}`)
  }

  runsAt(id: string): RunRecord[] {
    return this.ledger.begun.filter(({ node }) => node === id)
  }

  /** Runs of a job, on all nodes together. */
  runsOf({ ID }: Pick<Job, 'ID'>): RunRecord[] {
    return this.ledger.begun.filter(({ jobId }) => jobId === ID)
  }

  #died(id: string): void {
    this.note(`${id} dies`)
    if (id === ORCHESTRATOR) this.fleet.orchestratorDied()
    else this.market.nodeDied(id)
    if (id === ORCHESTRATOR) for (const node of this.nodes.values()) node.breakLink(this.host.diesSilently)
    this.onDeath?.(id)
  }

  #delivered(from: string, to: string, message: LinkMessage): void {
    if (message.type === 'heartbeat') return
    this.note(`${from} → ${to}: ${describeMessage(message)}`)
  }

  #logger(who: string): Logger {
    const quiet = () => undefined
    const logger: Logger = {
      debug: quiet,
      info: quiet,
      warn: (facts, message) => this.note(`${who} warns: ${message} ${JSON.stringify(facts)}`),
      error: (facts, message) => {
        this.note(`${who} logs an error: ${message} ${JSON.stringify(facts)}`)
        if (this.faultsExpected || /cannot be written|were not written/.test(message)) return
        this.fail(new Violation('no fault of the program is met', `${who}: ${message} ${JSON.stringify(facts)}`))
      },
      child: () => logger,
    }
    return logger
  }
}

export type JobFields = { readonly task?: object; readonly [field: string]: unknown }

/** A submission of a job of the scripted engine, as the API parses it. */
export function submissionOf(script: Script, { task = {}, ...job }: JobFields = {}) {
  const engine = { Type: 'script', Params: { ...script } }
  const parsed = parseSubmission({ Type: 'batch', ...job, Tasks: [{ Name: 'main', Engine: engine, ...task }] })
  assert.ok(parsed.ok, parsed.ok ? '' : JSON.stringify(parsed.problems))
  return parsed.value
}

/** One message in a few words. */
export function describeMessage(message: LinkMessage): string {
  switch (message.type) {
    case 'parcel':
      return `#${message.seq} ${message.messages.map(describeContent).join(', ')}`
    case 'ack':
      return `ack #${message.seq}`
    case 'hello':
      return `hello ${message.conversation?.id ?? 'anew'} heard #${message.conversation?.received.seq ?? 0}, holds ${message.held.length}`
    case 'welcome':
      return `welcome ${message.membership} ${message.conversation?.id ?? ''} heard #${message.conversation?.received.seq ?? 0}`
    default:
      return message.type
  }
}

const short = (id: string) => id.slice(0, 8)

type Content = Extract<LinkMessage, { type: 'parcel' }>['messages'][number]
function describeContent(content: Content): string {
  if (content.type === 'offer') {
    const executions = content.executions.slice(0, 4).map(({ id, partition }) => `${short(id)}:${partition}`)
    const more = content.executions.length > 4 ? ` and ${content.executions.length - 4} more` : ''
    return `offer ${short(content.job.ID)} v${content.job.Version} ${executions.join(' ')}${more}`
  }
  const detail = content.type === 'progress' ? ` ${content.state}` : content.type === 'failed' ? ` ${content.code}` : ''
  return `${content.type} ${short(content.executionId)}${detail}`
}
