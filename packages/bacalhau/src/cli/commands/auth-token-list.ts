import type { TokenInfo } from '@bacalhau/models'
import { grantColumns } from '../access/grant-text.ts'
import type { authTokenListFlags } from '../catalogue/auth.ts'
import type { Invocation } from '../command.ts'
import { connect } from '../connection.ts'
import { column, presentTable, type TableColumn } from '../present-table.ts'
import { plainLine } from '../terminal/plain.ts'

export async function run({ flags, io, signal }: Invocation<typeof authTokenListFlags>): Promise<number> {
  const client = await connect(io, flags)
  const now = io.clock.now()
  const columns: readonly TableColumn<TokenInfo>[] = [
    column('ID', ({ ID }) => plainLine(ID)),
    ...grantColumns,
    column('EXPIRES', ({ ExpiresAt }) => expiryText(ExpiresAt, now)),
  ]
  const none = 'No tokens yet. Make one: bacalhau auth token create\n'
  await presentTable(io, flags, await client.tokens.list({ signal }), columns, none)
  return 0
}

function expiryText(expiresAt: string | undefined, now: number): string {
  if (expiresAt === undefined) return 'never'
  return Date.parse(expiresAt) <= now ? 'has expired' : plainLine(expiresAt.slice(0, 16).replace('T', ' '))
}
