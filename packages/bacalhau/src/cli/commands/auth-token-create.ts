import { readSpan } from '../access/span.ts'
import type { authTokenCreateFlags } from '../catalogue/auth.ts'
import type { Invocation } from '../command.ts'
import { connect } from '../connection.ts'
import { isForPrograms, present } from '../present.ts'

export async function run({ flags, io, signal }: Invocation<typeof authTokenCreateFlags>): Promise<number> {
  const { name, scope, namespace: namespaces, expires } = flags
  const expiresAt = expires === undefined ? undefined : new Date(io.clock.now() + readSpan(expires, 'expires'))
  const client = await connect(io, flags)
  const made = await client.tokens.create({
    signal,
    ...(name === undefined ? {} : { name }),
    ...(scope === undefined ? {} : { scope }),
    ...(namespaces.length === 0 ? {} : { namespaces }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
  })
  // The token alone, so that it can be caught by a script; what a person needs to know goes beside it.
  await present(io, flags, made, () => `${made.Token}\n`)
  if (!isForPrograms(flags)) {
    const { ID, Scope, ExpiresAt } = made.Info
    const until = ExpiresAt === undefined ? '' : `, good until ${ExpiresAt}`
    await io.err.write(
      `Token ${ID} (${Scope})${until}. It is not shown again. Revoke it: bacalhau auth token revoke ${ID}\n`,
    )
  }
  return 0
}
