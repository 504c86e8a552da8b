import { addResources, fits, NO_RESOURCES, type Resources, subtractResources } from '@bacalhau/models'
import { someResources } from '../../../src/link/fixtures/samples.ts'
import type { AskedEvent } from '../../../src/link/go/requester/asked.ts'
import type { AskSource } from '../../../src/link/go/requester/asked-table.ts'
import type { GoCall } from '../../../src/link/go/requester/caller.ts'
import { legacyResultOf, outputOf, resultOf } from '../../../src/link/go/requester/outcome.ts'
import { writeAsk } from '../../../src/link/go/jobs/write-execution.ts'
import type { Clock } from '../../../src/runtime/clock.ts'
import { ORCHESTRATOR } from '../world/orchestrator-host.ts'
import type { RunLedger } from '../world/run-ledger.ts'
import type { Script } from '../world/runner.ts'
import { Violation } from '../world/violation.ts'
import { missingIn } from '../../../src/link/go/fixtures/needed-fields.ts'
import * as go from './go-states.ts'

export interface GoWorkerOptions {
  readonly id: string
  /** `b`: v1.0.3, which has its results verified before it publishes them. */
  readonly generation: 'b' | 'c'
  readonly cpu: number
  readonly clock: Clock
  readonly ledger: RunLedger
  /** Tells the orchestrator something once, if it gets through. */
  readonly tell: (executionId: string, event: AskedEvent) => void
  readonly fail: (violation: Violation) => void
}

interface Held {
  state: go.GoState
  /** Does the engine know it? */
  active: boolean
  readonly task: go.GoTask
  readonly source: AskSource
  readonly resources: Resources
}

/**
 * A compute node of the Go program, as measured: it checks little, tells each thing once, forgets an execution that ran out of
 * time without saying so, and names in its errors the state in which an execution is.
 */
export class GoWorker {
  readonly capacity: Resources
  readonly #options: GoWorkerOptions
  #held = new Map<string, Held>()
  /** Grows with every start: what a former process was about to do does not happen. */
  #boots = 0
  #alive = true

  constructor(options: GoWorkerOptions) {
    this.#options = options
    this.capacity = someResources({ CPU: options.cpu, Memory: 64e9 })
    options.ledger.setCapacity(options.id, this.capacity)
  }

  get alive(): boolean {
    return this.#alive
  }

  get running(): number {
    return this.#options.ledger.running(this.#options.id)
  }

