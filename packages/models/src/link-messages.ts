import { z } from 'zod'
import { nodeInfoSchema } from './node-info.ts'
import { jobSchema, runOutputSchema } from './records.ts'
import { resourcesSchema } from './resources.ts'
import { specConfigSchema } from './spec-config.ts'

/**
 * What an orchestrator and a compute node say to each other over a link, version 3. The peer is known from the connection, so
 * no message names its sender; a message about an execution counts only from the node that holds it.
 *
 * Orders and reports are durable: they travel in numbered parcels, each of which takes effect exactly once and in order,
 * whatever breaks. The rest belongs to one session of the link and is forgotten with it.
 */

/** Versions of this vocabulary that this program speaks, best first. */
export const LINK_VERSIONS = [3, 2, 1] as const

/** Messages of one parcel, and executions of one offer. */
export const MAX_PARCEL_MESSAGES = 512
export const MAX_OFFERED_EXECUTIONS = 512
/** Characters that say how far an execution is before it runs. */
export const MAX_PREPARING = 256

const id = z.string().min(1).max(128)
const words = z.string().max(16_384)

/** Executions of one job that a compute node is asked to run, each with what `resources` says. */
export const offerSchema = z.strictObject({
  type: z.literal('offer'),
  job: jobSchema,
  resources: resourcesSchema,
  executions: z
    .array(z.strictObject({ id, partition: z.int().nonnegative() }))
    .min(1)
    .max(MAX_OFFERED_EXECUTIONS),
})
export type Offer = z.infer<typeof offerSchema>

export const orderMessageSchema = z.discriminatedUnion('type', [
  offerSchema,
  z.strictObject({ type: z.literal('cancel'), executionId: id, reason: words }),
])
/** What an orchestrator asks of a compute node. */
export type OrderMessage = z.infer<typeof orderMessageSchema>

export const reportMessageSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('accepted'), executionId: id }),
  z.strictObject({
    type: z.literal('refused'),
    executionId: id,
    reason: words,
    /** Would the same offer be taken later, when there is room again? */
    later: z.boolean(),
  }),
  z.strictObject({
    type: z.literal('progress'),
    executionId: id,
    /** Running or publishing. */
    state: z.literal([6, 7]),
    message: words.optional(),
  }),
  z.strictObject({
    type: z.literal('completed'),
    executionId: id,
    output: runOutputSchema.nullable(),
    result: specConfigSchema,
    /** How long the run took, on the compute node's clock. */
    milliseconds: z.number().nonnegative().optional(),
  }),
  z.strictObject({
    type: z.literal('failed'),
    executionId: id,
    code: z.string().max(64),
    message: words,
    hint: words.optional(),
    output: runOutputSchema.optional(),
    /** Partial output, where it could be published. */
    result: specConfigSchema.optional(),
  }),
  z.strictObject({ type: z.literal('cancelled'), executionId: id, message: words }),
])
/** What a compute node says of an execution. */
export type ReportMessage = z.infer<typeof reportMessageSchema>
/** The last that is said of an execution. */
export type FinalReport = Extract<ReportMessage, { type: 'completed' | 'failed' | 'cancelled' }>

/** Numbers of parcels begin at 1 in each direction of each conversation; 0 stands for none. */
const sequence = z.int().nonnegative()
/** Tells apart what two lives of one sender wrote under the same number. */
const mark = z.string().max(64)

/** The last parcel that took effect, durably. */
export const receiptSchema = z.strictObject({ seq: sequence, mark })
export type Receipt = z.infer<typeof receiptSchema>

/** What a side says of a conversation when a link begins: its name, and how far the other side has been heard. */
export const conversationSchema = z.strictObject({ id, received: receiptSchema })
export type ConversationClaim = z.infer<typeof conversationSchema>

/** An execution that a compute node knows at the time of the handshake. */
const heldSchema = z.strictObject({ executionId: id, state: z.int().min(0).max(11) })
export type HeldExecution = z.infer<typeof heldSchema>

export const helloSchema = z.strictObject({
  type: z.literal('hello'),
  node: nodeInfoSchema,
  /** Secret that approves the node, from the join line. */
  joinToken: z.string().max(256).optional(),
  /** Changes when the compute node's store was lost. */
  storeGeneration: id,
  held: z.array(heldSchema).max(100_000),
  /** The conversation that the node would go on with; missing when it knows none. */
  conversation: conversationSchema.optional(),
})
export type Hello = z.infer<typeof helloSchema>

const ackSchema = z.strictObject({ type: z.literal('ack'), seq: sequence })
const parcelSchema = <T extends z.ZodType>(message: T) =>
  z.strictObject({
    type: z.literal('parcel'),
    seq: sequence.min(1),
    mark,
    messages: z.array(message).min(1).max(MAX_PARCEL_MESSAGES),
  })

export const computeMessageSchema = z.discriminatedUnion('type', [
  helloSchema,
  z.strictObject({ type: z.literal('heartbeat'), node: nodeInfoSchema.optional() }),
  parcelSchema(reportMessageSchema),
  /**
   * What is being fetched before an execution can run, and how far that is, for people to read. Not a report: only the newest
   * is of interest, nothing follows from it, and it ends with the session.
   */
  z.strictObject({ type: z.literal('preparing'), executionId: id, message: z.string().max(MAX_PREPARING) }),
  /** Every parcel up to this number has taken effect, durably. */
  ackSchema,
])
export type ComputeMessage = z.infer<typeof computeMessageSchema>

export const welcomeSchema = z.strictObject({
  type: z.literal('welcome'),
  membership: z.enum(['PENDING', 'APPROVED', 'REJECTED']),
  /** What the operator of the compute node should do, when it is not approved. */
  message: words,
  /** Changes when the orchestrator's store was lost. */
  storeGeneration: id,
  /** Present when the node is approved. The node's own one is resumed; with another one both sides begin at number 1. */
  conversation: conversationSchema.optional(),
})
export type Welcome = z.infer<typeof welcomeSchema>

export const orchestratorMessageSchema = z.discriminatedUnion('type', [
  /** Answers the hello, and comes again whenever the membership changes. */
  welcomeSchema,
  z.strictObject({ type: z.literal('heartbeat') }),
  parcelSchema(orderMessageSchema),
  ackSchema,
])
export type OrchestratorMessage = z.infer<typeof orchestratorMessageSchema>
