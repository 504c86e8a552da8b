import type { HeldExecution, Membership, NodeInfo, OrderMessage, ReportMessage } from '@bacalhau/models'
import type { Clock } from '../runtime/clock.ts'
import type { Stoppable } from '../runtime/lifecycle.ts'
import type { Logger } from '../runtime/logger.ts'
import type { Random } from '../runtime/random.ts'
import type { Journal } from '../store/journal.ts'
import type { Store } from '../store/store.ts'
import type { ComputeChannel, OrchestratorChannel } from './link-protocol.ts'

/**
 * Where a role leaves messages for its peers and gets theirs. Each pair has a *conversation*: messages are delivered exactly
 * once and in order, across the end of links and crashes of either side, for as long as both sides remember it. Where one
 * does not (a lost or restored store), the conversation begins anew and the roles settle the difference.
 */
export interface PostOffice<Out> {
  /** Leaves a message, as part of the present unit of the journal. It is read-only from now on. */
  post(peer: string, message: Out): void
  /** What was posted to `peer` and is not acknowledged. Costs nothing. */
  backlog(peer: string): Backlog
  /** With whom there is a conversation. */
  peers(): string[]
  /** Drops the conversation in the present unit, and ends the link if there is one. */
  forget(peer: string): void
}

export interface Backlog {
  readonly messages: number
  readonly bytes: number
}

/** What an orchestrator decides about a node. */
export type Verdict = Exclude<Membership, 'UNKNOWN'>

export interface OfficeOptions {
  readonly store: Store
  readonly journal: Pick<Journal, 'record' | 'recordSoon' | 'after'>
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** Changes when the store of this node was lost. */
  readonly storeGeneration: string
}

/** A node that presents itself, as its link shows it and as it says itself. */
export interface Applicant {
  readonly peer: string
  readonly sameMachine: boolean
  readonly joinToken?: string
  readonly node: NodeInfo
}

export interface Connected {
  readonly node: NodeInfo
  readonly membership: Verdict
  /** The conversation goes on where it was: nothing else has to be settled. Otherwise `held` says what the node knows. */
  readonly resumed: boolean
  readonly held: readonly HeldExecution[]
  /** The store of the node is not the one that it had before. */
  readonly wiped: boolean
}

/**
 * What the orchestrator does with what nodes say. All of it is called synchronously, and what it records in the journal
 * becomes durable together with the number of the parcel that caused it. None of it may throw; a fault is logged, and the
 * message counts as delivered.
 */
export interface OrchestratorHandler {
  admit(applicant: Applicant): { membership: Verdict; message: string }
  onConnected(peer: string, event: Connected): void
  /** An approved node has heard its welcome. Until then it may be one that can speak and not hear. */
  onAnswered(peer: string): void
  /** The node beats, and says what it is when that has changed. */
  onInfo(peer: string, node: NodeInfo | undefined): void
  /** From an approved node only. */
  onReport(peer: string, report: ReportMessage): void
  /** How far an execution is before it runs, for people to read. From an approved node only; nothing else follows from it. */
  onPreparing(peer: string, executionId: string, message: string): void
  /** The link of a node that was connected has ended, with the error that broke it, if any. */
  onDisconnected(peer: string, error: Error | undefined): void
}

export interface OrchestratorOffice extends PostOffice<OrderMessage>, Stoppable {
  /** Takes a link that a compute node has opened. */
  attach(channel: OrchestratorChannel): void
  disconnect(peer: string, reason: string): void
  /**
   * The membership of a node has changed. From now on nothing of one that is not approved is taken. The node, if it is
   * connected, is told when the present unit is durable, after what was posted before.
   */
  welcome(peer: string, membership: Verdict, message: string): void
}

/** What the compute node does with what orchestrators say; the rules are those of `OrchestratorHandler`. */
export interface ComputeHandler {
  /** Executions of this orchestrator that this node knows. */
  held(orchestrator: string): HeldExecution[]
  onOrder(orchestrator: string, message: OrderMessage): void
  onMembership(orchestrator: string, membership: Verdict, message: string): void
}

export interface ComputeOffice extends PostOffice<ReportMessage>, Stoppable {
  /** Presents this node over a link that it has opened. */
  attach(channel: ComputeChannel): LinkSession
  /** This node's description has changed: tells all orchestrators. */
  refresh(): void
  /** Says how far an execution is before it runs: to an orchestrator that has approved this node and is there now, or to nobody. */
  prepares(peer: string, executionId: string, message: string): void
}

/** One link of a compute node to an orchestrator. */
export interface LinkSession {
  /** Resolves when the link has ended, with the error that broke it, if any. */
  readonly ended: Promise<Error | undefined>
  /** Tells the orchestrator that this node's description has changed. */
  refresh(): void
  close(): void
}
