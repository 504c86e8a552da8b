import { command } from '../command.ts'
import { text, whole } from '../flag.ts'

/** How a command that shows picture after picture goes on. */
const pictures = {
  interval: whole({ placeholder: 'SECONDS', min: 1, max: 3_600, help: 'time between two pictures', fallback: '2' }),
  frames: whole({ placeholder: 'N', min: 1, max: 1_000_000, help: 'end after this many pictures', fallback: 'no end' }),
} as const

export const jobTopFlags = {
  ...pictures,
  namespace: text({ placeholder: 'NAMESPACE', help: 'only jobs of this namespace', fallback: 'all' }),
} as const

export const jobTop = command({
  name: 'job top',
  summary: 'Watch the jobs: what runs, how far it is, why the rest waits',
  about: `Fills the terminal until q or Ctrl-C; into a file or pipe it writes picture after picture. Shows the 200 jobs that
changed last, those under way first.`,
  usage: '',
  flags: jobTopFlags,
  examples: [
    { about: 'On the whole screen', command: 'bacalhau job top' },
    { about: 'Once, for a report', command: 'bacalhau job top --frames 1 > jobs.txt' },
  ],
  load: () => import('../commands/job-top.ts'),
})

export const nodeTopFlags = pictures

export const nodeTop = command({
  name: 'node top',
  summary: 'Watch the nodes: how busy each of them is',
  about: 'Fills the terminal until q or Ctrl-C; into a file or pipe it writes picture after picture.',
  usage: '',
  flags: nodeTopFlags,
  examples: [{ about: 'Every ten seconds', command: 'bacalhau node top --interval 10' }],
  load: () => import('../commands/node-top.ts'),
})
