import { HIDDEN } from '../../node/config-tree.ts'
import { BacalhauError } from '../../runtime/error.ts'
import type { profileShowFlags } from '../catalogue/settings.ts'
import type { Invocation } from '../command.ts'
import { presentObject } from '../present.ts'
import { formatDuration } from '../../runtime/duration.ts'
import { profileFolder, selectedProfile } from '../profile/profile.ts'
import { readProfile } from '../profile/profile-file.ts'
import { dataFolderHere } from '../settings.ts'

export async function run({ args, io, flags }: Invocation<typeof profileShowFlags>): Promise<number> {
  const folder = profileFolder(dataFolderHere(io, flags))
  const selected = await selectedProfile(folder)
  const name = args[0] ?? flags.profile ?? selected
  if (name === undefined) {
    throw new BacalhauError('NotFound', 'no profile is selected', {
      hint: 'Name one, or select one: `bacalhau profile select <name>`.',
    })
  }
  const { endpoint, description, timeout, token, insecure } = await readProfile(folder, name)
  await presentObject(io, flags, {
    Name: name,
    Current: name === selected,
    Endpoint: endpoint,
    Description: description,
    Timeout: timeout === undefined ? undefined : formatDuration(timeout),
    Auth: token === undefined ? undefined : { Token: flags['show-token'] ? token : HIDDEN },
    TLS: insecure === true ? { Insecure: true } : undefined,
  })
  return 0
}
