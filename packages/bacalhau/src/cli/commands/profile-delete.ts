import { BacalhauError } from '../../runtime/error.ts'
import type { profileDeleteFlags } from '../catalogue/settings.ts'
import type { Invocation } from '../command.ts'
import type { Io } from '../io.ts'
import { present } from '../present.ts'
import { profileFolder } from '../profile/profile.ts'
import { deleteProfile, readProfile } from '../profile/profile-file.ts'
import { dataFolderHere } from '../settings.ts'

export async function run({ args, io, flags }: Invocation<typeof profileDeleteFlags>): Promise<number> {
  const [name = ''] = args
  const folder = profileFolder(dataFolderHere(io, flags))
  await readProfile(folder, name)
  if (!flags.force && !(await confirmed(name, io))) {
    await io.err.write('Nothing was deleted.\n')
    return 1
  }
  await deleteProfile(folder, name)
  await present(io, flags, { Name: name }, () => `Profile '${name}' deleted.\n`)
  return 0
}

/** Asks the person at the keyboard; where there is none, nobody has agreed. */
async function confirmed(name: string, io: Io): Promise<boolean> {
  if (!io.inputIsTerminal) {
    throw new BacalhauError('InvalidFlag', 'nobody is there to confirm', { hint: 'Add --force.' })
  }
  await io.err.write(`Delete the profile '${name}'? [y/N] `)
  for await (const chunk of io.input) return /^\s*y(?:es)?\s*$/i.test(Buffer.from(chunk).toString())
  return false
}
