import { remove, type Row, type Store, type Table } from '../store/store.ts'
import { Postbox, type PostboxOptions } from './postbox.ts'
import { conversationRowSchema, parseParcelKey } from './postbox-rows.ts'

/** Rows of a table that are read at once. */
const PAGE = { 'link-in': 500, 'link-out': 16 } as const

/** The conversations that the store knows, with what waits in them. */
export async function loadPostboxes<Out>(options: PostboxOptions): Promise<Map<string, Postbox<Out>>> {
  const { role, store, logger } = options
  const boxes = new Map<string, Postbox<Out>>()
  for await (const { key, value } of rows(store, 'link-in', `${role}/`)) {
    const row = conversationRowSchema.safeParse(value)
    const peer = key.slice(role.length + 1)
    const box = new Postbox<Out>(peer, options, row.success ? row.data : undefined)
    if (!row.success) logger.error({ peer }, 'a conversation is not readable and begins anew')
    boxes.set(peer, box)
  }
  const orphans: string[] = []
  for await (const { key, value } of rows(store, 'link-out', `${role}/`)) {
    const { peer, seq } = parseParcelKey(key)
    const box = boxes.get(peer)
    if (box === undefined) orphans.push(key)
    else box.restore(seq, value)
  }
  if (orphans.length > 0) await store.commit(orphans.map((key) => remove('link-out', key)))
  return boxes
}

async function* rows(store: Store, table: Table & keyof typeof PAGE, prefix: string): AsyncGenerator<Row> {
  for (let after: string | undefined; ;) {
    const page = await store.range(table, { prefix, limit: PAGE[table], ...(after === undefined ? {} : { after }) })
    yield* page
    after = page.at(-1)?.key
    if (page.length < PAGE[table]) return
  }
}
