import { isFinalJobState, type Job } from '@bacalhau/models'
import type { ErrorCode } from '../../../src/runtime/error-catalogue.ts'
import { isBacalhauError } from '../../../src/runtime/error.ts'
import type { RecordWatch } from '../watch/record-watch.ts'
import type { Life } from '../world/machine.ts'
import { Violation } from '../world/violation.ts'
import { type JobFields, submissionOf, type World } from '../world/world.ts'
import type { JobPlan } from './script.ts'

/** What was acknowledged to the clients of a world. */
export interface Acknowledged {
  readonly id: string
  /** Versions, each with the part of the record that its owner wrote. */
  readonly versions: Map<number, string>
}

/** Answers that a client may get on a bad day, or when it asks for what makes no sense. */
const HONEST: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'DiskFull',
  'Conflict',
  'NotFound',
  'PeerUnreachable',
  'ServiceUnavailable',
  'StoreCorrupt',
])

/** The signal of somebody who does not give up. */
const NEVER = new AbortController().signal

export const jobName = (job: number): string => `job-${job}`

/** What the owner of a job wrote. */
const ownPart = ({ Count, Priority, Constraints, Tasks }: Job): string =>
  JSON.stringify([Count, Priority, Constraints, Tasks])

/** People who submit, change and stop jobs, and remember what they were told. */
export class Clients {
  readonly acknowledged = new Map<string, Acknowledged>()
  /** Jobs whose stop was acknowledged, with the version that was stopped. */
  readonly stopped = new Map<string, number>()
  /** Questions that have not been answered, with the process that was asked. */
  readonly #open = new Map<symbol, { readonly what: string; readonly life: Life }>()
  readonly #waiting = new Set<{ readonly job: string; readonly life: Life }>()
  readonly #world: World
  readonly #watch: RecordWatch

  constructor(world: World, watch: RecordWatch) {
    this.#world = world
    this.#watch = watch
  }

