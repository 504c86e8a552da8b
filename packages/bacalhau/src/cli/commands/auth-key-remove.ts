import { clientKeysOf } from '../access/client-keys.ts'
import type { authKeyRemoveFlags } from '../catalogue/auth.ts'
import type { Invocation } from '../command.ts'
import { findNode } from '../connection.ts'
import { present } from '../present.ts'

export async function run({ args, flags, io, signal }: Invocation<typeof authKeyRemoveFlags>): Promise<number> {
  const keys = clientKeysOf((await findNode(io, flags)).options)
  const info = await keys.remove(args[0] ?? '', { signal })
  await present(io, flags, info, () => `Key ${info.ClientID} is not allowed any more.\n`)
  return 0
}
