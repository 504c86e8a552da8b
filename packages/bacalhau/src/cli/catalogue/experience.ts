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

const nodes = (help: string, fallback: string, aliases: readonly string[]) =>
  whole({ placeholder: 'N', min: 0, max: 100, help, fallback, aliases })

export const devstackFlags = {
  orchestrators: nodes('nodes that take jobs and place them', '1', ['requester-nodes']),
  computes: nodes('nodes that run jobs', '3', ['compute-nodes']),
  hybrids: nodes('nodes that do both', '0', ['hybrid-nodes']),
  'stack-repo': text({
    placeholder: 'DIR',
    help: 'where the nodes keep their data, to be used again',
    fallback: 'a temporary folder',
  }),
  // Not `--env-file`: Node takes a flag of that name for its own, wherever it stands.
  'write-env': text({ placeholder: 'FILE', help: 'write the variables into this file, too (DEVSTACK_ENV_FILE)' }),
} as const

export const devstack = command({
  name: 'devstack',
  summary: 'Run a whole network on this machine, to try things out',
  about: `Every node listens on 127.0.0.1 and free ports only, and connects to no other machine. It takes its settings from
nowhere but the flags. Ctrl-C stops all nodes and removes their data, unless --stack-repo says where it is to stay.`,
  usage: '',
  flags: devstackFlags,
  examples: [
    { about: 'One orchestrator and three compute nodes', command: 'bacalhau devstack' },
    { about: 'Larger, and its address in a file', command: 'bacalhau devstack --computes 5 --write-env stack.env' },
  ],
  load: () => import('../commands/devstack.ts'),
})

export const doctorFlags = {} as const

export const doctor = command({
  name: 'doctor',
  summary: 'Look for what is missing or wrong on this machine, and say what to do',
  about: `Looks at Node, the configuration, the data folder and its space, the ports, the node that commands call, the access to
it, its clock, the lock of the store, the peers that you have named, Docker and IPFS. Changes nothing, and calls nobody
whom you have not named. The exit code is 1 when something must be put right.`,
  usage: '',
  flags: doctorFlags,
  examples: [
    { about: 'Before the first node, and whenever something is strange', command: 'bacalhau doctor' },
    { about: 'For a program', command: 'bacalhau doctor --output json' },
  ],
  load: () => import('../commands/doctor.ts'),
})

export const completionFlags = {} as const

export const completion = command({
  name: 'completion',
  summary: 'Print what a shell needs to complete commands, flags, jobs and nodes',
  about: `Put what is printed where the shell reads it; its first lines say where. Pressing Tab then asks this program, which
also asks the node for its jobs and nodes, for no longer than 0.7 seconds. With words of a line after --, the words that
could come next are printed.`,
  usage: '<bash|zsh|fish|powershell> [words...]',
  flags: completionFlags,
  examples: [
    { about: 'In this bash', command: 'source <(bacalhau completion bash)' },
    { about: 'In every zsh', command: 'bacalhau completion zsh > "${fpath[1]}/_bacalhau"' },
    { about: 'In every fish', command: 'bacalhau completion fish > ~/.config/fish/completions/bacalhau.fish' },
  ],
  load: () => import('../commands/completion.ts'),
})
