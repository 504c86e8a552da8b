import path from 'node:path'
import { formatBytes } from '@bacalhau/models/units'
import { backupStore } from '../../store/backup.ts'
import type { storeBackupFlags } from '../catalogue/stores.ts'
import type { Invocation } from '../command.ts'
import { present } from '../present.ts'
import { storeHere } from '../store-here.ts'

export async function run({ args, io, flags }: Invocation<typeof storeBackupFlags>): Promise<number> {
  const store = await storeHere(io, flags)
  const file = path.resolve(io.cwd, args[0] ?? '')
  const { bytes, rows } = backupStore(store, file)
  const facts = { Store: store, File: file, Bytes: bytes, Rows: rows }
  await present(io, flags, facts, () => `${file}: ${rows} rows, ${formatBytes(bytes)}.\n`)
  return 0
}
