import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { type Change, editConfig } from '../../node/config-edit.ts'
import { noSuchKey, settingOf } from '../../node/config-keys.ts'
import { BacalhauError, systemCode } from '../../runtime/error.ts'
import type { configSetFlags } from '../catalogue/settings.ts'
import type { Invocation } from '../command.ts'
import { invalidFlag } from '../flag.ts'
import { present } from '../present.ts'
import type { Io } from '../io.ts'
import { dataFolderHere } from '../settings.ts'
import { plainLine } from '../terminal/plain.ts'

export async function run({ args, io, flags }: Invocation<typeof configSetFlags>): Promise<number> {
  const changes = await Promise.all(assignmentsOf(args).map(toChange))
  const file = target(io, flags)
  const source = await readFile(file, 'utf8').catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return ''
    throw error
  })
  const text = await editConfig(source, file, changes)
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 })
  // A file may hold secrets, and half a file is worse than an old one.
  await writeFile(`${file}.tmp`, text, { mode: 0o600 })
  await rename(`${file}.tmp`, file)
  await present(io, flags, { Path: file }, () => `Writing config to ${plainLine(file)}\n`)
  return 0
}

/** `KEY=VALUE` any number of times, or, as it once was, `KEY VALUE…`, several values being a list. */
function assignmentsOf([first = '', ...rest]: readonly string[]): (readonly [key: string, text: string])[] {
  if (!first.includes('=') && rest.length > 0) return [[first, rest.join(',')]]
  return [first, ...rest].map((argument) => {
    const at = argument.indexOf('=')
    if (at > 0) return [argument.slice(0, at), argument.slice(at + 1)]
    throw new BacalhauError('InvalidFlag', `'${argument}' is not of the form KEY=VALUE`, {
      hint: 'For example: bacalhau config set API.Port=2234.',
    })
  })
}

async function toChange([key, text]: readonly [string, string]): Promise<Change> {
  const name = settingOf(key)
  if (name === undefined) throw await noSuchKey(key)
  return { name, text }
}

/** The file to write: the one that `--config` names, which need not be there yet, else the one in the data folder. */
function target(io: Io, flags: Invocation<typeof configSetFlags>['flags']): string {
  const [named, another] = flags.config
  if (another !== undefined) throw invalidFlag('config', 'only one file can be written')
  if (named !== undefined) {
    if (!/\.ya?ml$/i.test(named)) throw invalidFlag('config', `'${named}' is no YAML file`, 'Its name ends in .yaml.')
    return path.resolve(io.cwd, named)
  }
  return path.join(dataFolderHere(io, flags), 'config.yaml')
}