  free(): Resources {
    const active = [...this.#held.values()].filter((held) => held.active)
    const used = active.reduce((sum, { resources }) => addResources(sum, resources), NO_RESOURCES)
    return subtractResources(this.capacity, used)
  }

  /** What it has of executions that have not ended, for whoever looks into a failure. */
  describe(): string {
    const open = [...this.#held].filter(([, { state }]) => !go.isOver(state))
    return open.map(([id, { state }]) => `${id.slice(0, 8)} ${state}`).join(', ') || 'nothing'
  }

  die(): void {
    this.#alive = false
    this.#boots += 1
    this.#options.ledger.clear(this.#options.id)
  }

  /** Reports the failure of what ran, which nobody may hear; a node whose store was lost reports nothing. */
  start(forgets: boolean): void {
    if (this.#alive) return
    this.#alive = true
    if (forgets) this.#held = new Map()
    for (const [id, held] of this.#held) {
      held.active = false
      if (held.state !== 'Running' && held.state !== 'Publishing') continue
      held.state = 'Failed'
      this.#options.tell(id, { type: 'failed', error: go.lostRun(id) })
    }
  }

  /** Answers a call, with the error that it answers; what follows from it may be heard of sooner than the answer. */
  answer({ call, executionId, source }: GoCall): string | undefined {
    switch (call) {
      case 'ask':
        return this.#ask(executionId, source)
      case 'accept':
        return this.#accept(executionId)
      case 'reject':
        return this.#move(executionId, 'Created', 'Cancelled')
      case 'cancel':
        return this.#cancel(executionId)
      case 'accept result':
        return this.#acceptResult(executionId)
      case 'reject result':
        return this.#move(executionId, 'WaitingVerification', 'Cancelled')
    }
  }

  #ask(id: string, source: AskSource | undefined): string | undefined {
    const { generation, tell, id: node, fail, clock } = this.#options
    if (source === undefined) throw new Error('an ask has a job')
    const ask = generation === 'b' ? undefined : writeAsk({ ...source, executionId: id, node, self: ORCHESTRATOR })
    const missing = ask === undefined ? undefined : missingIn(ask, 'c')
    if (missing !== undefined) {
      fail(new Violation('no Go node dies of an ask', `${missing} is missing`))
      return `panic: ${missing}`
    }
    const task = ask === undefined ? go.legacyTaskOf(source.job) : go.taskIn(ask)
    const boot = this.#boots
    // The call is answered first: whoever asks a second time for the same execution hears nothing more.
    clock.after(0.1, () => {
      if (boot !== this.#boots || this.#held.has(id)) return
      const resources = { ...NO_RESOURCES, CPU: Number(task.Resources.CPU || 0.5), Memory: 1e8 }
      if (!fits(resources, this.capacity))
        return tell(id, { type: 'bid', accepted: false, reason: 'this node does not run jobs that require this many' })
      if (!fits(resources, this.free())) return tell(id, { type: 'bid', accepted: false, reason: go.BUSY })
      this.#held.set(id, { state: 'Created', active: false, task, source, resources })
      tell(id, { type: 'bid', accepted: true, reason: '' })
    })
    return undefined
  }

  #accept(id: string): string | undefined {
    const held = this.#held.get(id)
    if (held === undefined) return go.notFound(id)
    if (held.state !== 'Created') return go.wrongState(id, held.state, 'Created')
    if (!fits(held.resources, this.free())) {
      held.state = 'Failed'
      this.#options.tell(id, { type: 'failed', error: go.NO_ROOM })
      return go.NO_ROOM
    }
    held.state = 'Running'
    held.active = true
    this.#run(id, held)
    return undefined
  }

  #run(id: string, held: Held): void {
    const { clock, ledger, id: node } = this.#options
    const { source, task, resources } = held
    const { job, partition: partitionIndex } = source
    const earlier = ledger.begin(node, { executionId: id, orchestrator: ORCHESTRATOR, job, partitionIndex, resources })
    const script: Script = task.Engine.Params
    const limit = task.Timeouts.ExecutionTimeout * 1_000
    const time = script.Hold === true ? Infinity : (script.Milliseconds ?? 0)
    const boot = this.#boots
    const end = (ended: () => void) => () => {
      if (boot !== this.#boots || held.state !== 'Running') return
      held.active = false
      ledger.end(node, id)
      ended()
    }
    if (time < limit)
      clock.after(
        time,
        end(() => this.#ended(id, held, script, earlier)),
      )
    // A moment later than the orchestrator would say so.
    else if (limit < 1e9)
      clock.after(
        limit,
        end(() => this.#timedOut(id, held)),
      )
  }

  #ended(id: string, held: Held, { Fail, FailTimes = Infinity, Publish = 0 }: Script, earlier: number): void {
    const { tell, generation } = this.#options
    if (Fail !== undefined && earlier < FailTimes) {
      held.state = 'Failed'
      return tell(id, { type: 'failed', error: `execution error: ${Fail}` })
    }
    const output = outputOf({
      Stdout: 'hi\n',
      StdoutTruncated: false,
      stderr: '',
      StderrTruncated: false,
      ExitCode: -1,
      ErrorMsg: '',
    })
    if (generation === 'b') {
      held.state = 'WaitingVerification'
      return tell(id, { type: 'ran', output, result: { Type: '' } })
    }
    const publishes = held.task.Publisher.Type !== ''
    held.state = publishes ? 'Publishing' : 'Completed'
    const done = () => {
      held.state = 'Completed'
      tell(id, { type: 'ran', output, result: resultOf(publishes ? this.#published(id) : { Type: '' }, '') })
    }
    if (publishes) this.#later(Publish, held, 'Publishing', done)
    else done()
  }

  #published = (id: string) => ({ Type: 'ipfs', Params: { CID: `Qm${id}` } })

  /** The node of v1.0.4 and later says only that something was cancelled, and does not even note that for itself. */
  #timedOut(id: string, held: Held): void {
    const { tell, generation } = this.#options
    if (generation === 'c') return tell(id, { type: 'stopped' })
    held.state = 'Failed'
    tell(id, { type: 'failed', error: 'execution timed out after 1s' })
  }

  #cancel(id: string): string | undefined {
    const { ledger, tell, id: node } = this.#options
    const held = this.#held.get(id)
    if (held === undefined) return go.notFound(id)
    if (go.isOver(held.state)) return go.cannotCancel(id, held.state)
    const { state, active } = held
    if (state === 'Running' && !active) {
      held.state = 'Failed'
      tell(id, { type: 'failed', error: go.lostRun(id) })
      return go.lostRun(id)
    }
    held.state = 'Cancelled'
    held.active = false
    ledger.end(node, id)
    if (state === 'Running' || state === 'Publishing') tell(id, { type: 'stopped' })
    return undefined
  }

  #acceptResult(id: string): string | undefined {
    const held = this.#held.get(id)
    if (held === undefined) return go.notFound(id)
    if (held.state !== 'WaitingVerification') return go.wrongState(id, held.state, 'WaitingVerification')
    held.state = 'Publishing'
    const { Publish = 0 }: Script = held.task.Engine.Params
    this.#later(Publish, held, 'Publishing', () => {
      held.state = 'Completed'
      const none = { Bucket: '', Key: '', Checksum: '', VersionID: '', Endpoint: '', Region: '' }
      const place = { StorageSource: 'IPFS', Name: '', CID: `Qm${id}`, URL: '', S3: none }
      this.#options.tell(id, { type: 'published', result: legacyResultOf(place, '') })
    })
    return undefined
  }

  #move(id: string, from: go.GoState, to: go.GoState): string | undefined {
    const held = this.#held.get(id)
    if (held === undefined) return go.notFound(id)
    if (held.state !== from) return go.wrongState(id, held.state, from)
    held.state = to
    return undefined
  }

  #later(delay: number, held: Held, state: go.GoState, action: () => void): void {
    const boot = this.#boots
    this.#options.clock.after(delay, () => boot === this.#boots && held.state === state && action())
  }
}
