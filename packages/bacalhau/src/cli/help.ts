import type { Command } from './command.ts'
import type { CommandGroup } from './catalogue.ts'
import type { Flags } from './flag.ts'
import { globalFlags } from './global-flags.ts'
import type { Style } from './terminal/style.ts'
import { formatFields, indented } from './terminal/table.ts'

const section = (title: string, body: string, style: Style) => `\n${style.bold(title)}\n${indented(body)}`

/** Help of the program as a whole: every command in one line, by subject. */
export function programHelp(groups: readonly CommandGroup[], style: Style): string {
  return [
    'bacalhau runs jobs next to the data, on a peer-to-peer network of machines.\n',
    section('Usage', 'bacalhau <command> [flags]\n', style),
    ...groups.map(({ title, commands }) => section(title, formatCommands(commands), style)),
    `\nbacalhau help <command> explains a command and its flags. bacalhau --version prints the version.\n`,
  ].join('')
}

/** Help of a word that several commands begin with, such as `job`. */
export function groupHelp(word: string, commands: readonly Command[], style: Style): string {
  return [
    section('Usage', `bacalhau ${word} <command> [flags]\n`, style).trimStart(),
    section('Commands', formatCommands(commands), style),
    `\nbacalhau help ${word} <command> explains a command and its flags.\n`,
  ].join('')
}

/** Help of one command. */
export function commandHelp(command: Command, style: Style): string {
  const { name, summary, about, usage, flags, examples } = command
  const usageLine = ['bacalhau', name, usage, '[flags]'].filter((part) => part !== '').join(' ')
  const own = new Set(Object.entries(flags).flatMap(([name, { aliases = [] }]) => [name, ...aliases]))
  const others = Object.fromEntries(Object.entries(globalFlags).filter(([name]) => !own.has(name)))
  return [
    `${summary}.\n`,
    about === undefined ? '' : `\n${about}\n`,
    section('Usage', `${usageLine}\n`, style),
    section(
      'Examples',
      examples.map(({ about, command }) => `${style.dim(`# ${about}`)}\n${command}\n`).join('\n'),
      style,
    ),
    Object.keys(flags).length === 0 ? '' : section('Flags', formatFlags(flags), style),
    section('Flags of every command', formatFlags(others), style),
  ].join('')
}

const formatCommands = (commands: readonly Command[]) =>
  formatFields(commands.map(({ name, usage, summary }) => [`${name} ${usage}`.trim(), summary]))

function formatFlags(flags: Flags): string {
  return formatFields(
    Object.entries(flags).map(([name, { short, placeholder, help, fallback }]) => {
      const written = `${short === undefined ? '   ' : `-${short},`} --${name}${placeholder === undefined ? '' : ` ${placeholder}`}`
      return [written, fallback === undefined ? help : `${help} [${fallback}]`]
    }),
  )
}
