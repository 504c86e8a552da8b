import { command } from '../command.ts'

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
