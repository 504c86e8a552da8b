import { z } from 'zod'
import { BacalhauError } from '../../runtime/error.ts'
import { parseCid } from '../cid.ts'
import { SCOPES, type Selection } from '../selection.ts'

/**
 * Asks a peer for content. One request for each stream: we send the request as JSON and close our side; the peer answers
 * with one byte, and to `blocks` with a CAR version 1 after it if the byte is `found`. The CAR holds the blocks of the
 * selection (`selection.ts`) in order, without the first `skip` of them.
 */
export const CAR_PROTOCOL = '/bacalhau/car/1.0.0'

export const ANSWER = { missing: 0, found: 1, busy: 2 } as const

export interface CarRequest {
  /** `have` asks only whether the peer holds all of the selection. */
  readonly want: 'have' | 'blocks'
  readonly selection: Selection
  readonly skip: number
}

export const MAX_REQUEST_BYTES = 16 * 1024

const requestSchema = z.object({
  want: z.enum(['have', 'blocks']),
  cid: z.string().max(256),
  path: z.array(z.string().min(1).max(1_024)).max(256).default([]),
  scope: z.enum(SCOPES).default('all'),
  skip: z.number().int().min(0).default(0),
})

export function encodeCarRequest({ want, selection, skip }: CarRequest): Uint8Array {
  const { cid, path, scope } = selection
  return Buffer.from(JSON.stringify({ want, cid: cid.toString(), path, scope, skip }))
}

/** Throws `BadRequest` or `InvalidCid`. */
export function decodeCarRequest(bytes: Uint8Array): CarRequest {
  let json: unknown
  try {
    json = JSON.parse(Buffer.from(bytes).toString())
  } catch (cause) {
    throw new BacalhauError('BadRequest', 'The request is not JSON.', { cause })
  }
  const parsed = requestSchema.safeParse(json)
  if (!parsed.success) throw new BacalhauError('BadRequest', z.prettifyError(parsed.error))
  const { want, cid, path, scope, skip } = parsed.data
  return { want, skip, selection: { cid: parseCid(cid), path, scope } }
}
