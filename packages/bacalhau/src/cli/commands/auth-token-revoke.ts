import type { authTokenRevokeFlags } from '../catalogue/auth.ts'
import type { Invocation } from '../command.ts'
import { connect } from '../connection.ts'
import { present } from '../present.ts'
import { plainLine } from '../terminal/plain.ts'

export async function run({ args, flags, io, signal }: Invocation<typeof authTokenRevokeFlags>): Promise<number> {
  const client = await connect(io, flags)
  const revoked = await client.tokens.revoke(args[0] ?? '', { signal })
  await present(io, flags, revoked, () => `Token ${plainLine(revoked.ID)} is revoked.\n`)
  return 0
}
