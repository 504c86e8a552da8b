import { computeMessageSchema, offerSchema } from '@bacalhau/models'
import { z } from 'zod'

/**
 * What this node remembers of an execution, from the moment it says "accepted" until the orchestrator says "settled". It is
 * written before anything is reported, so that a report can be repeated after a crash of either side.
 */
export const heldExecutionSchema = z.strictObject({
  executionId: z.string(),
  /** Peer ID of the orchestrator that offered it; nobody else may cancel it or read its output. */
  orchestrator: z.string(),
  offer: offerSchema,
  /** How it ended, once it has. */
  report: computeMessageSchema.optional(),
})
export type HeldExecution = z.infer<typeof heldExecutionSchema>
