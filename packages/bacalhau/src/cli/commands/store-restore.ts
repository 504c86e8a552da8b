import path from 'node:path'
import { STORE_GENERATION } from '../../node/node-facts.ts'
import { restoreStore } from '../../store/backup.ts'
import type { storeRestoreFlags } from '../catalogue/stores.ts'
import type { Invocation } from '../command.ts'
import { present } from '../present.ts'
import { storeHere } from '../store-here.ts'

export async function run({ args, io, flags }: Invocation<typeof storeRestoreFlags>): Promise<number> {
  const store = await storeHere(io, flags)
  const { report, former } = restoreStore(path.resolve(io.cwd, args[0] ?? ''), store, [STORE_GENERATION])
  const facts = { Store: store, Rows: report.rows, ...(former === undefined ? {} : { Former: former }) }
  const kept = former === undefined ? '' : `The former store is kept as ${former}.\n`
  await present(io, flags, facts, () => `${store} is restored: ${report.rows} rows.\n${kept}`)
  return 0
}
