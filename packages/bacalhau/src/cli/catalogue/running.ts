import { LIMITS } from '../../runtime/limits.ts'
import { command } from '../command.ts'
import { list, oneOf, pairs, text, toggle, whole, words } from '../flag.ts'
import { namespaced } from './shared.ts'

const YEAR = 31_536_000

/** How a command that submits a job goes on. */
const waiting = {
  wait: toggle({ help: 'wait for the end of the job; --wait=false returns at once', standard: true }),
  'wait-timeout-secs': whole({
    placeholder: 'SECONDS',
    min: 0,
    max: YEAR,
    help: 'stop waiting after this time; the job goes on',
    fallback: 'never',
  }),
  follow: toggle({ short: 'f', help: 'print the output of the job while it runs' }),
  'id-only': toggle({ help: 'print nothing but the id of the job' }),
  'node-details': toggle({ help: 'list the executions and their nodes when the job has ended' }),
  'group-events': toggle({ help: 'without effect: progress is told by job, not by node' }),
  'exit-code': toggle({ help: 'exit with the exit code of the job itself' }),
  download: text({ placeholder: 'DIR', help: 'fetch the results into this folder when the job has completed' }),
} as const

const dryRun = {
  'dry-run': toggle({ help: 'print what would be submitted, or what it would change, and stop' }),
} as const

const warnings = {
  'hide-warnings': toggle({ help: 'print no warnings about the spec' }),
  'show-warnings': toggle({ help: 'print warnings about the spec', standard: true }),
} as const

/** How the text of a spec becomes a job. */
const templating = {
  'no-template': toggle({ help: 'take the text as it is, also where it holds {{ }}' }),
  'template-vars': list({
    short: 'V',
    placeholder: 'NAME=VALUE',
    help: 'value of {{.NAME}} in the spec; commas separate several',
  }),
  'template-envs': text({
    short: 'E',
    placeholder: 'REGEX',
    help: 'variables of the environment that the spec may use in the same way; * stands for all',
  }),
} as const

export const runFlags = {
  ...waiting,
  ...dryRun,
  ...warnings,
  ...templating,
  force: toggle({ help: 'make a new version of the job with this name even if nothing has changed' }),
} as const

export const run = command({
  name: 'job run',
  aliases: ['run', 'create', 'job create'],
  summary: 'Run the job that a spec describes',
  about: `The spec is YAML or JSON: a job of version 1.9 (with Tasks), or one of the older kind (with Engine and Docker or Wasm).
Without a file it is read from standard input.
A source of the type \`file\` names a file or folder on this machine, relative to the spec; it is uploaded first:
  InputSources: [{Source: {Type: file, Params: {Path: ./texts}}, Target: /inputs}]
{{.name}} in the spec is replaced by a value of --template-vars, see docs/cli.md for what else templates can do.
A job with the name of one that is there becomes its next version: what is left of the old one is stopped; --dry-run
shows what would change.
The exit code is 0 when the job completes, whatever its own exit code, and 1 when it fails or is stopped; --exit-code
makes it that of the job.`,
  usage: '[spec|-]',
  flags: runFlags,
  examples: [
    { about: 'Run a job and wait for its results', command: 'bacalhau job run job.yaml' },
    { about: 'From another program', command: 'make-spec | bacalhau job run' },
    { about: 'With values for its template', command: 'bacalhau job run --template-vars city=Oslo,year=2026 job.yaml' },
    {
      about: 'Submit it and go on with something else',
      command: 'id=$(bacalhau job run --wait=false --id-only job.yaml)',
    },
  ],
  load: () => import('../commands/run.ts'),
})

/** What a command that makes a job of its flags says of the job. */
const jobFlags = {
  name: text({ placeholder: 'NAME', help: 'name of the job' }),
  namespace: text({ placeholder: 'NAMESPACE', help: 'namespace of the job', fallback: 'default' }),
  priority: whole({ placeholder: 'N', min: -1_000_000, max: 1_000_000, help: 'higher comes first', fallback: '0' }),
  labels: pairs({ short: 'l', placeholder: 'NAME=VALUE', help: 'label of the job' }),
  count: whole({
    placeholder: 'N',
    min: 1,
    max: LIMITS.jobCount,
    help: 'how many executions',
    fallback: '1',
    aliases: ['concurrency'],
  }),
  target: oneOf(['any', 'all'], { help: 'where to run: on any fitting node, or once on all of them', fallback: 'any' }),
  constraints: list({
    short: 's',
    placeholder: 'SELECTOR',
    help: 'labels of the node: zone=eu, "zone in (eu, us)"',
    aliases: ['selector'],
  }),
} as const

