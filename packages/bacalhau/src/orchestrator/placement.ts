import { fits, type Job, type NodeInfo, type Resources, subtractResources } from '@bacalhau/models'
import type { ErrorCode } from '../runtime/error-catalogue.ts'
import { mismatch } from './matching.ts'

/** A node that may get work. */
export interface Candidate {
  readonly info: NodeInfo
  /** Is it connected? A node that is expected back is a reason to wait, but gets nothing. */
  readonly present: boolean
  /** What is not promised to anyone. */
  readonly free: Resources
  /** Bytes of offers that it may be sent before it answers. */
  readonly window: number
}

/** A job with executions to place, all of which are alike. */
export interface Want {
  readonly job: Job
  readonly resources: Resources
  /** Jobs of one shape are suitable for the same nodes and need the same room. */
  readonly shape: string
  readonly offerBytes: number
  /** Indexes of the partitions to place. */
  readonly partitions: Iterable<number>
  /** Nodes that refused this job for good, with their reasons. */
  readonly refusals: ReadonlyMap<string, string>
  /** Did the node say that it has no room for this shape at the moment? */
  readonly isPaused: (nodeId: string) => boolean
}

export interface Placement {
  readonly jobId: string
  readonly partition: number
  readonly nodeId: string
}

/** Why a job, or a part of it, was not placed. `busy`: wait for room. `impossible`: no node could ever run it, as they are now. */
export interface Unplaced {
  readonly kind: 'busy' | 'impossible'
  readonly code: ErrorCode
  readonly reason: string
}

/** What is left of a candidate in the course of a plan. */
interface Room {
  readonly node: Candidate
  free: Resources
  window: number
}

/**
 * Decides which executions go where. `wants` come in the order in which they are to be served; no node is promised more than
 * it has. A job that finds no room does not hold up those behind it, save those of its shape. Looks no further than it has to:
 * when all of the `shapes` that occur in `wants` are out of room, the rest of a long line is not even touched.
 */
export function plan(wants: Iterable<Want>, shapes: number, candidates: readonly Candidate[]): Placement[] {
  const rooms = candidates.filter(({ present }) => present).map((node): Room => ({ ...node, node }))
  const suitable = new Map<string, Room[]>()
  const exhausted = new Set<string>()
  const placements: Placement[] = []
  for (const want of wants) {
    if (exhausted.size >= shapes) break
    if (exhausted.has(want.shape)) continue
    const known = suitable.get(want.shape) ?? rooms.filter(({ node }) => suits(want, node))
    suitable.set(want.shape, known)
    // Refusals are the job's own: that it finds no room says nothing about others of its shape.
    const open = want.refusals.size === 0 ? known : known.filter(({ node }) => !want.refusals.has(node.info.NodeID))
    if (!placeAll(want, open, placements) && open === known) exhausted.add(want.shape)
  }
  return placements
}

const suits = (want: Want, { info }: Candidate): boolean => mismatch(want.job, want.resources, info) === undefined

/** Places as many of the partitions as find room; false when one did not. */
function placeAll(want: Want, rooms: readonly Room[], placements: Placement[]): boolean {
  for (const partition of want.partitions) {
    const room = roomiest(want, rooms)
    if (room === undefined) return false
    room.free = subtractResources(room.free, want.resources)
    room.window -= want.offerBytes
    placements.push({ jobId: want.job.ID, partition, nodeId: room.node.info.NodeID })
  }
  return true
}

/** The node with most room: work spreads out. */
function roomiest(want: Want, rooms: readonly Room[]): Room | undefined {
  let best: { readonly room: Room; readonly share: number } | undefined
  for (const room of rooms) {
    if (room.window <= 0 || !fits(want.resources, room.free) || want.isPaused(room.node.info.NodeID)) continue
    const share = freeShare(room.free, room.node.info.ComputeNodeInfo.MaxCapacity)
    if (best === undefined || share > best.share) best = { room, share }
  }
  return best?.room
}

/** Free share of the scarcer of processors and memory, 0 to 1. */
function freeShare(free: Resources, total: Resources): number {
  const share = (part: number, whole: number) => (whole === 0 ? 0 : part / whole)
  return Math.min(share(free.CPU, total.CPU), share(free.Memory, total.Memory))
}

/**
 * Why a job that a plan left waiting waits. The words depend on which nodes there are and not on how much room they have, so
 * that they stay the same from one plan to the next.
 */
export function explain(want: Want, candidates: readonly Candidate[]): Unplaced {
  if (candidates.length === 0) return { kind: 'impossible', code: 'NoNodes', reason: 'no compute node is connected' }
  const reasons = new Map<string, number>()
  const codes = new Set<ErrorCode>()
  let [suitable, present] = [0, 0]
  for (const candidate of candidates) {
    const problem = mismatch(want.job, want.resources, candidate.info)
    const refusal = want.refusals.get(candidate.info.NodeID)
    if (problem === undefined && refusal === undefined) {
      suitable += 1
      if (candidate.present) present += 1
      continue
    }
    const reason = problem?.reason ?? `refused: ${refusal}`
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
    codes.add(problem?.code ?? 'NoNodes')
  }
  if (suitable > 0) return busy(present > 0)
  const [code = 'NoNodes'] = codes.size === 1 ? codes : []
  return { kind: 'impossible', code, reason: describeReasons(reasons, candidates.length) }
}

function busy(present: boolean): Unplaced {
  const reason = present
    ? 'the nodes that can run the job have no room at the moment'
    : 'the nodes that can run the job are away at the moment'
  return { kind: 'busy', code: 'NoNodes', reason }
}

/** Reasons that are shown one by one. */
const MOST_REASONS = 5

function describeReasons(reasons: ReadonlyMap<string, number>, total: number): string {
  const parts = [...reasons].slice(0, MOST_REASONS).map(([reason, count]) => `${count} of ${total} ${reason}`)
  if (reasons.size > MOST_REASONS) parts.push(`and ${reasons.size - MOST_REASONS} more reasons`)
  return `no node can run the job: ${parts.join('; ')}`
}
