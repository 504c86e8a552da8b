import { formatBytes } from '@bacalhau/models/units'
import { checkStore } from '../../store/backup.ts'
import type { storeCheckFlags } from '../catalogue/stores.ts'
import type { Invocation } from '../command.ts'
import { present } from '../present.ts'
import { storeHere } from '../store-here.ts'
import { plainText } from '../terminal/plain.ts'

export async function run({ io, flags }: Invocation<typeof storeCheckFlags>): Promise<number> {
  const store = await storeHere(io, flags)
  const { bytes, rows, layout, problems } = checkStore(store)
  const facts = { Store: store, Bytes: bytes, Layout: layout, Rows: rows, Problems: problems }
  await present(io, flags, facts, () =>
    problems.length === 0
      ? `${store} is sound: ${rows} rows, ${formatBytes(bytes)}.\n`
      : `${store} is damaged:\n${problems.map((problem) => `  ${plainText(problem)}\n`).join('')}`,
  )
  return problems.length === 0 ? 0 : 1
}
