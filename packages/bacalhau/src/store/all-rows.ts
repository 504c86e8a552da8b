import type { Row, Store, Table } from './store.ts'

const PAGE = 1_000

/** The rows of a table, or those whose keys begin with `prefix`, `page` of them in memory at a time. */
export async function* allRows(
  store: Pick<Store, 'range'>,
  table: Table,
  { prefix = '', page = PAGE }: { readonly prefix?: string; readonly page?: number } = {},
): AsyncGenerator<Row, void> {
  for (let after: string | undefined; ;) {
    const rows = await store.range(table, { prefix, limit: page, ...(after === undefined ? {} : { after }) })
    yield* rows
    after = rows.at(-1)?.key
    if (rows.length < page) return
  }
}
