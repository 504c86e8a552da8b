import { fits, type Job, lacking, type NodeInfo, type Resources, subtractResources } from '@bacalhau/models'
import type { ErrorCode } from '../runtime/error-catalogue.ts'
import { mismatch } from './matching.ts'

/** A node that may get work. `free` is what is not promised to anyone. */
export interface Candidate {
  readonly info: NodeInfo
  readonly free: Resources
}

/** Executions that a job still needs. All of them are alike. */
export interface Want {
  readonly job: Job
  readonly resources: Resources
  /** Indexes of the partitions to place. */
  readonly partitions: readonly number[]
  /** Nodes that refused this job for good, with their reasons. */
  readonly refusals: ReadonlyMap<string, string>
  /** Nodes that asked to be left alone with this job for a moment. */
  readonly paused: ReadonlySet<string>
}

export interface Placement {
  readonly jobId: string
  readonly partition: number
  readonly nodeId: string
}

/** Why a job, or a part of it, was not placed. `busy`: wait for room. `impossible`: no node could ever run it, as they are now. */
export interface Unplaced {
  readonly jobId: string
  readonly kind: 'busy' | 'impossible'
  readonly code: ErrorCode
  readonly reason: string
}

export interface Plan {
  readonly placements: readonly Placement[]
  readonly unplaced: readonly Unplaced[]
}

/** Decides which executions go where. Jobs are served by priority, then age; no node is promised more than it has. */
export function plan(wants: readonly Want[], candidates: readonly Candidate[]): Plan {
  const free = new Map(candidates.map(({ info, free }) => [info.NodeID, free]))
  const placements: Placement[] = []
  const unplaced: Unplaced[] = []
  for (const want of wants.toSorted(byPriorityThenAge)) {
    const suitable = findSuitable(want, candidates)
    if (!Array.isArray(suitable)) {
      unplaced.push({ jobId: want.job.ID, kind: 'impossible', ...suitable })
      continue
    }
    for (const partition of want.partitions) {
      const node = roomiest(suitable, want, free)
      if (node === undefined) {
        unplaced.push({ jobId: want.job.ID, kind: 'busy', code: 'NoNodes', reason: describeBusy(suitable, want, free) })
        break
      }
      free.set(node, subtractResources(free.get(node) ?? want.resources, want.resources))
      placements.push({ jobId: want.job.ID, partition, nodeId: node })
    }
  }
  return { placements, unplaced }
}

function byPriorityThenAge({ job: a }: Want, { job: b }: Want): number {
  return b.Priority - a.Priority || a.CreateTime - b.CreateTime
}

/** Nodes that could run the job when they have room, or why there is none. */
function findSuitable(want: Want, candidates: readonly Candidate[]): Candidate[] | { code: ErrorCode; reason: string } {
  if (candidates.length === 0) return { code: 'NoNodes', reason: 'no compute node is connected' }
  const suitable: Candidate[] = []
  const reasons = new Map<string, number>()
  const codes = new Set<ErrorCode>()
  for (const candidate of candidates) {
    const problem = mismatch(want.job, want.resources, candidate.info)
    const refusal = want.refusals.get(candidate.info.NodeID)
    if (problem === undefined && refusal === undefined) {
      suitable.push(candidate)
      continue
    }
    const reason = problem?.reason ?? `refused: ${refusal}`
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
    codes.add(problem?.code ?? 'NoNodes')
  }
  if (suitable.length > 0) return suitable
  const [code = 'NoNodes'] = codes.size === 1 ? codes : []
  return { code, reason: describeReasons(reasons, candidates.length) }
}

function describeReasons(reasons: ReadonlyMap<string, number>, total: number): string {
  const parts = [...reasons].slice(0, 5).map(([reason, count]) => `${count} of ${total} ${reason}`)
  if (reasons.size > 5) parts.push(`and ${reasons.size - 5} more reasons`)
  return `no node can run the job (${total} connected): ${parts.join('; ')}`
}

/** The node with most room after taking one execution: work spreads out. */
function roomiest(
  suitable: readonly Candidate[],
  want: Want,
  free: ReadonlyMap<string, Resources>,
): string | undefined {
  let best: { id: string; room: number } | undefined
  for (const { info } of suitable) {
    const left = free.get(info.NodeID)
    if (left === undefined || want.paused.has(info.NodeID) || !fits(want.resources, left)) continue
    const room = roomLeft(left, info.ComputeNodeInfo.MaxCapacity)
    if (best === undefined || room > best.room) best = { id: info.NodeID, room }
  }
  return best?.id
}

/** Free share of the scarcer of processors and memory, 0 to 1. */
function roomLeft(left: Resources, total: Resources): number {
  const share = (part: number, whole: number) => (whole === 0 ? 0 : part / whole)
  return Math.min(share(left.CPU, total.CPU), share(left.Memory, total.Memory))
}

function describeBusy(suitable: readonly Candidate[], want: Want, free: ReadonlyMap<string, Resources>): string {
  const nodes = suitable.length === 1 ? '1 node matches' : `${suitable.length} nodes match`
  const lacks = suitable.map(({ info }) => lacking(want.resources, free.get(info.NodeID) ?? want.resources).join(', '))
  const [first = ''] = lacks
  if (first !== '' && lacks.every((text) => text === first)) return `${nodes}, but lacks ${first} at the moment`
  return `${nodes}, but has no room at the moment`
}
