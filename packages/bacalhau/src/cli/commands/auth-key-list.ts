import type { ClientKeyInfo } from '@bacalhau/models'
import { clientKeysOf } from '../access/client-keys.ts'
import { grantColumns } from '../access/grant-text.ts'
import type { authKeyListFlags } from '../catalogue/auth.ts'
import type { Invocation } from '../command.ts'
import { findNode } from '../connection.ts'
import { column, presentTable, type TableColumn } from '../present-table.ts'

const COLUMNS: readonly TableColumn<ClientKeyInfo>[] = [
  column('CLIENT ID', ({ ClientID }) => ClientID),
  ...grantColumns,
]

export async function run({ flags, io, signal }: Invocation<typeof authKeyListFlags>): Promise<number> {
  const keys = clientKeysOf((await findNode(io, flags)).options)
  const none = 'No client keys are allowed yet. Allow one: bacalhau auth key allow <client id>\n'
  await presentTable(io, flags, await keys.list({ signal }), COLUMNS, none)
  return 0
}
