import { BacalhauError, isBacalhauError, systemCode } from '../runtime/error.ts'
import { CATALOGUE } from '../runtime/error-catalogue.ts'
import { VERSION } from '../runtime/version.ts'
import { COMMAND_GROUPS, COMMANDS } from './catalogue.ts'
import { argumentBounds, type Command } from './command.ts'
import { printFailure } from './failure.ts'
import { globalFlags } from './global-flags.ts'
import { commandHelp, groupHelp, programHelp } from './help.ts'
import { Interruption } from './interruption.ts'
import type { Io } from './io.ts'
import { parseLine, splitWords } from './parse-flags.ts'
import { type Style, styleFor } from './terminal/style.ts'

/** Runs one command line and resolves with the exit code. Errors are printed; nothing is thrown. */
export async function runProgram(argv: readonly string[], io: Io, signal: AbortSignal): Promise<number> {
  const noColor = argv.includes('--no-color')
  try {
    const { words, rest } = splitWords(argv, globalFlags)
    if (words[0] === 'help') return await printHelp(words.slice(1), io, styleFor(io.out, io.env, noColor))
    const found = findCommand(words)
    if (found === undefined) return await runWithoutCommand(words, argv, io, noColor)
    return await runCommand(found, rest(found.length), io, signal)
  } catch (error) {
    if (error instanceof Interruption || signal.reason === error) {
      await io.err.write('Interrupted.\n')
      return error instanceof Interruption ? error.exitCode : 130
    }
    // A reader such as `head` that has seen enough is no failure of ours.
    if (systemCode(error) === 'EPIPE') return 0
    await printFailure(error, io, noColor)
    return 1
  }
}

interface Found {
  readonly command: Command
  /** How many words its name takes. */
  readonly length: number
}

function findCommand(words: readonly string[]): Found | undefined {
  for (const length of [3, 2, 1]) {
    const name = words.slice(0, length).join(' ')
    const command = COMMANDS.find((candidate) => candidate.name === name || candidate.aliases?.includes(name))
    if (command !== undefined) return { command, length }
  }
  return undefined
}

async function runCommand({ command }: Found, argv: readonly string[], io: Io, signal: AbortSignal): Promise<number> {
  const advice = /\[(?:command|args)\.\.\.\]$/.test(command.usage)
    ? 'Put -- before words that are not for bacalhau itself.'
    : ''
  const line = await parseLine(argv, { ...globalFlags, ...command.flags }, advice)
  if (line.texts.has('help')) {
    await io.out.write(commandHelp(command, styleFor(io.out, io.env, line.texts.has('no-color'))))
    return 0
  }
  const { least, most } = argumentBounds(command.usage)
  if (line.args.length < least || line.args.length > most) {
    const problem = line.args.length < least ? 'an argument is missing' : `unexpected argument '${line.args[most]}'`
    throw new BacalhauError('InvalidFlag', problem, { hint: `Usage: bacalhau ${command.name} ${command.usage}` })
  }
  return command.execute(line, { io, signal }).catch((error: unknown) => {
    throw withAdvice(error, command)
  })
}

/** Where nothing better is said about a flag, the help of this very command is what to look at. */
function withAdvice(error: unknown, { name }: Command): unknown {
  const isVague = isBacalhauError(error) && error.code === 'InvalidFlag' && error.hint === CATALOGUE.InvalidFlag.hint
  return isVague ? new BacalhauError(error.code, error.message, { hint: `See \`bacalhau ${name} --help\`.` }) : error
}

async function runWithoutCommand(
  words: readonly string[],
  argv: readonly string[],
  io: Io,
  noColor: boolean,
): Promise<number> {
  if (words.length === 0 && argv.includes('--version')) {
    await io.out.write(`${VERSION}\n`)
    return 0
  }
  // Complains about flags only when there is no word to complain about.
  if (words.length === 0) await parseLine(argv, globalFlags)
  return printHelp(words, io, styleFor(io.out, io.env, noColor))
}

/** Help of what `words` name: a command, a word that commands begin with, or, when there are none, the program. */
async function printHelp(words: readonly string[], io: Io, style: Style): Promise<number> {
  const found = findCommand(words)
  // The longest beginning that commands have: `auth token`, `auth`.
  const length = [2, 1].find((count) => count <= words.length && groupOf(words.slice(0, count)).length > 0) ?? 0
  const group = groupOf(words.slice(0, length))
  if (found !== undefined) await io.out.write(commandHelp(found.command, style))
  else if (words.length === 0) await io.out.write(programHelp(COMMAND_GROUPS, style))
  else if (length > 0 && words.length === length) await io.out.write(groupHelp(words.join(' '), group, style))
  else throw await unknownCommand(words.slice(0, length + 1).join(' '), group)
  return 0
}

const groupOf = (words: readonly string[]): readonly Command[] =>
  words.length === 0 ? [] : COMMANDS.filter(({ name }) => name.startsWith(`${words.join(' ')} `))

async function unknownCommand(written: string, group: readonly Command[]): Promise<BacalhauError> {
  const { retiredHint } = await import('./retired.ts')
  const retired = retiredHint(written)
  if (retired !== undefined)
    return new BacalhauError('InvalidFlag', `there is no command '${written}'`, { hint: retired })
  const { nearest } = await import('@bacalhau/models/nearest')
  const names = (group.length > 0 ? group : COMMANDS).flatMap(({ name, aliases = [] }) => [name, ...aliases])
  const guess = nearest(
    written,
    group.length > 0 ? names : [...names, ...names.map((name) => name.split(' ')[0] ?? name)],
  )
  const hint = guess === undefined ? 'See `bacalhau help` for the commands.' : `Did you mean \`bacalhau ${guess}\`?`
  return new BacalhauError('InvalidFlag', `unknown command '${written}'`, { hint })
}
