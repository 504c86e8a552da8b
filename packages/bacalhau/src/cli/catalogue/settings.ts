import { command } from '../command.ts'
import { text, toggle } from '../flag.ts'
import { objectFlags, tableFlags } from '../global-flags.ts'

export const configListFlags = tableFlags

export const configList = command({
  name: 'config list',
  summary: 'List the settings of this machine and where each comes from',
  about: `A setting comes from, the first that has it: --config KEY=VALUE, a flag of its own, a variable of the environment, a
file, the default. As YAML the settings have the form of a file.`,
  usage: '',
  flags: configListFlags,
  examples: [
    { about: 'All of them', command: 'bacalhau config list' },
    { about: 'As a file to start from', command: 'bacalhau config list --output yaml > my.yaml' },
  ],
  load: () => import('../commands/config-list.ts'),
})

export const configGetFlags = {} as const

export const configGet = command({
  name: 'config get',
  summary: 'Print the value of one setting',
  usage: '<key>',
  flags: configGetFlags,
  examples: [{ about: 'For a script', command: 'port=$(bacalhau config get API.Port)' }],
  load: () => import('../commands/config-get.ts'),
})

export const configSetFlags = {} as const

export const configSet = command({
  name: 'config set',
  summary: 'Write settings to the configuration file',
  about: `The file is config.yaml in the data folder, or the one that --config names; it is made when it is missing, and what
else is in it stays as it is. An empty value takes a setting out. Items of a list are separated by commas.
A node that runs takes the change over when it is started again.`,
  usage: '<key=value> [more...]',
  flags: configSetFlags,
  examples: [
    { about: 'One setting', command: 'bacalhau config set API.Port=2234' },
    {
      about: 'In a file of its own',
      command: 'bacalhau config set --config node.yaml Labels=zone=eu Compute.Enabled=true',
    },
    { about: 'Back to the default', command: 'bacalhau config set API.Port=' },
  ],
  load: () => import('../commands/config-set.ts'),
})

export const profileListFlags = tableFlags

export const profileList = command({
  name: 'profile list',
  summary: 'List the saved profiles',
  about:
    'A profile names a node that commands call. The selected one is used by commands that name no node themselves.',
  usage: '',
  flags: profileListFlags,
  examples: [{ about: 'The selected one has a star', command: 'bacalhau profile list' }],
  load: () => import('../commands/profile-list.ts'),
})

export const profileSaveFlags = {
  endpoint: text({ placeholder: 'URL', help: 'where the node answers, for example https://node.example.org:1234' }),
  description: text({ placeholder: 'TEXT', help: 'a note of your own' }),
  timeout: text({ placeholder: 'TIME', help: 'how long an answer may take, for example 30s' }),
  token: text({ placeholder: 'TOKEN', help: 'what to present to the node; - reads it from standard input' }),
  insecure: toggle({ help: 'take any certificate' }),
  select: toggle({ help: 'use this profile from now on' }),
} as const

export const profileSave = command({
  name: 'profile save',
  summary: 'Save a profile, or change one',
  about: 'What is not said of a profile that is there already stays as it is. Only you can read the file.',
  usage: '<name>',
  flags: profileSaveFlags,
  examples: [
    { about: 'A first one', command: 'bacalhau profile save prod --endpoint https://node.example.org:1234 --select' },
    { about: 'Its token, unseen by others', command: 'bacalhau profile save prod --token - < token.txt' },
  ],
  load: () => import('../commands/profile-save.ts'),
})

export const profileShowFlags = { 'show-token': toggle({ help: 'the token as well' }), ...objectFlags } as const

export const profileShow = command({
  name: 'profile show',
  summary: 'Show a profile',
  usage: '[name]',
  flags: profileShowFlags,
  examples: [{ about: 'The one in use', command: 'bacalhau profile show' }],
  load: () => import('../commands/profile-show.ts'),
})

export const profileSelectFlags = {} as const

export const profileSelect = command({
  name: 'profile select',
  summary: 'Use a profile from now on',
  usage: '<name>',
  flags: profileSelectFlags,
  examples: [{ about: 'Go to another node', command: 'bacalhau profile select prod' }],
  load: () => import('../commands/profile-select.ts'),
})

export const profileDeleteFlags = {
  force: toggle({ short: 'f', help: 'do not ask; needed where nobody can answer' }),
} as const

export const profileDelete = command({
  name: 'profile delete',
  summary: 'Delete a profile',
  usage: '<name>',
  flags: profileDeleteFlags,
  examples: [{ about: 'Without a question', command: 'bacalhau profile delete old --force' }],
  load: () => import('../commands/profile-delete.ts'),
})