  submit(job: number, plan: JobPlan, force: boolean): void {
    const submission = submissionOf(plan.script, fieldsOf(job, plan))
    this.#ask(
      `submit of ${jobName(job)}`,
      (orchestrator) => orchestrator.submit(submission, { force }),
      (answer) => {
        this.#remember(answer)
      },
    )
  }

  rerun(job: number): void {
    this.#ask(
      `rerun of ${jobName(job)}`,
      (orchestrator) => orchestrator.rerun(jobName(job)),
      (answer) => this.#remember(answer),
    )
  }

  stop(job: number): void {
    this.#ask(
      `stop of ${jobName(job)}`,
      (orchestrator) => orchestrator.stopJob(jobName(job), 'enough'),
      (answer) => {
        this.stopped.set(answer.ID, answer.Version)
      },
    )
  }

  /** Waits for the end of a job, from one change to the next. */
  wait(job: number): void {
    const { life, running } = this.#world.host
    if (life === undefined || running === undefined) return
    const waiting = { job: jobName(job), life }
    this.#waiting.add(waiting)
    const follow = async () => {
      let seen = await running.getJob(jobName(job))
      while (!isFinalJobState(seen.State.StateType)) {
        const next = await running.waitForChange(seen.ID, seen.Revision, NEVER)
        const isNews = next.Revision > seen.Revision || isFinalJobState(next.State.StateType)
        if (!isNews) this.#misread(`no change of ${jobName(job)} was told`)
        seen = next
      }
      if (!life.dead) this.#world.note(`end of ${jobName(job)}: ${seen.State.StateType}`)
    }
    const failed = (error: unknown) => {
      if (isBacalhauError(error) && HONEST.has(error.code)) return
      if (!life.dead) this.#misread(`waiting for ${jobName(job)}: ${String(error)}`)
    }
    follow()
      .catch(failed)
      .finally(() => this.#waiting.delete(waiting))
  }

  /** Who still waits for the end of a job, although the process that was asked lives. */
  get waiting(): string[] {
    return [...this.#waiting].filter(({ life }) => !life.dead).map(({ job }) => `${job} is waited for`)
  }

  approve(id: string, verb: 'approve' | 'reject' | 'delete'): void {
    this.#ask(
      `${verb} of ${id}`,
      (orchestrator) => {
        if (verb === 'approve') return orchestrator.approveNode(id, 'by hand')
        return verb === 'reject' ? orchestrator.rejectNode(id, 'by hand') : orchestrator.deleteNode(id)
      },
      () => undefined,
    )
  }

  /** What was asked of a process that lives, and not answered yet. */
  get unanswered(): string[] {
    return [...this.#open.values()].filter(({ life }) => !life.dead).map(({ what }) => what)
  }

  /** Everything that was acknowledged is there, as it was submitted. */
  async check(): Promise<void> {
    const { orchestrator } = this.#world
    for (const { id, versions } of this.acknowledged.values()) {
      if (this.#watch.deleted.has(id)) continue
      for (const [version, own] of versions) {
        const found = await orchestrator.getJob(id, undefined, version).catch((error: unknown) => error)
        if (found instanceof Error)
          throw new Violation('no acknowledged job is lost', `${id} v${version}: ${found.message}`)
        if (ownPart(found as Job) !== own) throw new Violation('a job is kept as it was submitted', `${id} v${version}`)
      }
    }
    for (const [id, version] of this.stopped) {
      if (this.#watch.deleted.has(id)) continue
      const { State, Version } = await orchestrator.getJob(id)
      if (Version === version && State.StateType !== 'Stopped') {
        throw new Violation('an acknowledged stop is kept', `${id} is ${State.StateType}`)
      }
    }
  }

  /** Looks at everything: what is shown is what is stored. */
  async read(): Promise<void> {
    const { life, running } = this.#world.host
    if (life === undefined || running === undefined) return
    const listed = await running.listJobs({ namespace: '*', limit: 1_000 })
    if (life.dead) return
    if (listed.Items.length !== this.#watch.jobs.size)
      this.#misread(`${listed.Items.length} of ${this.#watch.jobs.size} jobs are listed`)
    for (const { job, runs } of this.#watch.jobs.values()) {
      const shown = await running.getJob(job.ID)
      const same = shown.State.StateType === job.State.StateType && shown.Version === job.Version
      if (!same) this.#misread(`${job.ID} is shown as ${shown.State.StateType} v${shown.Version}`)
      const executions = await running.executions(job.ID)
      const stored = [...runs.values()].filter(({ version }) => version === job.Version)
      if (executions.length !== Math.min(stored.length, 1_000)) this.#misread(`executions of ${job.ID}`)
      if (life.dead) return
    }
  }

  #misread(details: string): void {
    this.#world.fail(new Violation('what is shown is what is stored', details))
  }

  /** The disk of the orchestrator was lost or set back, and with it some of what was acknowledged. */
  forget(): void {
    this.acknowledged.clear()
    this.stopped.clear()
  }

  #remember(job: Job): void {
    const known = this.acknowledged.get(job.ID) ?? { id: job.ID, versions: new Map<number, string>() }
    known.versions.set(job.Version, ownPart(job))
    this.acknowledged.set(job.ID, known)
    const durable = this.#watch.jobs.get(job.ID)
    if (durable === undefined || durable.job.Version < job.Version) {
      this.#world.fail(new Violation('what is acknowledged is durable', `${job.ID} version ${job.Version}`))
    }
  }

  /** Asks the orchestrator; an answer counts only if the process that gave it was alive to give it. */
  #ask<T>(what: string, ask: (orchestrator: World['orchestrator']) => Promise<T>, onAnswer: (answer: T) => void): void {
    const { life, running } = this.#world.host
    if (life === undefined || running === undefined) return this.#world.note(`${what}: nobody answers`)
    const question = Symbol(what)
    this.#open.set(question, { what, life })
    const heard = (answer: T) => {
      this.#open.delete(question)
      if (life.dead) return
      this.#world.note(`${what}: done`)
      onAnswer(answer)
    }
    const failed = (error: unknown) => {
      this.#open.delete(question)
      if (life.dead) return
      this.#world.note(`${what}: ${String(error)}`)
      if (isBacalhauError(error) ? HONEST.has(error.code) : /is being stopped/.test(String(error))) return
      const details = error instanceof Error ? (error.stack ?? error.message) : String(error)
      this.#world.fail(new Violation('errors say what is wrong', `${what}: ${details}`))
    }
    ask(running).then(heard, failed)
  }
}

function fieldsOf(job: number, plan: JobPlan): JobFields {
  const { type, count, priority, cpu, zone, published, grace, queueTimeout, totalTimeout, executionTimeout } = plan
  const everywhere = type === 'ops' || type === 'daemon'
  const forever = type === 'service' || type === 'daemon'
  const timeouts = {
    ...(grace === undefined ? {} : { DisconnectGrace: grace }),
    ...(queueTimeout > 0 ? { QueueTimeout: queueTimeout } : {}),
    ...(totalTimeout > 0 && !forever ? { TotalTimeout: totalTimeout } : {}),
    ...(executionTimeout > 0 && !forever ? { ExecutionTimeout: executionTimeout } : {}),
  }
  return {
    Name: jobName(job),
    Type: type,
    Priority: priority,
    ...(everywhere ? {} : { Count: count }),
    ...(zone === undefined ? {} : { Constraints: [{ Key: 'zone', Operator: '=', Values: [zone] }] }),
    task: {
      Resources: { CPU: cpu, Memory: '100mb' },
      Timeouts: timeouts,
      ...(published ? { Publisher: { Type: 'shelf' } } : {}),
    },
  }
}
