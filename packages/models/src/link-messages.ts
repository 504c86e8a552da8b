import { z } from 'zod'
import { nodeInfoSchema } from './node-info.ts'
import { jobSchema, runOutputSchema } from './records.ts'
import { resourcesSchema } from './resources.ts'
import { specConfigSchema } from './spec-config.ts'

/**
 * What an orchestrator and a compute node say to each other over a link. The peer is known from the connection, so no message
 * names its sender; a message about an execution counts only from the node that holds it.
 */

/** Versions of this vocabulary that this program speaks, best first. */
export const LINK_VERSIONS = [1] as const

const id = z.string().min(1).max(128)
const words = z.string().max(16_384)

/** An execution that a compute node knows at the time of the handshake. */
const heldSchema = z.strictObject({ executionId: id, state: z.int().min(0).max(11) })

export const helloSchema = z.strictObject({
  type: z.literal('hello'),
  versions: z.array(z.int()).min(1).max(16),
  node: nodeInfoSchema,
  /** Secret that approves the node, from the join line. */
  joinToken: z.string().max(256).optional(),
  /** Changes when the compute node's store was lost. */
  storeGeneration: id,
  held: z.array(heldSchema).max(100_000),
})

export const computeMessageSchema = z.discriminatedUnion('type', [
  helloSchema,
  z.strictObject({ type: z.literal('heartbeat'), node: nodeInfoSchema.optional() }),
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
    state: z.literal([6, 7]),
    message: words.optional(),
  }),
  z.strictObject({ type: z.literal('completed'), executionId: id, output: runOutputSchema, result: specConfigSchema }),
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
export type ComputeMessage = z.infer<typeof computeMessageSchema>

/** What a compute node is asked to run. */
export const offerSchema = z.strictObject({
  type: z.literal('offer'),
  executionId: id,
  job: jobSchema,
  partitionIndex: z.int().nonnegative(),
  resources: resourcesSchema,
})
export type Offer = z.infer<typeof offerSchema>

export const orchestratorMessageSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('welcome'),
    version: z.int(),
    membership: z.enum(['PENDING', 'APPROVED', 'REJECTED']),
    /** What the operator of the compute node should do, when it is not approved. */
    message: words,
  }),
  z.strictObject({ type: z.literal('heartbeat') }),
  offerSchema,
  z.strictObject({ type: z.literal('cancel'), executionId: id, reason: words }),
  /** The end of an execution is recorded; the compute node may forget it. */
  z.strictObject({ type: z.literal('settled'), executionId: id }),
])
export type OrchestratorMessage = z.infer<typeof orchestratorMessageSchema>
