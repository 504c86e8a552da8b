import type { Command } from '../command.ts'
import type { Flag, Flags } from '../flag.ts'
import { globalFlags } from '../global-flags.ts'

/** A word that could come next, and what it means. */
export interface Candidate {
  readonly word: string
  readonly about: string
}

/** What only a node knows, or the shell: the words of this kind could come next. */
export type Kind = 'job' | 'node' | 'peer' | 'files'

export interface Possibilities {
  readonly candidates: readonly Candidate[]
  readonly kinds: readonly Kind[]
}

const NOTHING: Possibilities = { candidates: [], kinds: [] }

/** What could come at the place of the last of `words`, which follow the name of the program; it may be begun, or empty. */
export function possibilities(words: readonly string[], commands: readonly Command[]): Possibilities {
  const current = words.at(-1) ?? ''
  if (words[0] === 'help' && words.length > 1) return begun(nextWords(words.slice(1, -1), commands), current)
  const { command, args, flags, open } = read(words.slice(0, -1), commands)
  const found = open === undefined ? withoutFlag(current, command, args, flags, commands) : valuesOf(open)
  return { ...begun(found.candidates, current), kinds: found.kinds }
}

const begun = (candidates: readonly Candidate[], current: string): Possibilities => ({
  candidates: candidates.filter(({ word }) => word.startsWith(current)),
  kinds: [],
})

interface Line {
  readonly command: Command | undefined
  /** Words of the command's name as far as it goes, then arguments. */
  readonly args: readonly string[]
  readonly flags: Flags
  /** A flag that still wants its value. */
  readonly open: Flag<unknown> | undefined
}

/** Reads a line as far as it is there. Which flags there are depends on the command, and the command on what are no flags. */
function read(words: readonly string[], commands: readonly Command[]): Line {
  const { command } = find(takeApart(words, globalFlags).args, commands)
  const flags: Flags = { ...globalFlags, ...command?.flags }
  const { args, open } = takeApart(words, flags)
  return { command, args: args.slice(find(args, commands).length), flags, open }
}

/** The command that a line begins with, and how many words its name takes. */
function find(words: readonly string[], commands: readonly Command[]) {
  for (const length of [2, 1]) {
    const written = words.slice(0, length).join(' ')
    const command = commands.find(({ name, aliases = [] }) => name === written || aliases.includes(written))
    if (command !== undefined) return { command, length }
  }
  return { command: undefined, length: 0 }
}

function takeApart(words: readonly string[], flags: Flags): { args: string[]; open: Flag<unknown> | undefined } {
  const args: string[] = []
  let open: Flag<unknown> | undefined
  // A shell that breaks words at `=` gives it as a word of its own.
  for (const word of words.filter((text) => text !== '=')) {
    if (open !== undefined) open = undefined
    else if (word === '--') break
    else if (word.startsWith('-') && word !== '-') open = word.includes('=') ? undefined : wanting(word, flags)
    else args.push(word)
  }
  return { args, open }
}

/** The flag that `word` names, if it takes a value. */
function wanting(word: string, flags: Flags): Flag<unknown> | undefined {
  const entry = Object.entries(flags).find(([name, { short, aliases = [] }]) =>
    word.startsWith('--') ? name === word.slice(2) || aliases.includes(word.slice(2)) : short === word.slice(1),
  )
  return entry?.[1].placeholder === undefined ? undefined : entry[1]
}

function withoutFlag(
  current: string,
  command: Command | undefined,
  args: readonly string[],
  flags: Flags,
  commands: readonly Command[],
): Possibilities {
  if (current.startsWith('-')) return flagsOf(current, flags)
  if (command === undefined) return { candidates: nextWords(args, commands), kinds: [] }
  // `run` may be a command, and the beginning of others.
  const more = args.length === 0 ? nextWords([command.name], commands) : []
  const argument = argumentOf(command, args.length)
  return { candidates: [...more, ...argument.candidates], kinds: argument.kinds }
}

function flagsOf(current: string, flags: Flags): Possibilities {
  const [name, value] = current.slice(2).split('=', 2)
  const flag = name === undefined ? undefined : flags[name]
  if (value !== undefined && flag !== undefined) {
    const { candidates } = valuesOf(flag)
    return { candidates: candidates.map(({ word, about }) => ({ word: `--${name}=${word}`, about })), kinds: [] }
  }
  return {
    candidates: Object.entries(flags).map(([word, { help }]) => ({ word: `--${word}`, about: help })),
    kinds: [],
  }
}

/** Values of a flag, as its placeholder tells them: `table|json`, or files for a `FILE` or `DIR`. */
function valuesOf({ placeholder = '' }: Flag<unknown>): Possibilities {
  if (/^[a-z_]+(?:\|[a-z_]+)+$/i.test(placeholder) && placeholder !== placeholder.toUpperCase()) {
    return { candidates: placeholder.split('|').map((word) => ({ word, about: '' })), kinds: [] }
  }
  return /FILE|DIR|PATH|MODULE|SOURCE/.test(placeholder) ? { ...NOTHING, kinds: ['files'] } : NOTHING
}

/** The words that come after these in the names of commands. */
function nextWords(before: readonly string[], commands: readonly Command[]): Candidate[] {
  const found = new Map<string, string[]>()
  for (const { name, summary } of commands) {
    const words = name.split(' ')
    const next = words[before.length]
    if (next === undefined || before.some((word, index) => words[index] !== word)) continue
    found.set(next, [
      ...(found.get(next) ?? []),
      words.length === before.length + 1 ? summary : (words[before.length + 1] ?? ''),
    ])
  }
  return [...found].map(([word, about]) => ({ word, about: about.join(', ') }))
}

/** What the argument at `place` is, as the usage of the command calls it. */
function argumentOf({ usage }: Command, place: number): Possibilities {
  const names = usage.match(/<[^>]+>|\[[^\]]+\]/g) ?? []
  const name = (names[place] ?? names.filter((one) => one.includes('...')).at(-1) ?? '').slice(1, -1)
  if (/^job\b/.test(name)) return { ...NOTHING, kinds: ['job'] }
  if (/^node\b/.test(name)) return { ...NOTHING, kinds: ['node'] }
  if (/^peer\b/.test(name)) return { ...NOTHING, kinds: ['peer'] }
  if (/file|folder|path|spec|module|dir/i.test(name)) return { ...NOTHING, kinds: ['files'] }
  if (/^[a-z]+(?:\|[a-z]+)+$/.test(name))
    return { candidates: name.split('|').map((word) => ({ word, about: '' })), kinds: [] }
  return NOTHING
}
