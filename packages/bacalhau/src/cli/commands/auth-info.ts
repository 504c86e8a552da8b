import { createClient } from '@bacalhau/client'
import type { authInfoFlags } from '../catalogue/auth.ts'
import type { Invocation } from '../command.ts'
import { findNode } from '../connection.ts'
import { present } from '../present.ts'
import { plainLine } from '../terminal/plain.ts'
import { formatFields } from '../terminal/table.ts'

export async function run({ flags, io, signal }: Invocation<typeof authInfoFlags>): Promise<number> {
  const { options, credentialOrigin } = await findNode(io, flags)
  const { Name, Kind, Capabilities, Namespaces } = await createClient(options).tokens.whoami({ signal })
  const info = { Node: options.baseUrl, Credential: credentialOrigin ?? 'none', Name, Kind, Capabilities, Namespaces }
  await present(io, flags, info, () =>
    formatFields([
      ['Node', plainLine(info.Node)],
      ['Credential', plainLine(info.Credential)],
      ['Taken for', `${plainLine(Name)} (${Kind})`],
      ['May', plainLine(Capabilities.join(', ')) || 'nothing'],
      ['Namespaces', Namespaces === undefined ? 'all' : plainLine(Namespaces.join(', '))],
    ]),
  )
  return 0
}
