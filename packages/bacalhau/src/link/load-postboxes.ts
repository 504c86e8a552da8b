import { allRows } from '../store/all-rows.ts'
import { remove } from '../store/store.ts'
import { Postbox, type PostboxOptions } from './postbox.ts'
import { conversationRowSchema, parseParcelKey } from './postbox-rows.ts'

/** Parcels that are read at once: one may have half a thousand messages. */
const PARCELS = 16

/** The conversations that the store knows, with what waits in them. */
export async function loadPostboxes<Out>(options: PostboxOptions): Promise<Map<string, Postbox<Out>>> {
  const { role, store, logger } = options
  const boxes = new Map<string, Postbox<Out>>()
  for await (const { key, value } of allRows(store, 'link-in', { prefix: `${role}/` })) {
    const row = conversationRowSchema.safeParse(value)
    const peer = key.slice(role.length + 1)
    const box = new Postbox<Out>(peer, options, row.success ? row.data : undefined)
    if (!row.success) logger.error({ peer }, 'a conversation is not readable and begins anew')
    boxes.set(peer, box)
  }
  const orphans: string[] = []
  for await (const { key, value } of allRows(store, 'link-out', { prefix: `${role}/`, page: PARCELS })) {
    const { peer, seq } = parseParcelKey(key)
    const box = boxes.get(peer)
    if (box === undefined) orphans.push(key)
    else box.restore(seq, value)
  }
  if (orphans.length > 0) await store.commit(orphans.map((key) => remove('link-out', key)))
  return boxes
}
