// Every command and flag that users of the Go program (v1.9) know, written as they write them.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { COMMANDS } from './catalogue.ts'
import { argumentBounds } from './command.ts'
import { globalFlags } from './global-flags.ts'
import { parseLine, readFlags, splitWords } from './parse-flags.ts'

const PRETTY = ['--pretty']
const TABLE = [
  ...['table', 'csv', 'json', 'yaml'].map((format) => `--output ${format}`),
  ...PRETTY,
  '--hide-header',
  '--no-style',
  '--wide',
]
const OBJECT = ['--output json', '--output yaml', ...PRETTY]
const list = (...orders: readonly string[]) => [
  '--limit 5',
  '--limit 0',
  '--next-token abc',
  '--order-reversed',
  ...orders.map((order) => `--order-by ${order}`),
]
const WAIT = [
  '--wait',
  '--wait=false',
  '--wait-timeout-secs 600',
  '--id-only',
  '--node-details',
  '-f',
  '--follow',
  '--group-events',
]
const RUN = [...WAIT, '--dry-run']
const NAMESPACE = ['--namespace other']
const VERSION = ['-v 2', '--version 2']
const JOB = [
  ...NAMESPACE,
  '--name n',
  '--priority 3',
  '-l a=b',
  '--labels a=b,c=d',
  '--count 3',
  '--concurrency 3',
  '--target any',
  '--target all',
  '--constraints region=eu',
  '-s region=eu',
  '--selector region=eu',
]
const TASK = [
  '--task-name t',
  '-e A=b',
  '--env A=b',
  '-i ipfs://Qm:/in',
  '--input src=s3://b/k,dst=/in,opt=region=eu',
  '-o outputs:/outputs',
  '--output out:/out',
  '-p ipfs',
  '--publisher s3://b/k,opt=region=eu',
  '--publisher local',
  '--cpu 500m',
  '--memory 1gb',
  '--disk 1gb',
  '--gpu 1',
  '--network HTTP',
  '--network none',
  '--domain a.org',
  '--timeout 60',
  '--queue-timeout 60',
]
const GLOBAL = [
  '-c API.Port=5',
  '--config file.yaml',
  '--config Compute.Enabled',
  '--api-host h',
  '--api-port 1',
  '--data-dir d',
  '--log-level debug',
  '--profile p',
  '-h',
  '--help',
]

/** Command, its arguments, and flags, each of which is to be taken. */
const DOCUMENTED: Readonly<Record<string, readonly [args: string, flags: readonly string[]]>> = {
  'agent alive': ['', OBJECT],
  'agent version': ['', OBJECT],
  'agent node': ['', OBJECT],
  'agent config': ['', OBJECT],
  'config list': ['', TABLE],
  'config set': ['A=b', ['-c file.yaml']],
  'docker run': ['ubuntu echo hi', [...JOB, ...TASK, ...RUN, '-w /x', '--workdir /x', '--entrypoint /bin/sh']],
  'wasm run': ['a.wasm x', [...JOB, ...TASK, ...RUN, '-I m.wasm', '--import-modules m.wasm', '--entry-point main']],
  'job run': [
    'job.yaml',
    [
      ...RUN,
      '--hide-warnings',
      '--no-template',
      '--force',
      '-V a=b',
      '--template-vars a=b,c=d',
      '-E ^A',
      '--template-envs *',
    ],
  ],
  'job rerun': ['j-1', [...WAIT, ...VERSION]],
  'job list': ['', [...list('id', 'created_at'), ...TABLE, '--labels bacalhau_canary!=true']],
  'job describe': ['j-1', [...OBJECT, ...VERSION, ...NAMESPACE]],
  'job executions': [
    'j-1',
    [...list('modified_at', 'created_at'), ...TABLE, ...VERSION, '--all-versions', ...NAMESPACE],
  ],
  'job history': [
    'j-1',
    [
      ...list('id'),
      ...TABLE,
      '--event-type execution',
      '--execution-id e-1',
      ...VERSION,
      '--all-versions',
      ...NAMESPACE,
    ],
  ],
  'job versions': ['j-1', [...TABLE, ...NAMESPACE]],
  'job logs': ['j-1', ['-e e-1', '--execution-id e-1', '-f', '--follow', '-t', '--tail', ...VERSION, ...NAMESPACE]],
  'job stop': ['j-1', ['--quiet', ...NAMESPACE]],
  'job get': ['j-1/outputs', ['--raw', '--download-timeout-secs 5', '--output-dir d', ...NAMESPACE]],
  'job validate': ['job.yaml', []],
  'node list': [
    '',
    [
      ...list('id', 'type', 'available_cpu', 'available_memory', 'available_disk', 'available_gpu', 'status'),
      ...TABLE,
      '--show labels,version,features,capacity',
      '--labels a=b',
      '--filter-approval pending',
      '--filter-status connected',
    ],
  ],
  'node describe': ['n-1', OBJECT],
  'node approve': ['n-1', ['-m why', '--message why']],
  'node reject': ['n-1', ['-m why', '--message why']],
  'node delete': ['n-1', ['-m why', '--message why']],
  'profile list': ['', TABLE],
  'profile save': ['p', ['--endpoint http://x', '--description d', '--timeout 30s', '--insecure', '--select']],
  'profile show': ['p', ['--show-token']],
  'profile select': ['p', []],
  'profile delete': ['p', ['-f', '--force']],
  serve: ['', ['--orchestrator', '--compute', '--name n']],
  version: ['', ['--client', ...TABLE]],
}

/** Commands that stood at the top in older releases. */
const OLD = ['create', 'list', 'describe j-1', 'get j-1', 'logs j-1', 'cancel j-1', 'validate', 'id']

async function take(line: string): Promise<void> {
  const { words, rest } = splitWords(line.split(' '), globalFlags)
  const found = [2, 1].flatMap((length) => {
    const name = words.slice(0, length).join(' ')
    const command = COMMANDS.find((candidate) => candidate.name === name || candidate.aliases?.includes(name))
    return command === undefined ? [] : [{ command, length }]
  })[0]
  assert.ok(found !== undefined, `there is no command for: ${line}`)
  const flags = { ...globalFlags, ...found.command.flags }
  const parsed = await parseLine(rest(found.length), flags)
  readFlags(flags, parsed)
  const { least, most } = argumentBounds(found.command.usage)
  assert.ok(parsed.args.length >= least && parsed.args.length <= most, `wrong number of arguments: ${line}`)
}

describe('documented flags are taken', () => {
  for (const [command, [args, flags]] of Object.entries(DOCUMENTED)) {
    test(command, async () => {
      const line = args === '' ? command : `${command} ${args}`
      await take(line)
      for (const flag of [...flags, ...GLOBAL]) await take(`${line} ${flag}`)
    })
  }

  test('and the commands of older releases', async () => {
    for (const line of OLD) await take(line)
  })

  test('and one that is not documented is not', async () => {
    await assert.rejects(take('job list --colour'), { code: 'InvalidFlag' })
  })
})
