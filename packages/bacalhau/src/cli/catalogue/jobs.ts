import { command } from '../command.ts'
import { list, oneOf, text, toggle, whole } from '../flag.ts'
import { tableFlags } from '../global-flags.ts'
import { namespaced, ordered, paged, version, versioned } from './shared.ts'

export const jobListFlags = {
  ...paged('10'),
  ...ordered(['created_at', 'modified_at', 'id'], 'created_at, newest first'),
  oldest: toggle({ help: 'begin with the oldest instead of the newest' }),
  watch: toggle({ help: 'go on with what changes; on a terminal until q or Ctrl-C' }),
  labels: list({
    placeholder: 'SELECTOR',
    help: 'only jobs with these labels, for example env=prod or "team in (a, b)"',
    fallback: 'all',
  }),
  namespace: text({ placeholder: 'NAMESPACE', help: 'only jobs of this namespace', fallback: 'all' }),
  ...tableFlags,
} as const

export const jobList = command({
  name: 'job list',
  aliases: ['list', 'job ls'],
  summary: 'List jobs, newest first',
  about: `Columns: when it was created, the first characters of the id, name, engine, type and state. --wide shows ids and times
in full, with the namespace and the labels.`,
  usage: '',
  flags: jobListFlags,
  examples: [
    { about: 'The last ten jobs', command: 'bacalhau job list' },
    { about: 'Those of one kind', command: 'bacalhau job list --labels env=prod,tier!=test' },
    {
      about: 'What changes, a line of JSON for each change',
      command: 'bacalhau job list --watch --output json',
    },
    {
      about: 'Ids of the last hundred, for a script',
      command: "bacalhau job list --limit 100 --output json | jq -r '.[].ID'",
    },
  ],
  load: () => import('../commands/job-list.ts'),
})

export const jobDescribeFlags = { ...namespaced, ...version } as const

export const jobDescribe = command({
  name: 'job describe',
  aliases: ['describe', 'job show'],
  summary: 'Show a job: its state, why it waits, its executions, what happened',
  about:
    'Of a job with many executions, the first 50 are shown, and of its history only what concerns the job as a whole.',
  usage: '<job>',
  flags: jobDescribeFlags,
  examples: [{ about: 'By id, by a unique beginning of it, or by name', command: 'bacalhau job describe j-3f2a' }],
  load: () => import('../commands/job-describe.ts'),
})

export const jobExecutionsFlags = {
  ...versioned,
  ...paged('20'),
  ...ordered(['created_at', 'modified_at'], 'created_at'),
  ...tableFlags,
} as const

export const jobExecutions = command({
  name: 'job executions',
  summary: 'List the executions of a job, in the order in which they were placed',
  about: '--wide shows ids and times in full, with the partition, the exit code and the result or the reason.',
  usage: '<job>',
  flags: jobExecutionsFlags,
  examples: [{ about: 'Where a job ran', command: 'bacalhau job executions j-3f2a' }],
  load: () => import('../commands/job-executions.ts'),
})

export const jobHistoryFlags = {
  ...versioned,
  ...paged('0'),
  'event-type': oneOf(['all', 'job', 'execution'], {
    help: 'what concerns the job, or its executions',
    fallback: 'all',
  }),
  'execution-id': text({ placeholder: 'ID', help: 'only what happened to this execution' }),
  // Taken for the sake of old scripts: history has one order.
  'order-by': text({ placeholder: 'WORD', help: 'without effect: history is in the order of time' }),
  'order-reversed': toggle({ help: 'the newest first' }),
  ...tableFlags,
} as const

export const jobHistory = command({
  name: 'job history',
  summary: 'List what happened to a job, in order',
  usage: '<job>',
  flags: jobHistoryFlags,
  examples: [{ about: 'All events of a job', command: 'bacalhau job history j-3f2a' }],
  load: () => import('../commands/job-history.ts'),
})

