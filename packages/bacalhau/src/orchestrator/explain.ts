import { formatBytes, type Resources } from '@bacalhau/models'
import type { ErrorCode } from '../runtime/error-catalogue.ts'
import type { Cluster, Member } from './cluster.ts'
import { mismatch } from './matching.ts'
import type { OpenJob } from './open-job.ts'

/**
 * Why a job, or a part of it, is not placed. `busy`: it waits for room, or for a node that is expected back. `absent`: there
 * is no node at all. `impossible`: no node could ever run it, as they are now.
 */
export interface Unplaced {
  readonly kind: 'busy' | 'absent' | 'impossible'
  readonly code: ErrorCode
  readonly reason: string
}

export interface ExplainOptions {
  readonly cluster: Cluster
  readonly isPaused: (shape: string, peer: string) => boolean
  /** Is the node kept free for another job? */
  readonly isKept: (peer: string) => boolean
}

/** Why `job` waits, in one sentence. */
export function explain(job: OpenJob, options: ExplainOptions): Unplaced {
  const candidates = options.cluster.candidates()
  if (candidates.length === 0) return { kind: 'absent', code: 'NoNodes', reason: describeAbsent(options.cluster) }
  const problems = new Tally()
  const codes = new Set<ErrorCode>()
  const matching: Member[] = []
  for (const member of candidates) {
    const problem = mismatch(job.job, job.resources, member.info)
    const refusal = job.refusals.get(member.peer)
    if (problem === undefined && refusal === undefined) matching.push(member)
    else {
      problems.add(problem?.reason ?? `refused: ${refusal}`)
      codes.add(problem?.code ?? 'NoNodes')
    }
  }
  if (matching.length > 0) return { kind: 'busy', code: 'NoNodes', reason: describeBusy(job, matching, options) }
  const [code = 'NoNodes'] = codes.size === 1 ? codes : []
  const shown = problems.parts((count, reason) => `${count} of ${candidates.length} ${reason}`)
  return { kind: 'impossible', code, reason: `no node can run the job: ${shown.join('; ')}` }
}

function describeAbsent(cluster: Cluster): string {
  const waiting = cluster.unapproved()
  if (waiting === 0) return 'no compute node is connected'
  const nodes = waiting === 1 ? '1 node is' : `${waiting} nodes are`
  return `no compute node may take work: ${nodes} connected and not approved (bacalhau node approve <id>)`
}

/** "3 nodes match; all lack 2 GB of memory", "2 nodes match: 1 is away, 1 lacks 1 core of CPU". */
function describeBusy(job: OpenJob, matching: readonly Member[], options: ExplainOptions): string {
  const states = new Tally()
  for (const member of matching) states.add(obstacle(job, member, options))
  const total = matching.length
  const nodes = total === 1 ? '1 node matches' : `${total} nodes match`
  const say = (count: number, state: string) => state.replace(/^(\w+)\|(\w+)/, count === 1 ? '$1' : '$2')
  if (states.size > 1) return `${nodes}: ${states.parts((count, state) => `${count} ${say(count, state)}`).join(', ')}`
  const [only = ''] = states.names()
  return `${nodes}; ${total === 1 ? 'it' : 'all'} ${say(total, only)}`
}

/** What keeps a node from taking the job, with the verb for one and for many: `lacks|lack 2 GB of memory`. */
function obstacle(job: OpenJob, member: Member, { cluster, isPaused, isKept }: ExplainOptions): string {
  if (!member.connected) return 'is|are away at the moment'
  const missing = lackingKinds(job.resources, cluster.free(member))
  if (missing.length > 0) return `lacks|lack ${missing.join(' and ')}`
  if (isPaused(job.shape, member.peer)) return 'has|have refused it for want of room'
  if (isKept(member.peer)) return 'is|are kept free for a job that has waited longer'
  return 'takes|take other jobs first'
}

/** What of `wanted` is more than `free`, as it is wanted: `2 GB of memory`. */
function lackingKinds(wanted: Resources, free: Resources): string[] {
  const kinds: string[] = []
  if (wanted.CPU > free.CPU) kinds.push(`${wanted.CPU} ${wanted.CPU === 1 ? 'core' : 'cores'} of CPU`)
  if (wanted.Memory > free.Memory) kinds.push(`${formatBytes(wanted.Memory)} of memory`)
  if (wanted.Disk > free.Disk) kinds.push(`${formatBytes(wanted.Disk)} of disk`)
  if (wanted.GPU > free.GPU) kinds.push(`${wanted.GPU} ${wanted.GPU === 1 ? 'GPU' : 'GPUs'}`)
  return kinds
}

/** Reasons that are shown one by one. */
const MOST_REASONS = 5

/** Counts equal sentences. */
class Tally {
  readonly #counts = new Map<string, number>()

  get size(): number {
    return this.#counts.size
  }

  add(sentence: string): void {
    this.#counts.set(sentence, (this.#counts.get(sentence) ?? 0) + 1)
  }

  names(): string[] {
    return [...this.#counts.keys()]
  }

  parts(show: (count: number, sentence: string) => string): string[] {
    const parts = [...this.#counts].slice(0, MOST_REASONS).map(([sentence, count]) => show(count, sentence))
    if (this.#counts.size > MOST_REASONS) parts.push(`and ${this.#counts.size - MOST_REASONS} more reasons`)
    return parts
  }
}
