import { clientKeysOf } from '../access/client-keys.ts'
import { namespacesText } from '../access/grant-text.ts'
import type { authKeyAllowFlags } from '../catalogue/auth.ts'
import type { Invocation } from '../command.ts'
import { findNode } from '../connection.ts'
import { present } from '../present.ts'

export async function run({ args, flags, io, signal }: Invocation<typeof authKeyAllowFlags>): Promise<number> {
  const { name, scope, namespace } = flags
  const keys = clientKeysOf((await findNode(io, flags)).options)
  const request = {
    ClientID: args[0] ?? '',
    ...(name === undefined ? {} : { Name: name }),
    ...(scope === undefined ? {} : { Scope: scope }),
    ...(namespace.length === 0 ? {} : { Namespaces: [...namespace] }),
  }
  const info = await keys.allow(request, { signal })
  const { ClientID, Scope } = info
  await present(io, flags, info, () => `Key ${ClientID} may ${Scope}, namespaces: ${namespacesText(info)}.\n`)
  return 0
}
