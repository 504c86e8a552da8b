import { sampleJob } from '../../../src/link/fixtures/samples.ts'
import { writeAsk } from '../../../src/link/go/jobs/write-execution.ts'
import type { Callback } from '../../../src/link/go/compute/callbacks.ts'
import type { RequesterDesk } from '../../../src/link/go/compute/requester-desk.ts'
import { GO_PROTOCOLS } from '../../../src/link/go/wire/protocols.ts'
import { isBacalhauError, messageOf } from '../../../src/runtime/error.ts'
import type { Clock } from '../../../src/runtime/clock.ts'
import { someResources } from '../../../src/link/fixtures/samples.ts'
import type { Script } from '../world/runner.ts'
import { Violation } from '../world/violation.ts'

/** What a Go requester does with one execution. */
export interface GoAskPlan {
  readonly generation: 'b' | 'c'
  /** Without, the node is to run it at once, if it takes it. */
  readonly approval: boolean
  readonly cpu: string
  readonly script: Script
  /** Seconds; 0 for none. */
  readonly executionTimeout: number
  /** What becomes of a bid, and of a result of generation b, and how long that takes. */
  readonly verdict: 'accept' | 'reject' | 'never'
  readonly thinking: number
  /** The ask is made again after so many milliseconds, as no requester should. */
  readonly again?: number
}

/** What a requester knows of one execution. */
export interface Asked {
  readonly id: string
  readonly node: string
  readonly plan: GoAskPlan
  /** Calls that were answered well, and those of which nobody knows whether they arrived. */
  readonly answered: Set<CallName>
  readonly unsure: Set<CallName>
  /** Ends that were told, each as it was told first. */
  readonly ends: Set<string>
  bid?: boolean
  proposed?: boolean
}

const GIVING_UP: readonly CallName[] = ['cancel', 'reject', 'rejectResult']

export type CallName = 'ask' | 'accept' | 'reject' | 'cancel' | 'acceptResult' | 'rejectResult'

export interface GoRequesterOptions {
  readonly id: string
  readonly clock: Clock
  readonly note: (text: string) => void
  readonly fail: (violation: Violation) => void
  /** One call of a node: rejects where it is not answered, or with what is answered. */
  readonly call: (node: string, what: string, call: (desk: RequesterDesk) => Promise<unknown>) => Promise<unknown>
}

/** A requester of the Go program: it asks once, believes every callback, and forgets none of the executions it has stored. */
export class GoRequester {
  readonly id: string
  readonly asked = new Map<string, Asked>()
  alive = true
  /** What it is about to do. */
  pending = 0
  readonly #options: GoRequesterOptions

  constructor(options: GoRequesterOptions) {
    this.id = options.id
    this.#options = options
  }

  ask(id: string, node: string, plan: GoAskPlan): void {
    const asked: Asked = { id, node, plan, answered: new Set(), unsure: new Set(), ends: new Set() }
    this.asked.set(id, asked)
    this.#ask(asked)
    // Of what has ended not even a mad one asks again.
    if (plan.again !== undefined) this.#later(plan.again, () => asked.ends.size === 0 && this.#ask(asked))
  }

  cancel(id: string): void {
    const asked = this.asked.get(id)
    // What has ended for it, no requester cancels.
    if (asked === undefined || asked.ends.size > 0) return
    this.#call(asked, 'cancel', (desk) => desk.cancel(id, 'execution not needed due to job update'))
  }

