import { parseRecord } from '@bacalhau/models'
import type { z } from 'zod'
import { BacalhauError } from '../../runtime/error.ts'
import type { Store, Table } from '../../store/store.ts'

const PAGE = 1_000

/** All rows of a small table. Throws `StoreCorrupt` for one that cannot be read: who may call is not to be guessed. */
export async function loadRecords<T extends z.ZodType>(store: Store, table: Table, schema: T): Promise<z.output<T>[]> {
  const records: z.output<T>[] = []
  for (let after = ''; ;) {
    const rows = await store.range(table, { limit: PAGE, ...(after === '' ? {} : { after }) })
    for (const { key, value } of rows) {
      const parsed = parseRecord(schema, value)
      if (!parsed.ok) throw new BacalhauError('StoreCorrupt', `row ${key} of table ${table} cannot be read`)
      records.push(parsed.value)
      after = key
    }
    if (rows.length < PAGE) return records
  }
}
