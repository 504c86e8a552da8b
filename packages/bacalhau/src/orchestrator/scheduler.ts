import { MAX_OFFERED_EXECUTIONS } from '@bacalhau/models'
import type { Clock } from '../runtime/clock.ts'
import { LIMITS } from '../runtime/limits.ts'
import type { Journal, Recorded } from '../store/journal.ts'
import type { Write } from '../store/store.ts'
import type { Chooser } from './chooser.ts'
import { type Cluster, mayWork, type Member } from './cluster.ts'
import type { Line } from './line.ts'
import { mismatch } from './matching.ts'
import type { OpenJob } from './open-job.ts'
import type { Pool, Pools } from './pools.ts'
import { servedBefore, type WaitingLines } from './waiting-lines.ts'

/** A run to be made. */
export interface Placement {
  readonly node: string
  readonly partition: number
}

/** A node that is kept free for a job. */
interface Kept {
  readonly job: OpenJob
  readonly peer: string
}

export interface SchedulerOptions {
  readonly journal: Journal
  readonly clock: Clock
  readonly lines: WaitingLines
  readonly cluster: Cluster
  readonly pools: Pools
  readonly chooser: Chooser
  /** Jobs that run everywhere, `ops` and `daemon`. */
  readonly everywhere: Iterable<OpenJob>
  /** Makes runs of a job; their room is taken when this returns. */
  readonly place: (job: OpenJob, placement: Placement) => void
  /** After a restart of the orchestrator: nodes that are not back yet are waited for. */
  readonly isSettling: () => boolean
  /** Less is left of a job that runs everywhere than there was: it may be done. */
  readonly conclude: (job: OpenJob) => void
  /** So much has been placed that it can be sent: what a node is going to be sent counts before it gets more. */
  readonly onPlaced: () => void
  /** A pass is over. */
  readonly onPassed: () => void
}

/**
 * Brings waiting jobs and nodes together. A pass is part of the unit in which it was asked for, so that whatever was decided
 * with it (a finished run, and the next one in its place) becomes durable at once; passes are coalesced by that.
 *
 * Lines are served by priority, then by who has waited longest. Two rules keep a job from starving: the job that would be
 * served next and has waited for long has a node kept free for it; and every so often the job that has waited longest of all
 * is served whatever its priority.
 */
export class Scheduler implements Recorded {
  readonly #options: SchedulerOptions
  #everywhereDue = false
  #kept: Kept | undefined
  #placements = 0

  constructor(options: SchedulerOptions) {
    this.#options = options
  }

  /** Asks for a pass: something may be placed that could not be before. `everywhere`: also of jobs that run everywhere. */
  wake({ everywhere = false } = {}): void {
    this.#everywhereDue ||= everywhere
    this.#options.journal.record(this)
  }

  /** The job that a node is kept free for. */
  keptFor(peer: string): OpenJob | undefined {
    return this.#kept?.peer === peer ? this.#kept.job : undefined
  }

  takeWrites(): Write[] {
    this.#pass()
    return []
  }

  onDurable(): void {}

  #pass(): void {
    const { lines, pools, onPassed } = this.#options
    if (this.#kept !== undefined && !this.#isOfUse(this.#kept)) this.#keep(undefined)
    if (this.#everywhereDue) this.#serveEverywhere()
    this.#serveLines()
    this.#reserve()
    pools.tidy(2 * lines.count)
    onPassed()
  }

  #serveEverywhere(): void {
    const { cluster, everywhere, place, pools, onPlaced } = this.#options
    this.#everywhereDue = false
    const members = cluster.candidates().filter(({ connected }) => connected)
    for (const job of everywhere) {
      const { agenda } = job
      if (agenda.kind !== 'targets' || job.ledger.isOver) continue
      const suited = members.filter(({ peer, info }) => agenda.wants(peer) && isSuited(job, peer, info))
      for (const { peer } of suited) {
        if (pools.isBehind(peer)) agenda.owe(peer)
        else place(job, { node: peer, partition: 0 })
      }
      if (suited.length > 0) agenda.begin()
      onPlaced()
      if (job.job.Type === 'ops' && agenda.drop((peer) => !this.#mayRun(job, peer))) this.#options.conclude(job)
    }
  }

  #mayRun(job: OpenJob, peer: string): boolean {
    const { cluster, isSettling } = this.#options
    const member = cluster.get(peer)
    return member === undefined ? isSettling() : mayWork(member) && isSuited(job, peer, member.info)
  }

  #serveLines(): void {
    const waiting = this.#openLines()
    while (waiting.length > 0) {
      const line = this.#next(waiting)
      const served = line !== undefined && this.#serve(line, waiting.length === 1)
      if (line !== undefined && !served) waiting.splice(waiting.indexOf(line), 1)
    }
  }

