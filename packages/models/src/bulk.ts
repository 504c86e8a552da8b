import { z } from 'zod'
import type { ApiErrorBody, PutJobResponse } from './api.ts'

/** Jobs of one bulk submission. */
export const MAX_BULK = 1_000

/** Several submissions at once: `Jobs` are what `Job` is in a single one. */
export const bulkRequestSchema = z.object({
  Jobs: z.array(z.unknown()).max(MAX_BULK),
  /** For jobs that name none. */
  Namespace: z.string().max(255).optional(),
  Force: z.boolean().optional(),
})

/** What became of each, in their order. */
export interface BulkResponse {
  readonly Items: readonly (PutJobResponse | { readonly Error: ApiErrorBody })[]
}