/** What it says of the task. */
const taskFlags = {
  'task-name': text({ placeholder: 'NAME', help: 'name of the task', fallback: 'main' }),
  env: list({
    short: 'e',
    placeholder: 'NAME=VALUE',
    help: 'environment variable; NAME alone takes the value it has here',
  }),
  input: list({
    short: 'i',
    placeholder: 'SOURCE[:TARGET]',
    help: 'input: ./local (uploaded), ipfs://CID, job://ID, s3://…, https://…, or file:///…',
  }),
  output: list({
    short: 'o',
    placeholder: 'NAME:PATH',
    help: 'result folder, which the task sees as PATH; or json, yaml',
    fallback: 'outputs:/outputs',
  }),
  publisher: text({
    short: 'p',
    placeholder: 'WHERE',
    help: 'where results go: ipfs, local, s3managed, s3://bucket/key, or none',
    fallback: 'ipfs',
  }),
  cpu: text({ placeholder: 'CORES', help: 'for example 2 or 500m' }),
  memory: text({ placeholder: 'SIZE', help: 'for example 512MB or 2GiB' }),
  disk: text({ placeholder: 'SIZE', help: 'for example 10GB' }),
  gpu: text({ placeholder: 'N', help: 'how many GPUs' }),
  network: oneOf(['default', 'none', 'host', 'full', 'http', 'bridge'], {
    placeholder: 'TYPE',
    help: 'what the task may reach: none, http, bridge, host, full',
    fallback: 'default',
  }),
  domain: list({ placeholder: 'NAME', help: 'host name that --network http reaches' }),
  timeout: whole({ placeholder: 'SECONDS', min: 0, max: YEAR, help: 'end the job after this time, waiting included' }),
  'queue-timeout': whole({ placeholder: 'SECONDS', min: 0, max: YEAR, help: 'fail if no node is free for this long' }),
} as const

/** Flags of `docker run` and `wasm run`. */
export const taskRunFlags = { ...jobFlags, ...taskFlags, ...waiting, ...dryRun } as const

export const dockerRunFlags = {
  ...taskRunFlags,
  workdir: text({ short: 'w', placeholder: 'PATH', help: 'folder to start in', fallback: 'that of the image' }),
  entrypoint: words({
    placeholder: 'WORD,...',
    help: 'what to run instead of the entry point of the image; may be repeated',
  }),
} as const

export const dockerRun = command({
  name: 'docker run',
  summary: 'Run a container',
  about: `Words after the image are what it runs. Put -- before them when one begins with a dash.
Inputs of this machine are uploaded first. Without a target an input is mounted at /inputs; two inputs need two targets.
A node must offer the engine docker; where none does, the job fails and says so.`,
  usage: '<image> [command...]',
  flags: dockerRunFlags,
  examples: [
    { about: 'One command', command: 'bacalhau docker run ubuntu:24.04 echo hello' },
    {
      about: 'With a shell, an input and a result',
      command: 'bacalhau docker run -i ./texts:/inputs ubuntu:24.04 -- sh -c "wc -w /inputs/* > /outputs/words"',
    },
  ],
  load: () => import('../commands/docker-run.ts'),
})

export const wasmRunFlags = {
  ...taskRunFlags,
  'import-modules': list({
    short: 'I',
    placeholder: 'MODULE',
    help: 'a further module, a file or CID, that the module imports',
  }),
  'entry-point': text({ placeholder: 'NAME', help: 'function to start', fallback: '_start' }),
} as const

export const wasmRun = command({
  name: 'wasm run',
  summary: 'Run a WebAssembly module',
  about: `The module is a file of this machine, ipfs://CID, or the target of one of the inputs. Put -- before arguments that
begin with a dash.
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
  ...namespaced,
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

export const jobDiffFlags = { ...warnings, ...templating } as const

export const jobDiff = command({
  name: 'job diff',
  summary: 'Show what running a spec would change of the job with its name',
  about: `Nothing is run. Inputs of this machine are uploaded, since they are compared by what is in them. Lines that begin
with - are what the job has now, those with + what it would have.`,
  usage: '[spec|-]',
  flags: jobDiffFlags,
  examples: [{ about: 'Before an update', command: 'bacalhau job diff job.yaml && bacalhau job run job.yaml' }],
  load: () => import('../commands/job-diff.ts'),
})
