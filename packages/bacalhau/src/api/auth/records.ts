import { parseRecord } from '@bacalhau/models'
import type { z } from 'zod'
import { BacalhauError } from '../../runtime/error.ts'
import { allRows } from '../../store/all-rows.ts'
import type { Store, Table } from '../../store/store.ts'

/** All rows of a small table. Throws `StoreCorrupt` for one that cannot be read: who may call is not to be guessed. */
export async function loadRecords<T extends z.ZodType>(store: Store, table: Table, schema: T): Promise<z.output<T>[]> {
  const records: z.output<T>[] = []
  for await (const { key, value } of allRows(store, table)) {
    const parsed = parseRecord(schema, value)
    if (!parsed.ok) throw new BacalhauError('StoreCorrupt', `row ${key} of table ${table} cannot be read`)
    records.push(parsed.value)
  }
  return records
}
