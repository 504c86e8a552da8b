import { z } from 'zod'
import {
  jobV1Schema,
  nodeInfoV1Schema,
  resourcesV1Schema,
  resultV1Schema,
  runOutputV1Schema,
} from './link-records-v1.ts'

/**
 * Version 1 of what an orchestrator and a compute node say to each other, kept for nodes that have not been updated yet: one
 * offer a message, and reports that are repeated at every handshake until the orchestrator says `settled`. Nothing is ever
 * added here; version 2 is in `link-messages.ts`. Peers of that version refuse what they do not know: a message goes out as
 * these schemas read it, without what has been added to its records since.
 */

const id = z.string().min(1).max(128)
const words = z.string().max(16_384)

/** An execution that a compute node knows at the time of the handshake. */
const heldSchema = z.strictObject({ executionId: id, state: z.int().min(0).max(11) })

export const helloV1Schema = z.strictObject({
  type: z.literal('hello'),
  versions: z.array(z.int()).min(1).max(16),
  node: nodeInfoV1Schema,
  /** Secret that approves the node, from the join line. */
  joinToken: z.string().max(256).optional(),
  /** Changes when the compute node's store was lost. */
  storeGeneration: id,
  held: z.array(heldSchema).max(100_000),
})

export const computeMessageV1Schema = z.discriminatedUnion('type', [
  helloV1Schema,
  z.strictObject({ type: z.literal('heartbeat'), node: nodeInfoV1Schema.optional() }),
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
  z.strictObject({ type: z.literal('completed'), executionId: id, output: runOutputV1Schema, result: resultV1Schema }),
  z.strictObject({
    type: z.literal('failed'),
    executionId: id,
    code: z.string().max(64),
    message: words,
    hint: words.optional(),
    output: runOutputV1Schema.optional(),
    /** Partial output, where it could be published. */
    result: resultV1Schema.optional(),
  }),
  z.strictObject({ type: z.literal('cancelled'), executionId: id, message: words }),
])
export type ComputeMessageV1 = z.infer<typeof computeMessageV1Schema>

/** What a compute node is asked to run. */
export const offerV1Schema = z.strictObject({
  type: z.literal('offer'),
  executionId: id,
  job: jobV1Schema,
  partitionIndex: z.int().nonnegative(),
  resources: resourcesV1Schema,
})

export const orchestratorMessageV1Schema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('welcome'),
    version: z.int(),
    membership: z.enum(['PENDING', 'APPROVED', 'REJECTED']),
    /** What the operator of the compute node should do, when it is not approved. */
    message: words,
  }),
  z.strictObject({ type: z.literal('heartbeat') }),
  offerV1Schema,
  z.strictObject({ type: z.literal('cancel'), executionId: id, reason: words }),
  /** The end of an execution is recorded; the compute node may forget it. */
  z.strictObject({ type: z.literal('settled'), executionId: id }),
])
export type OrchestratorMessageV1 = z.infer<typeof orchestratorMessageV1Schema>
