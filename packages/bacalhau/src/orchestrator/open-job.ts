import { type Job, type Resources, toResources } from '@bacalhau/models'
import { LIMITS } from '../runtime/limits.ts'
import type { Recorded } from '../store/journal.ts'
import type { Write } from '../store/store.ts'
import { type Agenda, createAgenda } from './agenda.ts'
import type { Failure } from './failure.ts'
import { JobLedger, type LedgerStart } from './job-ledger.ts'
import type { Line } from './line.ts'
import type { Trouble } from './retry.ts'
import type { Run } from './run.ts'

/** What a job gets that asks for nothing: the documented defaults, 500m of CPU and 512 MB of memory. */
const DEFAULTS: Resources = { CPU: 0.5, Memory: 512_000_000, Disk: 0, GPU: 0 }

/** What decides where a job can run, and what is known of it only while it is open. Anew for every version. */
interface Plan {
  readonly resources: Resources
  readonly shape: string
  readonly kin: string
  readonly grace: number
  readonly agenda: Agenda
}

/** A job that has not ended, with what is only remembered while it lasts. */
export class OpenJob implements Recorded {
  readonly ledger: JobLedger
  /** The line in which it stands, while it waits. */
  line: Line | undefined
  /** Why nodes refused it for good, by node. */
  readonly refusals = new Map<string, string>()
  /** What went wrong, by partition or node. Most jobs have none. */
  readonly troubles = new Map<number | string, Trouble>()
  /** The first failure of a run of this version, which is the one to show. */
  firstFailure: Failure | undefined
  /** The job could not be recorded, and must leave no trace. */
  isVoid = false
  readonly #onDurable: (job: OpenJob) => void
  #plan: Plan

  constructor(start: LedgerStart, now: () => number, onDurable: (job: OpenJob) => void) {
    this.ledger = new JobLedger(start, now)
    this.#onDurable = onDurable
    this.#plan = planOf(start.job)
  }

  get job(): Job {
    return this.ledger.job
  }

  /** What each of its executions needs. */
  get resources(): Resources {
    return this.#plan.resources
  }

  /** Jobs of one shape can run on the same nodes and need the same room. */
  get shape(): string {
    return this.#plan.shape
  }

  /** Jobs of one kin are alike in how long they run, too: same program, same shape. */
  get kin(): string {
    return this.#plan.kin
  }

  /** How long a node that has gone may keep a run of this job, in milliseconds. */
  get grace(): number {
    return this.#plan.grace
  }

  get agenda(): Agenda {
    return this.#plan.agenda
  }

  /** Does it wait for nodes of its choice? Jobs that run everywhere wait in no line. */
  get waits(): boolean {
    const { agenda } = this.#plan
    return agenda.kind === 'partitions' && agenda.ready.size > 0 && !this.ledger.isOver
  }

  /** Begins anew for the version that the ledger shows now. */
  replan(): void {
    this.#plan = planOf(this.job)
    this.refusals.clear()
    this.troubles.clear()
    this.firstFailure = undefined
  }

  troubleOf(run: Pick<Run, 'partition' | 'node'>): Trouble | undefined {
    return this.troubles.get(this.troubleKey(run))
  }

  troubleKey({ partition, node }: Pick<Run, 'partition' | 'node'>): number | string {
    return this.agenda.kind === 'partitions' ? partition : node
  }

  takeWrites(): Write[] {
    return this.isVoid ? [] : this.ledger.takeWrites()
  }

  onDurable(): void {
    this.#onDurable(this)
  }
}

function planOf(job: Job): Plan {
  const [task] = job.Tasks
  const resources = toResources(task?.Resources ?? {}, DEFAULTS)
  const shape = shapeOf(job, resources)
  const { DisconnectGrace } = task?.Timeouts ?? {}
  return {
    resources,
    shape,
    kin: `${shape}${job.Count > 1 ? job.ID : programOf(job)}`,
    grace: DisconnectGrace === undefined ? LIMITS.linkGrace : DisconnectGrace * 1000,
    agenda: createAgenda(job),
  }
}

/** Everything that decides where a job can run (see `matching.ts`), as one text. */
function shapeOf({ Tasks: [task], Constraints }: Job, resources: Resources): string {
  const sources = new Set(task?.InputSources.map(({ Source }) => Source.Type.toLowerCase()))
  return JSON.stringify([
    task?.Engine.Type.toLowerCase(),
    task?.Publisher.Type.toLowerCase(),
    [...sources].sort(),
    Constraints,
    resources,
  ])
}

/** The program of a job: what its engine is told, and what that refers to. */
function programOf({ Tasks: [task] }: Job): string {
  return JSON.stringify([task?.Engine.Params, task?.InputSources.map(({ Source }) => Source)])
}
