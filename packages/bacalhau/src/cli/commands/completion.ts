import { COMMANDS } from '../catalogue.ts'
import type { completionFlags } from '../catalogue/experience.ts'
import type { Invocation } from '../command.ts'
import { type Candidate, type Kind, possibilities } from '../completion/candidates.ts'
import { SCRIPTS, type Shell } from '../completion/scripts.ts'
import { globalFlags } from '../global-flags.ts'
import { parseLine, readFlags } from '../parse-flags.ts'
import { BacalhauError } from '../../runtime/error.ts'

/** Milliseconds that a node gets to tell its jobs: whoever presses Tab is in the middle of typing. */
const PATIENCE = 700

export async function run({ args, io, signal }: Invocation<typeof completionFlags>): Promise<number> {
  const [name = '', ...words] = args
  if (!isShell(name)) {
    const hint = `One of ${Object.keys(SCRIPTS).join(', ')}.`
    throw new BacalhauError('InvalidFlag', `'${name}' is no shell that is known here`, { hint })
  }
  if (words.length === 0) {
    await io.out.write(SCRIPTS[name])
    return 0
  }
  const line = name === 'powershell' ? [...words.slice(0, -1), (words.at(-1) ?? '').slice(1)] : words
  const { candidates, kinds } = possibilities(line, COMMANDS)
  const current = line.at(-1) ?? ''
  const live: Candidate[] = []
  for (const kind of kinds) if (kind !== 'files') live.push(...(await askNode(kind, line, io, signal)))
  const all = [...candidates, ...live.filter(({ word }) => word.startsWith(current))]
  await io.out.write(
    all.map(({ word, about }) => `${word}\t${about}\n`).join('') + (kinds.includes('files') ? ':files\n' : ''),
  )
  return 0
}

const isShell = (name: string): name is Shell => Object.hasOwn(SCRIPTS, name)

/** Asks the node that the line names so far. */
async function askNode(
  kind: Exclude<Kind, 'files'>,
  line: readonly string[],
  io: Invocation<typeof completionFlags>['io'],
  signal: AbortSignal,
): Promise<Candidate[]> {
  const [{ connect }, { liveWords }] = await Promise.all([import('../connection.ts'), import('../completion/live.ts')])
  try {
    const given = line.slice(0, -1).filter((word, index, all) => isGlobal(word) || isGlobal(all[index - 1] ?? ''))
    const client = await connect(io, readFlags(globalFlags, await parseLine(given, globalFlags)))
    return await liveWords(client, kind, AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]))
  } catch {
    // A line that cannot be understood yet has no node.
    return []
  }
}

/** Flags that say which node is meant. */
const isGlobal = (word: string) => /^--(?:api-host|api-port|data-dir|profile|config)(?:=|$)/.test(word)
