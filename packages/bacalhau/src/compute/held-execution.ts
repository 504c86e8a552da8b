import { computeMessageSchema } from '@bacalhau/models'
import { z } from 'zod'
import { isSafeId } from './execution-folder.ts'

/**
 * What this node remembers of an execution, from the moment it says "accepted" until the orchestrator says "settled". It is
 * written before anything is reported, so that a report can be repeated after a crash of either side.
 */
export const heldExecutionSchema = z.strictObject({
  executionId: z.string().refine(isSafeId),
  /** Peer ID of the orchestrator that offered it; nobody else may cancel it or read its output. */
  orchestrator: z.string(),
  /** How it ended, once it has. */
  report: computeMessageSchema
    .refine(({ type }) => type === 'completed' || type === 'failed' || type === 'cancelled', 'expected an end')
    .optional(),
})
export type HeldExecution = z.infer<typeof heldExecutionSchema>
