import { COMMAND_GROUPS, type CommandGroup } from '../../packages/bacalhau/src/cli/catalogue.ts'
import type { Command } from '../../packages/bacalhau/src/cli/command.ts'
import type { Flags } from '../../packages/bacalhau/src/cli/flag.ts'
import { globalFlags } from '../../packages/bacalhau/src/cli/global-flags.ts'
import { cell } from './field-table.ts'
import { code, prose } from './markdown.ts'

const INTRODUCTION = `# Command line

\`npx bacalhau <command>\` in a checkout. \`bacalhau help <command>\` shows what stands here.

- Flags and arguments mix freely. \`--name value\` and \`--name=value\` are the same; what follows \`--\` is an argument, whatever it
  looks like. A flag without a value is a switch; \`--name=false\` turns it off. Where a flag may be given several times, each
  occurrence adds; elsewhere the last one counts.
- Results go to standard output. Progress, warnings, errors and hints go to standard error.
- \`--output json\` and \`--output yaml\` print everything that is known, for programs; lists can be CSV as well.
- The exit code is 0 when the command did what it says, 1 when it did not, 130 after Ctrl-C and 143 after SIGTERM. \`serve\` exits
  with 0 when it was asked to stop and could do so in order. With \`--exit-code\` it is that of the job.
- How a command finds its node, profiles, templates and more: [the command line](../cli.md).
- A job is named by its id, by a beginning of the id (at least three characters) that no other job shares, or by its name.
- With \`DEBUG=true\` in the environment an error also says where it happened.
`

export function renderCli(): string {
  return [
    INTRODUCTION,
    renderContents(),
    `## Flags of every command\n\nWhere a command has a flag of the same name, that one counts.\n\n${renderFlags(globalFlags)}`,
    ...COMMAND_GROUPS.map(renderGroup),
  ].join('\n')
}

function renderContents(): string {
  const rows = COMMAND_GROUPS.flatMap(({ commands }) => commands).map(
    ({ name, summary }) => `| [\`${name}\`](#${name.replaceAll(' ', '-')}) | ${cell(prose(summary))} |`,
  )
  return `| Command | What it does |\n| --- | --- |\n${rows.join('\n')}\n`
}

const renderGroup = ({ title, commands }: CommandGroup) => [`## ${title}\n`, ...commands.map(renderCommand)].join('\n')

function renderCommand({ name, aliases = [], summary, about, usage, flags, examples }: Command): string {
  const line = ['bacalhau', name, usage, '[flags]'].filter((part) => part !== '').join(' ')
  return [
    `### ${name}\n`,
    `${prose(summary)}.${aliases.length === 0 ? '' : ` Also: ${aliases.map(code).join(', ')}.`}\n`,
    ...(about === undefined ? [] : [`${prose(about)}\n`]),
    fenced('text', line),
    ...(Object.keys(flags).length === 0 ? [] : [renderFlags(flags)]),
    fenced('sh', examples.map(({ about, command }) => `# ${about}\n${command}`).join('\n\n')),
  ].join('\n')
}

const fenced = (language: string, text: string) => `\`\`\`${language}\n${text}\n\`\`\`\n`

function renderFlags(flags: Flags): string {
  const rows = Object.entries(flags).map(([name, { short, placeholder, aliases = [], help, fallback = '' }]) => {
    const names = [`--${name}`, ...(short === undefined ? [] : [`-${short}`]), ...aliases.map((alias) => `--${alias}`)]
    const value = placeholder === undefined ? '' : code(placeholder)
    // A default in words is not something to type.
    const standard = fallback === '' || fallback.includes(' ') ? fallback : code(fallback)
    return `| ${names.map(code).join(', ')} | ${cell(value)} | ${cell(standard)} | ${cell(prose(help))} |`
  })
  return `| Flag | Value | Default | Meaning |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`
}
