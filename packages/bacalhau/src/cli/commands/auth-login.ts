import { loadUserKey } from '../../network/user-key.ts'
import { logIn } from '../access/log-in.ts'
import { keepLogin } from '../access/logins.ts'
import type { authLoginFlags } from '../catalogue/auth.ts'
import type { Invocation } from '../command.ts'
import { findNode } from '../connection.ts'
import { present } from '../present.ts'
import { plainLine } from '../terminal/plain.ts'

export async function run({ flags, io, signal }: Invocation<typeof authLoginFlags>): Promise<number> {
  const { options, dataDir } = await findNode(io, flags)
  const user = await loadUserKey(dataDir)
  const token = await logIn(options, user, { signal })
  await keepLogin(dataDir, options.baseUrl, token)
  const done = { Node: options.baseUrl, ClientID: user.clientId }
  await present(io, flags, done, () => `Logged in to ${plainLine(options.baseUrl)} as ${user.clientId}.\n`)
  return 0
}
