import { forgetLogin } from '../access/logins.ts'
import type { authLogoutFlags } from '../catalogue/auth.ts'
import type { Invocation } from '../command.ts'
import { findNode } from '../connection.ts'
import { present } from '../present.ts'
import { plainLine } from '../terminal/plain.ts'

export async function run({ flags, io }: Invocation<typeof authLogoutFlags>): Promise<number> {
  const { options, dataDir } = await findNode(io, flags)
  const wasIn = await forgetLogin(dataDir, options.baseUrl)
  const node = plainLine(options.baseUrl)
  await present(io, flags, { Node: options.baseUrl, LoggedOut: wasIn }, () =>
    wasIn ? `Logged out of ${node}.\n` : `There was no login to ${node}.\n`,
  )
  return 0
}
