import { LIMITS } from '../runtime/limits.ts'
import type { Store } from '../store/store.ts'
import type { Outbox } from './outbox.ts'
import { parcelKey, parcelPrefix, parcelRowSchema, parseParcelKey, type Role } from './postbox-rows.ts'

/** Rows read at once; a row has about `LIMITS.linkParcel` bytes. */
const PAGE = 8

/**
 * For a peer that is away only as much is kept in memory as it can be sent at once when it is back. Lets go of the messages
 * beyond that in the parcels above `after`, as far as they are in the store, that is up to `stored`.
 */
export function unloadBeyondWindow(outbox: Outbox<unknown>, after: number, stored: number): void {
  if (outbox.backlog.bytes <= LIMITS.linkWindow) return
  let bytes = after === 0 ? 0 : LIMITS.linkWindow
  for (const parcel of outbox.after(after)) {
    bytes += parcel.bytes
    if (bytes > LIMITS.linkWindow && parcel.seq <= stored) outbox.unload(parcel.seq)
  }
}

/** Reads the next messages that are in the store only. False when the store does not have them. */
export async function loadPage<M>(outbox: Outbox<M>, store: Store, role: Role, peer: string): Promise<boolean> {
  const missing = outbox.after(0).find(({ messages }) => messages === undefined)
  if (missing === undefined) return true
  const prefix = parcelPrefix(role, peer)
  const after = parcelKey(role, peer, missing.seq - 1)
  for (const { key, value } of await store.range('link-out', { prefix, after, limit: PAGE })) {
    const row = parcelRowSchema.safeParse(value)
    if (row.success) outbox.load(parseParcelKey(key).seq, row.data.messages as M[])
  }
  // It may have been acknowledged meanwhile.
  const found = outbox.at(missing.seq)
  return found === undefined || found.messages !== undefined
}
