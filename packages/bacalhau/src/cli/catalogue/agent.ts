import { command } from '../command.ts'
import { objectFlags } from '../global-flags.ts'

export const agentAliveFlags = objectFlags

export const agentAlive = command({
  name: 'agent alive',
  summary: 'Ask the node whether it is there',
  usage: '',
  flags: agentAliveFlags,
  examples: [{ about: 'In a script, by the exit code', command: 'bacalhau agent alive || echo gone' }],
  load: () => import('../commands/agent-alive.ts'),
})

export const agentVersionFlags = {} as const

export const agentVersion = command({
  name: 'agent version',
  summary: 'Print the version of the node',
  usage: '',
  flags: agentVersionFlags,
  examples: [{ about: 'With its commit and build date', command: 'bacalhau agent version' }],
  load: () => import('../commands/agent-version.ts'),
})

export const agentNodeFlags = objectFlags

export const agentNode = command({
  name: 'agent node',
  summary: 'Show what the node says of itself',
  usage: '',
  flags: agentNodeFlags,
  examples: [{ about: 'Engines, capacity, labels', command: 'bacalhau agent node' }],
  load: () => import('../commands/agent-node.ts'),
})

export const agentConfigFlags = objectFlags

export const agentConfig = command({
  name: 'agent config',
  summary: 'Show the settings that the node runs with',
  about: 'Secrets are hidden. `bacalhau config list` shows the settings of this machine instead.',
  usage: '',
  flags: agentConfigFlags,
  examples: [{ about: 'As YAML', command: 'bacalhau agent config' }],
  load: () => import('../commands/agent-config.ts'),
})
