import { jobSchema, resourcesSchema, specConfigSchema } from '@bacalhau/models'
import { z } from 'zod'

/**
 * How far an execution of a Go requester is, as far as it has to survive a crash:
 *
 *     asked ─► bid ─► ordered ─► held ─► (the end)          without approval: asked ─► ordered
 *                        └────────┴─► dropped               the requester does not want it any more
 *                                 held ─► proposed ─► published     before release 1.0.4, which looked at results first
 */
export const PHASES = ['asked', 'bid', 'ordered', 'held', 'dropped', 'proposed', 'published'] as const
export type Phase = (typeof PHASES)[number]

/** A row of the table `go-taken`, by execution id. */
export const takenSchema = z.strictObject({
  /** Peer ID of the requester, and where it was seen: multiaddrs to call it back at. */
  requester: z.string().min(1),
  addresses: z.array(z.string()),
  jobId: z.string(),
  /** Of the messages: `b` before release 1.0.4. */
  generation: z.enum(['b', 'c']),
  phase: z.enum(PHASES),
  /** Does the requester choose among bids? Otherwise an ask is an order. */
  approval: z.boolean(),
  /** Until our compute node holds it. */
  offer: z.strictObject({ job: jobSchema, resources: resourcesSchema }).optional(),
  /** Why it will not be done, as soon as that is clear. */
  refusal: z.string().optional(),
  /** What was published, until the requester has accepted it. */
  result: specConfigSchema.optional(),
  /** Unix time in milliseconds. */
  since: z.number(),
})
export type Taken = z.infer<typeof takenSchema>

/** States by which the releases call them in answers. */
export type GoState = 'Created' | 'BidAccepted' | 'Running' | 'Publishing' | 'Completed' | 'Failed' | 'Cancelled'
