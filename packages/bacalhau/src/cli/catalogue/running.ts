import { LIMITS } from '../../runtime/limits.ts'
import { command } from '../command.ts'
import { list, pairs, text, toggle, whole } from '../flag.ts'

/** How a command that submits a job goes on. */
const waiting = {
  wait: toggle({ help: 'wait for the end of the job; --wait=false returns at once', standard: true }),
  follow: toggle({ short: 'f', help: 'print the output of the job while it runs' }),
  'id-only': toggle({ help: 'print nothing but the id of the job' }),
  download: text({ placeholder: 'DIR', help: 'fetch the results into this folder when the job has completed' }),
} as const

const dryRun = { 'dry-run': toggle({ help: 'print the job as it would be submitted, and stop' }) } as const

export const runFlags = {
  ...waiting,
  ...dryRun,
  force: toggle({ help: 'make a new version of the job with this name even if nothing has changed' }),
} as const

export const run = command({
  name: 'run',
  aliases: ['job run', 'create', 'job create'],
  summary: 'Run the job that a spec describes',
  about: `The spec is YAML or JSON: a job of version 1.9 (with Tasks), or one of the older kind (with Engine and Docker or Wasm).
A source of the type \`file\` names a file or folder on this machine, relative to the spec; it is uploaded first:
  InputSources: [{Source: {Type: file, Params: {Path: ./texts}}, Target: /inputs}]
A job with the name of one that is there becomes its next version: what is left of the old one is stopped.
The exit code is 0 when the job completes, whatever its own exit code, and 1 when it fails or is stopped.`,
  usage: '<spec|->',
  flags: runFlags,
  examples: [
    { about: 'Run a job and wait for its results', command: 'bacalhau run job.yaml' },
    { about: 'From another program', command: 'make-spec | bacalhau run -' },
    { about: 'Submit it and go on with something else', command: 'id=$(bacalhau run --wait=false --id-only job.yaml)' },
  ],
  load: () => import('../commands/run.ts'),
})

export const wasmRunFlags = {
  input: list({
    short: 'i',
    placeholder: 'SOURCE[:TARGET]',
    help: 'input: ./local (uploaded), ipfs://CID, or file:///on/the/node where that node allows it',
  }),
  output: list({
    short: 'o',
    placeholder: 'NAME:PATH',
    help: 'result folder, which the module sees as PATH; or json, yaml',
    fallback: 'outputs:/outputs',
  }),
  env: list({
    short: 'e',
    placeholder: 'NAME=VALUE',
    help: 'environment variable; NAME alone takes the value it has here',
  }),
  'import-modules': list({
    short: 'I',
    placeholder: 'MODULE',
    help: 'a further module, a file or CID, that the module imports',
  }),
  'entry-point': text({ placeholder: 'NAME', help: 'function to start', fallback: '_start' }),
  cpu: text({ placeholder: 'CORES', help: 'for example 2 or 500m' }),
  memory: text({ placeholder: 'SIZE', help: 'for example 512MB or 2GiB' }),
  disk: text({ placeholder: 'SIZE', help: 'for example 10GB' }),
  timeout: whole({ placeholder: 'SECONDS', min: 0, max: 31_536_000, help: 'end the run after this time' }),
  count: whole({ placeholder: 'N', min: 1, max: LIMITS.jobCount, help: 'how many executions', fallback: '1' }),
  name: text({ placeholder: 'NAME', help: 'name of the job' }),
  namespace: text({ placeholder: 'NAMESPACE', help: 'namespace of the job', fallback: 'default' }),
  priority: whole({ placeholder: 'N', min: -1_000_000, max: 1_000_000, help: 'higher comes first', fallback: '0' }),
  labels: pairs({ short: 'l', placeholder: 'NAME=VALUE', help: 'label of the job' }),
  publisher: text({
    short: 'p',
    placeholder: 'WHERE',
    help: 'where results go: ipfs, or none, without result folders',
    fallback: 'ipfs',
  }),
  ...waiting,
  ...dryRun,
} as const

export const wasmRun = command({
  name: 'wasm run',
  summary: 'Run a WebAssembly module',
  about: `The module is a file of this machine or ipfs://CID. Put -- before arguments that begin with a dash.
Inputs of this machine are uploaded first. Without a target an input is mounted at /inputs; two inputs need two targets.
An input may also be written src=SOURCE,dst=TARGET.`,
  usage: '<module> [args...]',
  flags: wasmRunFlags,
  examples: [
    { about: 'Count words in a folder of texts', command: 'bacalhau wasm run word-count.wasm -i ./texts:/inputs' },
    {
      about: 'With arguments, printing the output as it comes',
      command: 'bacalhau wasm run --follow -i ./texts:/inputs word-count.wasm -- --top 5',
    },
    {
      about: 'Fetch the results at once',
      command: 'bacalhau wasm run -i ipfs://Qm…:/inputs edges.wasm --download ./results',
    },
  ],
  load: () => import('../commands/wasm-run.ts'),
})

export const jobRerunFlags = {
  ...waiting,
  namespace: text({ placeholder: 'NAMESPACE', help: 'where a job is looked up by its name', fallback: 'default' }),
  version: whole({
    short: 'v',
    placeholder: 'N',
    min: 1,
    max: Number.MAX_SAFE_INTEGER,
    help: 'the version to run again',
    fallback: 'the newest',
  }),
} as const

export const jobRerun = command({
  name: 'job rerun',
  summary: 'Run a job again',
  about: `The job gets a new version with the spec of the one that is run again. What of it still runs is stopped. A job that
waits for a node cannot be run again: it has not run yet.`,
  usage: '<job>',
  flags: jobRerunFlags,
  examples: [
    { about: 'As it is', command: 'bacalhau job rerun j-3f2a' },
    { about: 'Back to what it was before the last update', command: 'bacalhau job rerun count-words --version 1' },
  ],
  load: () => import('../commands/job-rerun.ts'),
})

export const jobDiffFlags = {} as const

export const jobDiff = command({
  name: 'job diff',
  summary: 'Show what running a spec would change of the job with its name',
  about: `Nothing is run. Inputs of this machine are uploaded, since they are compared by what is in them. Lines that begin
with - are what the job has now, those with + what it would have.`,
  usage: '<spec|->',
  flags: jobDiffFlags,
  examples: [{ about: 'Before an update', command: 'bacalhau job diff job.yaml && bacalhau run job.yaml' }],
  load: () => import('../commands/job-diff.ts'),
})
