import {
  SETTING_NAMES,
  type SettingName,
  SETTINGS,
  type Setting,
  variablesOf,
} from '../../packages/bacalhau/src/node/config-settings.ts'
import { DEFAULT_PEERS } from '../../packages/bacalhau/src/network/bootstrap.ts'
import { cell } from './field-table.ts'
import { code, prose } from './markdown.ts'

const INTRODUCTION = `# Configuration

Each setting is taken from the first of these places that has it:

1. \`--config KEY=VALUE\`, which every command takes;
2. a flag of the command, see [serve](cli.md#serve); the same setting in both ways is an error;
3. a variable of the environment, where several are named the first one; an empty one counts as not set;
4. the files that \`--config\` names, the last one first, or, where it names none, \`config.yaml\` in the data folder;
5. the default below.

\`bacalhau config list\` shows the settings of a machine and where each one comes from, \`bacalhau config set\` writes them to the file.
A value that does not fit is an error that names the flag, the variable or the line of the file.

\`config.yaml\` holds keys in any letter case, nested or with dots. An unknown key is an error; one
that only the Go program knows is set aside with a warning. The file is at most 1 MiB, and it
is not there unless you write it:

\`\`\`yaml
API:
  Host: 127.0.0.1
Swarm.Peers: [/ip4/192.0.2.1/tcp/1234/http]
Labels: { zone: north }
Compute:
  AllocatedCapacity: { CPU: 2, Memory: 4GB }
\`\`\`

In a variable, items of a list are separated by commas, and labels are written \`name=value,name=value\`.

## Settings
`

const PEERS = `
## Default peers

The three historic public bootstrap nodes. \`none\` connects to nobody.

\`\`\`text
${DEFAULT_PEERS.join('\n')}
\`\`\`
`

export function renderConfig(): string {
  const rows = SETTING_NAMES.map((name) => {
    const { key, kind, about }: Setting<unknown> = SETTINGS[name]
    const cells = [code(key), variablesOf(name).map(code).join(', '), kind.expects, defaultOf(name), prose(about)]
    return `| ${cells.map(cell).join(' | ')} |`
  })
  const head = '| Key | Variables | Value | Default | Meaning |\n| --- | --- | --- | --- | --- |'
  return `${INTRODUCTION}\n${head}\n${rows.join('\n')}\n${PEERS}`
}

function defaultOf(name: SettingName): string {
  const { kind, fallback }: Setting<unknown> = SETTINGS[name]
  if (fallback === DEFAULT_PEERS) return '[three addresses](#default-peers)'
  const shown = fallback === undefined ? '' : kind.show(fallback)
  return shown === '' ? '' : code(shown)
}
