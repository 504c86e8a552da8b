import { command } from '../command.ts'
import { whole } from '../flag.ts'

const node = {
  'swarm-port': whole({
    placeholder: 'PORT',
    min: 0,
    max: 65_535,
    help: 'whose store: each node of this machine is told by its libp2p port',
    fallback: '1235',
    aliases: ['port'],
  }),
} as const

export const storeBackupFlags = node

export const storeBackup = command({
  name: 'store backup',
  summary: 'Copy the store of the node here to a new file',
  about: `The store holds jobs, executions and their history, and secrets of the node; not the content of results, and not the
node's key. The copy shows one moment, and is checked before it gets its name. The node may go on running.`,
  usage: '<file>',
  flags: storeBackupFlags,
  examples: [{ about: 'Every night', command: 'bacalhau store backup /backup/bacalhau-monday.db' }],
  load: () => import('../commands/store-backup.ts'),
})

export const storeCheckFlags = node

export const storeCheck = command({
  name: 'store check',
  summary: 'Read all of the store of the node here and say what is damaged',
  about: 'Changes nothing. The node may go on running. Ends with exit code 1 when something is damaged.',
  usage: '',
  flags: storeCheckFlags,
  examples: [{ about: 'After a power cut', command: 'bacalhau store check' }],
  load: () => import('../commands/store-check.ts'),
})

export const storeRestoreFlags = node

export const storeRestore = command({
  name: 'store restore',
  summary: 'Put a back-up in the place of the store of the node here',
  about: `The node must not run. The store that was there is kept under another name. The restored one counts as another store:
when the node starts, it and its peers compare what they know.`,
  usage: '<file>',
  flags: storeRestoreFlags,
  examples: [{ about: 'The last back-up', command: 'bacalhau store restore /backup/bacalhau-monday.db' }],
  load: () => import('../commands/store-restore.ts'),
})