export const jobVersionsFlags = { ...namespaced, ...tableFlags } as const

export const jobVersions = command({
  name: 'job versions',
  summary: 'List the versions of a job, oldest first, and how each ended',
  about: 'A job gets a version each time that a spec with its name is run, and each time that it is run again.',
  usage: '<job>',
  flags: jobVersionsFlags,
  examples: [{ about: 'By name', command: 'bacalhau job versions count-words' }],
  load: () => import('../commands/job-versions.ts'),
})

export const jobLogsFlags = {
  ...namespaced,
  ...version,
  follow: toggle({ short: 'f', help: 'go on until the execution ends' }),
  tail: toggle({ short: 't', help: 'only output from now on' }),
  lines: whole({
    min: 0,
    max: 1_000_000,
    placeholder: 'N',
    help: 'only the last N lines of each stream, and what follows',
  }),
  'execution-id': text({ short: 'e', placeholder: 'ID', help: 'this execution instead of the newest' }),
} as const

export const jobLogs = command({
  name: 'job logs',
  aliases: ['logs'],
  summary: 'Print the output of a job',
  about: `Standard output of the job goes to standard output, standard error to standard error. On a terminal, control
characters are taken out, since a job must not drive your terminal; into a file or pipe every byte goes as it is.`,
  usage: '<job>',
  flags: jobLogsFlags,
  examples: [
    { about: 'All output so far', command: 'bacalhau job logs j-3f2a' },
    { about: 'Watch it', command: 'bacalhau job logs --follow j-3f2a' },
    { about: 'The last lines', command: 'bacalhau job logs --lines 100 j-3f2a' },
  ],
  load: () => import('../commands/job-logs.ts'),
})

export const jobGetFlags = {
  ...namespaced,
  'output-dir': text({ placeholder: 'DIR', help: 'where to put the results; made if missing', fallback: './job-<id>' }),
  raw: toggle({ help: 'as each execution left them, in a folder of its own below raw/' }),
  'download-timeout-secs': whole({
    placeholder: 'SECONDS',
    min: 0,
    max: 31_536_000,
    help: 'give up after this time',
    fallback: 'never',
  }),
} as const

export const jobGet = command({
  name: 'job get',
  aliases: ['get', 'job results'],
  summary: 'Fetch the results of a job',
  about: `Results are the files stdout, stderr and exitCode and one folder per result path. A job with several executions has
one folder per execution. Files that are there already with the same content are left alone; others are never
overwritten.`,
  usage: '<job[/path]>',
  flags: jobGetFlags,
  examples: [
    { about: 'Everything, into ./job-…', command: 'bacalhau job get j-3f2a' },
    { about: 'One folder of it', command: 'bacalhau job get j-3f2a/outputs --output-dir ./here' },
  ],
  load: () => import('../commands/job-get.ts'),
})

export const jobStopFlags = {
  ...namespaced,
  quiet: toggle({ help: 'print nothing' }),
  reason: text({ placeholder: 'TEXT', help: 'why, for the history of the job', fallback: 'Stopped at user request' }),
} as const

export const jobStop = command({
  name: 'job stop',
  aliases: ['cancel', 'job cancel'],
  summary: 'Stop a job',
  usage: '<job>',
  flags: jobStopFlags,
  examples: [{ about: 'Stop it wherever it runs', command: 'bacalhau job stop j-3f2a' }],
  load: () => import('../commands/job-stop.ts'),
})

export const jobValidateFlags = {} as const

export const jobValidate = command({
  name: 'job validate',
  aliases: ['validate'],
  summary: 'Check a job spec without running it',
  about: 'Asks no node. Prints OK, or every problem with its line and field.',
  usage: '[spec|-]',
  flags: jobValidateFlags,
  examples: [{ about: 'Before it is committed', command: 'bacalhau job validate job.yaml' }],
  load: () => import('../commands/job-validate.ts'),
})
