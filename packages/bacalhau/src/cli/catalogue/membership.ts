import { command } from '../command.ts'
import { text } from '../flag.ts'

export const decisionFlags = {
  message: text({ short: 'm', placeholder: 'TEXT', help: 'why; the operator of the node reads it' }),
} as const

export const nodeApproveFlags = decisionFlags

export const nodeApprove = command({
  name: 'node approve',
  summary: 'Let a compute node get work',
  about: 'The decision is kept, whatever the node shows when it connects again, until it is decided otherwise.',
  usage: '<node>',
  flags: nodeApproveFlags,
  examples: [{ about: 'By id or a unique beginning of it', command: 'bacalhau node approve QmZ4' }],
  load: () => import('../commands/node-approve.ts'),
})

export const nodeRejectFlags = decisionFlags

export const nodeReject = command({
  name: 'node reject',
  summary: 'Give a compute node no work any more',
  about: `What the node runs is run elsewhere. The decision is kept, whatever the node shows when it connects again, until it
is decided otherwise.`,
  usage: '<node>',
  flags: nodeRejectFlags,
  examples: [{ about: 'With a reason', command: 'bacalhau node reject QmZ4 --message "disk errors"' }],
  load: () => import('../commands/node-reject.ts'),
})

export const nodeDeleteFlags = decisionFlags

export const nodeDelete = command({
  name: 'node delete',
  summary: 'Forget a compute node and what was decided about it',
  about: 'A node that still runs may connect again; it is then judged like a new one.',
  usage: '<node>',
  flags: nodeDeleteFlags,
  examples: [{ about: 'One that will not come back', command: 'bacalhau node delete QmZ4' }],
  load: () => import('../commands/node-delete.ts'),
})