  /** Lines of which something can be placed now. */
  #openLines(): Line[] {
    const { lines, pools } = this.#options
    const open: Line[] = []
    for (const line of lines.lines())
      if (line.head !== undefined && pools.of(line.head).open.length > 0) open.push(line)
    return open
  }

  #next(waiting: readonly Line[]): Line | undefined {
    if (this.#placements % LIMITS.fairTurn === LIMITS.fairTurn - 1) {
      const patient = longestWaiting(waiting)
      const since = patient?.head?.ledger.since ?? Infinity
      if (patient !== undefined && this.#options.clock.now() - since > LIMITS.unfairWait) return patient
    }
    let best: Line | undefined
    for (const line of waiting) if (best === undefined || servedBefore(line, best)) best = line
    return best
  }

  /** Places of a line's first job what can be placed, or else of those behind it. False when there is nothing (more) to do. */
  #serve(line: Line, alone: boolean): boolean {
    const { pools } = this.#options
    for (let place = 0; ;) {
      const job = line.at(place)
      if (job === undefined) return false
      const pool = pools.of(job)
      if (pool.open.length === 0) return false
      this.#placeSome(job, pool)
      // A job with partitions left has been refused by all that have room.
      if (job.line === line) place += 1
      else if (!alone) return line.size > 0
    }
  }

  #placeSome(job: OpenJob, pool: Pool): void {
    const { chooser, lines, place, onPlaced } = this.#options
    const { agenda } = job
    if (agenda.kind !== 'partitions') return
    let placed = 0
    for (let partition = agenda.ready.first; partition !== undefined; partition = agenda.ready.first) {
      const member: Member | undefined =
        pool.open.length === 0 ? undefined : chooser.choose(job, pool, job.troubles.get(partition))
      if (member === undefined) break
      this.#placements += 1
      place(job, { node: member.peer, partition })
      if ((placed += 1) % MAX_OFFERED_EXECUTIONS === 0) onPlaced()
    }
    lines.update(job)
    onPlaced()
  }

  /** Keeps a node free for the job that would be next, when it has waited for long and no node has room for it. */
  #reserve(): void {
    if (this.#kept !== undefined) return
    const { lines, clock } = this.#options
    let first: Line | undefined
    for (const line of lines.lines()) if (first === undefined || servedBefore(line, first)) first = line
    const oldest = longestWaiting(lines.lines())
    for (const [line, wait] of [
      [first, LIMITS.keepNodeAfter],
      [oldest, LIMITS.unfairWait],
    ] as const) {
      const job = line?.head
      if (job === undefined || clock.now() - job.ledger.since < wait) continue
      const peer = this.#roomiest(job)
      if (peer !== undefined) return this.#keep({ job, peer })
    }
  }

  #roomiest(job: OpenJob): string | undefined {
    const { cluster, pools } = this.#options
    let best: { readonly peer: string; readonly cores: number } | undefined
    for (const [peer, member] of pools.of(job).suitable) {
      const { CPU } = cluster.free(member)
      if (member.connected && !job.refusals.has(peer) && (best === undefined || CPU > best.cores))
        best = { peer, cores: CPU }
    }
    return best?.peer
  }

  /** Can the job still be run on the node that is kept for it? */
  #isOfUse({ job, peer }: Kept): boolean {
    const { pools, cluster } = this.#options
    if (!job.waits || job.refusals.has(peer) || cluster.get(peer)?.connected !== true) return false
    return pools.of(job).suitable.has(peer)
  }

  #keep(kept: Kept | undefined): void {
    const before = this.#kept
    this.#kept = kept
    for (const change of [before, kept]) if (change !== undefined) this.#options.pools.roomChanged(change.peer)
  }
}

const isSuited = (job: OpenJob, peer: string, info: Member['info']): boolean =>
  !job.refusals.has(peer) && mismatch(job.job, job.resources, info) === undefined

function longestWaiting(lines: Iterable<Line>): Line | undefined {
  let longest: Line | undefined
  const since = (line: Line | undefined) => line?.head?.ledger.since ?? Infinity
  for (const line of lines) if (since(line) < since(longest)) longest = line
  return longest
}
