import { parseRecord, type SpecConfig } from '@bacalhau/models'
import { z } from 'zod'

const milliseconds = z.number().nonnegative()

/**
 * What the table `kept` says of one result. Rows that wait for their content are under `open/<job>/<execution>`; when they have
 * come to an end, whichever, under `<job>/<execution>`. A row `gone/<job>` says that a job's results are being let go.
 */
const keptRowSchema = z.strictObject({
  cid: z.string().min(1).max(128),
  /** The node that published it. */
  node: z.string(),
  state: z.enum(['wanted', 'kept', 'given-up']),
  /** Tries so far. */
  attempts: z.int().nonnegative(),
  /** How large it is, once that is known. */
  bytes: z.number().nonnegative(),
  /** When the execution completed, and when the next try is due: milliseconds since the epoch. */
  since: milliseconds,
  next: milliseconds,
  /** Why the last try failed. */
  reason: z.string().optional(),
})
export type KeptRow = z.infer<typeof keptRowSchema>

export const OPEN = 'open/'
export const GONE = 'gone/'

/** The pin of all results of a job. */
export const pinOf = (jobId: string): string => `job/${jobId}`

export const keyOf = (jobId: string, executionId: string): string => `${jobId}/${executionId}`

/** A stored row; undefined for what is none. */
export function readRow(value: unknown): KeptRow | undefined {
  const parsed = parseRecord(keptRowSchema, value)
  return parsed.ok ? parsed.value : undefined
}

/** The CID of a result in IPFS, as its publisher tells it. */
export function cidOf({ Type, Params }: SpecConfig): string | undefined {
  const cid = Params?.['CID']
  return Type.toLowerCase() === 'ipfs' && typeof cid === 'string' && cid !== '' && cid.length <= 128 ? cid : undefined
}
