import { command } from '../command.ts'
import { text, whole } from '../flag.ts'
import { tableFlags } from '../global-flags.ts'

export const networkKeyFlags = {} as const

export const networkKey = command({
  name: 'network key',
  summary: 'Make the key of a private swarm',
  about: `Writes a new key to a file that is not there yet, in the format of go-libp2p and of Kubo's swarm.key. Copy it to each
machine of the swarm, and start all of its nodes with --swarm-key.`,
  usage: '<file>',
  flags: networkKeyFlags,
  examples: [{ about: 'A new key', command: 'bacalhau network key swarm.key' }],
  load: () => import('../commands/network-key.ts'),
})

export const networkDoctorFlags = {} as const

export const networkDoctor = command({
  name: 'network doctor',
  summary: 'Say what others can reach of the node, and why not',
  about: `Asks the node where it listens, what it tells others, what its peers see of it, and how each of them is reached. Has
it dial nobody but its peers. Ends with exit code 1 when something has to be put right.`,
  usage: '',
  flags: networkDoctorFlags,
  examples: [{ about: 'The node here', command: 'bacalhau network doctor' }],
  load: () => import('../commands/network-doctor.ts'),
})

export const peerListFlags = tableFlags

export const peerList = command({
  name: 'peer list',
  aliases: ['peer ls'],
  summary: 'List the peers of the node: how each is reached, or why not',
  usage: '',
  flags: peerListFlags,
  examples: [
    { about: 'All of them', command: 'bacalhau peer list' },
    { about: 'With their addresses', command: 'bacalhau peer list --wide' },
  ],
  load: () => import('../commands/peer-list.ts'),
})

export const peerAddFlags = {} as const

export const peerAdd = command({
  name: 'peer add',
  summary: 'Have the node keep a connection to a peer',
  about: `As \`serve --peer\` does, for a node that runs already. It is tried for ever, also after a restart of the node,
until it is removed. A compute node takes work from a peer that orchestrates.`,
  usage: '<address>',
  flags: peerAddFlags,
  examples: [
    { about: 'By its API', command: 'bacalhau peer add /ip4/192.0.2.1/tcp/1234/http' },
    { about: 'By its address and ID', command: 'bacalhau peer add /ip4/192.0.2.1/tcp/1235/p2p/Qm…' },
  ],
  load: () => import('../commands/peer-add.ts'),
})

export const peerRemoveFlags = {} as const

export const peerRemove = command({
  name: 'peer remove',
  aliases: ['peer rm'],
  summary: 'Have the node let go of a peer that was added',
  usage: '<peer>',
  flags: peerRemoveFlags,
  examples: [{ about: 'By id, a unique beginning of it, or address', command: 'bacalhau peer remove QmZ4' }],
  load: () => import('../commands/peer-remove.ts'),
})

export const peerPingFlags = {
  count: whole({ placeholder: 'N', help: 'how often', fallback: '4', min: 1, max: 100_000 }),
  interval: text({ placeholder: 'TIME', help: 'from one to the next, for example 200ms', fallback: '1s' }),
} as const

export const peerPing = command({
  name: 'peer ping',
  summary: 'Measure how long a peer takes to answer the node',
  about: 'The node connects where it is not connected. Ends with exit code 1 when nothing was answered.',
  usage: '<peer>',
  flags: peerPingFlags,
  examples: [{ about: 'Ten times', command: 'bacalhau peer ping QmZ4 --count 10' }],
  load: () => import('../commands/peer-ping.ts'),
})