  /** Does something with an execution of another requester. */
  meddle({ id, node }: Asked, what: 'accept' | 'cancel' | 'reject'): void {
    const call = (desk: RequesterDesk) => (what === 'cancel' ? desk.cancel(id, 'mine now') : desk[what](id))
    this.#options.call(node, `${what} ${id} for another`, call).then(
      () =>
        this.#options.fail(new Violation('an execution is of the requester that asked', `${this.id}: ${what} ${id}`)),
      () => undefined,
    )
  }

  /** A callback has arrived. */
  hear(node: string, { protocol, message }: Callback): void {
    const said = message as { readonly ExecutionID: string; readonly SourcePeerID: string; readonly Accepted?: boolean }
    const asked = this.asked.get(said.ExecutionID)
    if (asked === undefined || asked.node !== node || said.SourcePeerID !== node)
      return this.#options.fail(new Violation('a node speaks of its own executions', `${node}: ${said.ExecutionID}`))
    switch (protocol) {
      case GO_PROTOCOLS.onBidComplete:
        return this.#onBid(asked, said.Accepted === true)
      case GO_PROTOCOLS.onCancelComplete:
        return this.#onEnd(asked, 'cancelled')
      case GO_PROTOCOLS.onRunComplete:
        if (asked.plan.generation === 'c') return this.#onEnd(asked, JSON.stringify(message))
        return this.#onProposal(asked)
      default:
        return this.#onEnd(asked, JSON.stringify(message))
    }
  }

  /** Why an execution is not in order although everything works; undefined when it is. */
  problemOf({ answered, unsure, ends, bid, plan, proposed }: Asked): string | undefined {
    const isGivenUp = GIVING_UP.some((name) => answered.has(name) || unsure.has(name))
    if (isGivenUp || ends.size > 0) return undefined
    if (answered.has('accept') && !(proposed === true)) return 'the bid was accepted, and no end is told'
    if (answered.has('acceptResult')) return 'the result was accepted, and nothing is told of publishing'
    if (!answered.has('ask') || proposed === true) return undefined
    const chooses = plan.approval || plan.generation === 'b'
    if (chooses && bid === undefined) return 'it was asked, and nothing is bid'
    return chooses ? undefined : 'it was ordered, and no end is told'
  }

  #ask(asked: Asked): void {
    const { id, plan, node } = asked
    const { generation, approval } = plan
    const job = generation === 'b' ? legacyJob(id, plan) : modernJob(id, node, this.id, plan)
    const addresses = ['/ip4/127.0.0.1/tcp/1235']
    this.#call(asked, 'ask', (desk) =>
      desk.ask({
        executionId: id,
        jobId: jobIdOf(id),
        generation,
        approval: approval || generation === 'b',
        job,
        addresses,
      }),
    )
  }

  #onBid(asked: Asked, accepted: boolean): void {
    const { id, plan } = asked
    if (!accepted) return this.#onEnd(asked, 'refused')
    const first = asked.bid === undefined
    asked.bid = true
    const { verdict, thinking } = plan
    if (verdict === 'never' || !first) return
    this.#later(thinking, () => asked.ends.size === 0 && this.#call(asked, verdict, (desk) => desk[verdict](id)))
  }

  #onProposal(asked: Asked): void {
    if (asked.proposed === true) return
    asked.proposed = true
    const verdict = asked.plan.verdict === 'reject' ? 'rejectResult' : 'acceptResult'
    this.#later(asked.plan.thinking, () => this.#call(asked, verdict, (desk) => desk[verdict](asked.id)))
  }

  /** Does something after a while, if it lives then. */
  #later(delay: number, action: () => unknown): void {
    this.pending += 1
    this.#options.clock.after(delay, () => {
      this.pending -= 1
      if (this.alive) action()
    })
  }

  #onEnd(asked: Asked, end: string): void {
    asked.ends.add(end)
    // What the requester gave up, the node may have refused before.
    if (asked.ends.size > 1 && !asked.ends.has('refused'))
      this.#options.fail(new Violation('an execution ends in one way', `${asked.id}: ${[...asked.ends].join(' and ')}`))
  }

  #call(asked: Asked, name: CallName, call: (desk: RequesterDesk) => Promise<unknown>): void {
    const { id, node } = asked
    this.pending += 1
    asked.unsure.add(name)
    const done = () => (this.pending -= 1)
    void this.#options
      .call(node, `${name} ${id}`, call)
      .finally(done)
      .then(
        () => {
          this.#options.note(`${this.id}: ${name} ${id} is answered`)
          asked.answered.add(name)
          if (name === 'cancel') this.#onCancelled(asked)
        },
        (error: unknown) => {
          // It may have been cancelled by a call whose answer got lost, and be forgotten by now.
          if (isBacalhauError(error) && !/Cancelled$|not found/.test(error.message)) asked.unsure.delete(name)
          this.#options.note(`${this.id}: ${name} ${id}: ${messageOf(error)}`)
        },
      )
  }

  /** Once it is cancelled for the requester, any other end would be another one. */
  #onCancelled(asked: Asked): void {
    const others = [...asked.ends].filter((end) => end !== 'cancelled' && end !== 'refused')
    if (others.length > 0)
      this.#options.fail(new Violation('an execution ends in one way', `${asked.id}: cancelled after ${others.join()}`))
    asked.ends.add('cancelled')
  }
}

const jobIdOf = (id: string): string => `j-${id}`

function modernJob(id: string, node: string, self: string, { cpu, script, executionTimeout }: GoAskPlan): unknown {
  const job = sampleJob(
    {
      Engine: { Type: 'script', Params: { ...script } },
      Resources: { CPU: cpu },
      Timeouts: { ExecutionTimeout: executionTimeout },
    },
    { ID: jobIdOf(id), Name: jobIdOf(id) },
  )
  const run = {
    executionId: id,
    job,
    node,
    self,
    partition: 0,
    resources: someResources({ CPU: Number(cpu), Memory: 1e8 }),
  }
  return (writeAsk(run) as { readonly Execution: { readonly Job: unknown } }).Execution.Job
}

/** Jobs of that time know no engine by the name of ours: the script is in what a container would be given. */
const legacyJob = (id: string, { cpu, script, executionTimeout }: GoAskPlan): unknown => ({
  APIVersion: 'V1beta1',
  Metadata: { ID: jobIdOf(id), ClientID: 'client' },
  Spec: {
    Engine: 'Docker',
    Verifier: 'Noop',
    Publisher: 'Noop',
    Docker: { Image: 'script', Entrypoint: [JSON.stringify(script)] },
    Resources: { CPU: cpu, Memory: '100mb' },
    Timeout: executionTimeout || 1_800,
    Deal: { Concurrency: 1 },
  },
})
