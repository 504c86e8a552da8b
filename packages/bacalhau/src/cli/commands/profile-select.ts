import type { profileSelectFlags } from '../catalogue/settings.ts'
import type { Invocation } from '../command.ts'
import { present } from '../present.ts'
import { profileFolder } from '../profile/profile.ts'
import { selectProfile } from '../profile/profile-file.ts'
import { dataFolderHere } from '../settings.ts'

export async function run({ args, io, flags }: Invocation<typeof profileSelectFlags>): Promise<number> {
  const [name = ''] = args
  await selectProfile(profileFolder(dataFolderHere(io, flags)), name)
  await present(io, flags, { Name: name }, () => `Commands now use the profile '${name}'.\n`)
  return 0
}
