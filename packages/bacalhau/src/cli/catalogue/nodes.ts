import { command } from '../command.ts'
import { list, oneOf, override, text, toggle, whole } from '../flag.ts'
import { objectFlags, tableFlags } from '../global-flags.ts'
import { ordered, paged } from './shared.ts'

const port = { placeholder: 'PORT', min: 0, max: 65_535 } as const

export const serveFlags = {
  'node-type': list({
    placeholder: 'TYPES',
    help: 'requester, compute, or both with a comma',
    fallback: 'requester,compute',
  }),
  orchestrator: toggle({ help: 'the same as --node-type requester' }),
  compute: toggle({ help: 'the same as --node-type compute' }),
  peer: list({
    placeholder: 'ADDRESS',
    help: 'a peer: multiaddr, /ip4/…/tcp/1234/http, or none',
    fallback: 'three public nodes',
  }),
  port: whole({ ...port, help: 'port that libp2p listens on', fallback: '1235', aliases: ['swarm-port'] }),
  'swarm-host': text({ placeholder: 'ADDRESS', help: 'address that libp2p listens on', fallback: '0.0.0.0' }),
  host: text({
    placeholder: 'ADDRESS',
    help: 'address that the REST API listens on',
    fallback: '0.0.0.0',
    aliases: ['api-host'],
  }),
  'api-port': whole({ ...port, help: 'port that the REST API listens on', fallback: '1234' }),
  name: text({ placeholder: 'NAME', help: 'name of this node, which becomes its label `name`' }),
  'join-token': text({ placeholder: 'TOKEN', help: 'secret that lets a compute node get work' }),
  'node-approval': oneOf(['token', 'auto', 'manual'], { help: 'which compute nodes get work', fallback: 'token' }),
  labels: list({ placeholder: 'NAME=VALUE', help: 'label of this node, for the constraints of jobs' }),
  'allow-listed-local-paths': list({
    placeholder: 'GLOB',
    help: 'files and folders of this machine that jobs may read',
  }),
  'limit-total-cpu': text({ placeholder: 'SHARE', help: 'processors for jobs', fallback: '80%' }),
  'limit-total-memory': text({ placeholder: 'SHARE', help: 'memory for jobs', fallback: '80%' }),
  'limit-total-disk': text({ placeholder: 'SHARE', help: 'disk space for jobs', fallback: '80%' }),
  'limit-total-gpu': text({ placeholder: 'SHARE', help: 'GPUs for jobs', fallback: '100%' }),
  'disable-engine': list({ placeholder: 'ENGINE', help: 'engine that this node does not offer' }),
  'swarm-key': text({ placeholder: 'FILE', help: 'key of a private swarm; all of its nodes have the same' }),
  'legacy-peers': list({
    placeholder: 'WORD',
    help: 'trusted nodes of the Go program: allow and IDs, all, none',
    fallback: 'those here',
  }),
  discover: oneOf(['lan', 'none'], { help: 'where to look for nodes besides those of --peer', fallback: 'none' }),
  mdns: override({ help: 'the same as --discover lan' }),
  upnp: override({ help: 'ask the router to open the port' }),
  relay: override({ help: 'carry connections between members; orchestrators do (--relay=false: not)' }),
  'hole-punching': override({ help: 'get off relays through holes in routers (the default)' }),
  autonat: override({ help: 'find out whether others can reach this node (the default)' }),
  'log-level': oneOf(['debug', 'info', 'warn', 'error', 'silent'], { help: 'how much to log', fallback: 'warn' }),
} as const

export const serve = command({
  name: 'serve',
  summary: 'Run a node',
  about: `A node takes jobs and places them (requester), runs them (compute), or both. Settings come, the later winning, from
<data dir>/config.yaml, from variables such as BACALHAU_API_PORT, and from flags; \`bacalhau config list\` shows them.
Ctrl-C ends the node in order; a second one ends it at once.`,
  usage: '[peer-id...]',
  flags: serveFlags,
  examples: [
    { about: 'A network of one', command: 'bacalhau serve --peer none' },
    {
      about: 'A compute node of a network',
      command: 'bacalhau serve --compute --peer /ip4/192.0.2.1/tcp/1234/http --join-token …',
    },
    {
      about: 'A second node on the same machine',
      command: 'bacalhau serve --compute --port 2235 --api-port 2234 --peer /ip4/127.0.0.1/tcp/1234/http',
    },
  ],
  load: () => import('../commands/serve.ts'),
})

export const idFlags = {
  'swarm-port': whole({
    ...port,
    help: 'whose key: each libp2p port has its own',
    fallback: '1235',
    aliases: ['port'],
  }),
} as const

export const id = command({
  name: 'id',
  summary: 'Print the peer ID of the node and the ID of the user here',
  about: 'The keys are made when they are missing. No node needs to run. Prints JSON unless --output says otherwise.',
  usage: '',
  flags: idFlags,
  examples: [{ about: 'As JSON', command: 'bacalhau id' }],
  load: () => import('../commands/id.ts'),
})

export const versionFlags = {
  client: toggle({ help: 'only the version of this program; asks no node' }),
  ...tableFlags,
} as const

export const version = command({
  name: 'version',
  summary: 'Print the versions of this program and of the node',
  usage: '',
  flags: versionFlags,
  examples: [{ about: 'Both', command: 'bacalhau version' }],
  load: () => import('../commands/version.ts'),
})

/** What `node list` can show beside what it always shows. */
export const NODE_DETAILS = ['labels', 'version', 'features', 'capacity'] as const

export const nodeListFlags = {
  ...paged('0'),
  ...ordered(
    ['id', 'type', 'available_cpu', 'available_memory', 'available_disk', 'available_gpu', 'approval', 'status'],
    'id',
    'id, type, approval, status, available_cpu, …_memory, …',
  ),
  show: list({ placeholder: 'COLUMNS', help: NODE_DETAILS.join(', '), fallback: 'labels,capacity' }),
  labels: list({ placeholder: 'SELECTOR', help: 'only nodes with these labels, for example zone=eu', fallback: 'all' }),
  'filter-approval': oneOf(['pending', 'approved', 'rejected'], {
    placeholder: 'WORD',
    help: 'only nodes that are pending, approved or rejected',
  }),
  'filter-status': oneOf(['connected', 'disconnected'], {
    placeholder: 'WORD',
    help: 'only nodes that are connected or disconnected',
  }),
  ...tableFlags,
} as const

export const nodeList = command({
  name: 'node list',
  aliases: ['node ls'],
  summary: 'List the nodes of the network',
  usage: '',
  flags: nodeListFlags,
  examples: [
    { about: 'All nodes that the requester knows', command: 'bacalhau node list' },
    { about: 'Those that wait for a decision', command: 'bacalhau node list --filter-approval pending' },
  ],
  load: () => import('../commands/node-list.ts'),
})

export const nodeDescribeFlags = objectFlags

export const nodeDescribe = command({
  name: 'node describe',
  aliases: ['node show'],
  summary: 'Show a node: what it offers and how it is connected',
  usage: '<node>',
  flags: nodeDescribeFlags,
  about: 'Prints YAML with all that is known. --output table is shorter, and for people.',
  examples: [
    { about: 'By id or a unique beginning of it', command: 'bacalhau node describe QmZ4' },
    { about: 'In short', command: 'bacalhau node describe QmZ4 --output table' },
  ],
  load: () => import('../commands/node-describe.ts'),
})
