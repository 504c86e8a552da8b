import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Job } from '@bacalhau/models'
import { someResources } from '../../fixtures/samples.ts'
import { wasmJob } from '../fixtures/requester-bench.ts'
import { recording } from '../fixtures/recordings.ts'
import { writeAsk } from './write-execution.ts'
import { writeLegacyAsk } from './write-legacy-job.ts'
import type { GoRun } from './write-parts.ts'

type Json = Record<string, unknown>
type JobPatch = Partial<Job>
type TaskPatch = Partial<Job['Tasks'][number]>

function runOf(job: JobPatch = {}, task: TaskPatch = {}, more: Partial<GoRun> = {}): GoRun {
  const [resources, partition] = [someResources({ CPU: 0.5, Memory: 512e6 }), 2]
  return {
    executionId: 'e-1',
    job: wasmJob({ Count: 3, ...job }, task),
    partition,
    resources,
    node: 'QmNode',
    self: 'QmSelf',
    ...more,
  }
}

const taskOf = (run: GoRun): Json =>
  (writeAsk(run) as { Execution: { Job: { Tasks: Json[] } } }).Execution.Job.Tasks[0] ?? {}
const specOf = (run: GoRun): Json => (writeLegacyAsk(run, Buffer.of(1)) as { Job: { Spec: Json } }).Job.Spec

/** Maps whose keys are somebody's own. */
const FREE = new Set(['Meta', 'Labels', 'EnvironmentVariables', 'Resources'])

/** Names and order of all fields, and what kinds of values they have. */
function shapeOf(value: unknown, name = ''): unknown {
  if (Array.isArray(value)) return value.map((item) => shapeOf(item))
  if (typeof value !== 'object' || value === null) return value === null ? 'null' : typeof value
  if (FREE.has(name)) return 'map'
  return Object.entries(value).map(([key, inner]) => [key, shapeOf(inner, key)])
}

/** What of ours a recorded job was. */
function recordedRun(name: string): { readonly run: GoRun; readonly sent: Json } {
  const sent = recording(name).messages[0]?.json as Json
  const execution = sent['Execution'] as { Job: { Type: Job['Type']; Name: string; Tasks: TaskPatch[] } }
  const { Publisher, ResultPaths = [] } = execution.Job.Tasks[0] ?? {}
  const run = runOf(
    { Type: execution.Job.Type, Name: execution.Job.Name },
    { ...(Publisher && { Publisher }), ResultPaths },
  )
  return { run, sent }
}

describe('an ask for a Go node', () => {
  for (const name of [
    'b1-batch-no-publisher',
    'b2-batch-local-publisher',
    'b3-batch-ipfs-publisher',
    'b4-ops',
    'b5-reject-capacity',
  ]) {
    test(`has every field of the recording ${name}, in its order`, () => {
      const { run, sent } = recordedRun(name)
      assert.deepEqual(shapeOf(writeAsk(run)), shapeOf(sent))
    })
  }

  test('has every field of what v1.2.3 sends itself, in its order', () => {
    const sent = recording('a1-batch-legacy-job').messages[0]?.json as Json
    const names = (value: unknown): unknown => Object.keys(value as Json)
    const ours = writeAsk(
      runOf({}, { Publisher: { Type: 'noop' }, ResultPaths: [{ Name: 'outputs', Path: '/outputs' }] }),
    ) as {
      Execution: Json & { Job: Json & { Tasks: Json[] } }
    }
    const theirs = sent as typeof ours
    assert.deepEqual(names(ours), names(theirs))
    assert.deepEqual(names(ours.Execution), names(theirs.Execution))
    assert.deepEqual(names(ours.Execution.Job), names(theirs.Execution.Job))
    assert.deepEqual(names(ours.Execution.Job.Tasks[0]), names(theirs.Execution.Job.Tasks[0]))
  })

  test('of v1.0.3 has every field of the recording, in its order', () => {
    const sent = recording('genb-b-batch').messages[0]?.json as { Job: { Spec: Json } }
    const run = runOf({}, { Publisher: { Type: 'ipfs' }, ResultPaths: [{ Name: 'outputs', Path: '/outputs' }] })
    const ours = writeLegacyAsk(run, Buffer.of(1)) as typeof sent & { Job: { Spec: { Wasm: Json } } }
    // Ours says besides which partition it is.
    delete ours.Job.Spec.Wasm['EnvironmentVariables']
    assert.deepEqual(shapeOf(ours), shapeOf(sent))
  })

  test('says who asks whom, for which execution of which job', () => {
    const ask = writeAsk(runOf({ ID: 'j-1', Namespace: 'ns' })) as { Execution: Json & { Job: Json } } & Json
    const { ID, JobID, NodeID, Namespace, Job } = ask.Execution
    assert.deepEqual(
      [ask['SourcePeerID'], ask['TargetPeerID'], ID, JobID, NodeID, Namespace, Job['ID'], ask['WaitForApproval']],
      ['QmSelf', 'QmNode', 'e-1', 'j-1', 'QmNode', 'ns', 'j-1', true],
    )
    assert.deepEqual(Job['Meta'], { 'bacalhau.org/requester.id': 'QmSelf' })
  })

  test('writes times as whole numbers', () => {
    assert.match(JSON.stringify(writeAsk(runOf())), /"CreateTime":\d{19},"ModifyTime":\d{19}\}/)
  })

  test('keeps notes and constraints, but not those of this program', () => {
    const job = {
      Meta: { team: 'x', 'bacalhau.org/requester.id': 'other' },
      Constraints: [
        { Key: 'zone', Operator: 'in' as const, Values: ['a'] },
        { Key: 'gpu', Operator: '!' as const },
      ],
    }
    const ask = writeAsk(runOf(job)) as { Execution: { Job: Json } }
    assert.deepEqual(ask.Execution.Job['Meta'], { team: 'x', 'bacalhau.org/requester.id': 'QmSelf' })
    assert.deepEqual(ask.Execution.Job['Constraints'], [
      { Key: 'zone', Operator: 'in', Values: ['a'] },
      { Key: 'gpu', Operator: '!' },
    ])
  })
})

describe('a WebAssembly task for a Go node', () => {
  const library = {
    Source: { Type: 'ipfs', Params: { cid: 'QmLib' } },
    Alias: '',
    Target: '/wasm/imports/module_0.wasm',
  }
  const entry = { Source: { Type: 'ipfs', Params: { CID: 'QmWasm' } }, Alias: '', Target: '/wasm/entry.wasm' }
  const data = { Source: { Type: 'urldownload', Params: { URL: 'http://x/y' } }, Alias: 'in', Target: '/inputs' }
  const params = {
    EntryModule: entry.Target,
    Entrypoint: 'main',
    Parameters: ['-n', '3'],
    ImportModules: [library.Target],
  }
  const task = { Engine: { Type: 'wasm', Params: params }, InputSources: [data, entry, library], Env: { A: '1' } }

  test('has its modules in the engine again, and its other inputs as they were', () => {
    const { Engine, InputSources } = taskOf(runOf({}, task)) as { Engine: { Params: Json }; InputSources: Json[] }
    const { EntryModule, EntryPoint, Parameters, ImportModules } = Engine.Params
    assert.deepEqual(EntryModule, { Source: { Type: 'ipfs', Params: { CID: 'QmWasm' } }, Alias: '', Target: '' })
    assert.deepEqual(ImportModules, [{ Source: { Type: 'ipfs', Params: { CID: 'QmLib' } }, Alias: '', Target: '' }])
    assert.deepEqual([EntryPoint, Parameters], ['main', ['-n', '3']])
    assert.deepEqual(InputSources, [
      { Source: { Type: 'urlDownload', Params: { URL: 'http://x/y' } }, Alias: 'in', Target: '/inputs' },
    ])
  })

  test('finds its variables, and which partition it is', () => {
    const { Engine } = taskOf(runOf({ ID: 'j-1' }, task)) as { Engine: { Params: Json } }
    assert.deepEqual(Engine.Params['EnvironmentVariables'], {
      A: '1',
      BACALHAU_EXECUTION_ID: 'e-1',
      BACALHAU_JOB_ID: 'j-1',
      BACALHAU_JOB_TYPE: 'batch',
      BACALHAU_PARTITION_INDEX: '2',
      BACALHAU_PARTITION_COUNT: '3',
    })
  })

  test('keeps a module as an input that the spec names as one', () => {
    const named = { ...entry, Target: '/inputs/main.wasm' }
    const own = { Engine: { Type: 'wasm', Params: { entrymodule: named.Target } }, InputSources: [named] }
    const { Engine, InputSources } = taskOf(runOf({}, own)) as { Engine: { Params: Json }; InputSources: Json[] }
    assert.deepEqual((Engine.Params['EntryModule'] as Json)['Source'], { Type: 'ipfs', Params: { CID: 'QmWasm' } })
    assert.equal(InputSources.length, 1)
  })

  test('says the same to v1.0.3 in its words', () => {
    const spec = specOf(runOf({}, task))
    const { EntryModule, EntryPoint, Parameters, ImportModules } = spec['Wasm'] as Json
    assert.deepEqual(EntryModule, { StorageSource: 'IPFS', CID: 'QmWasm' })
    assert.deepEqual(ImportModules, [{ StorageSource: 'IPFS', CID: 'QmLib' }])
    assert.deepEqual([spec['Engine'], EntryPoint, Parameters], ['Wasm', 'main', ['-n', '3']])
    assert.deepEqual(spec['inputs'], [{ StorageSource: 'URLDownload', URL: 'http://x/y', Name: 'in', path: '/inputs' }])
  })
})

describe('a container task for a Go node', () => {
  const Params = {
    Image: 'ubuntu',
    Parameters: ['-c', 'date'],
    EnvironmentVariables: ['B=2'],
    WorkingDirectory: '/work',
  }
  const task = (more: Json = {}) => ({ Engine: { Type: 'Docker', Params: { ...Params, ...more } }, InputSources: [] })

  test('has the fields of the engine, and null where nothing is said', () => {
    const { Engine } = taskOf(runOf({}, task())) as { Engine: { Type: string; Params: Json } }
    const { EnvironmentVariables, ...rest } = Engine.Params
    assert.deepEqual(
      [Engine.Type, rest],
      ['docker', { Entrypoint: null, Image: 'ubuntu', Parameters: ['-c', 'date'], WorkingDirectory: '/work' }],
    )
    assert.deepEqual(
      (EnvironmentVariables as string[]).filter((text) => !text.startsWith('BACALHAU_')),
      ['B=2'],
    )
  })

  test('has one command for v1.0.3, which knows no parameters', () => {
    const docker = specOf(runOf({}, task({ Entrypoint: ['/bin/sh'] })))['Docker'] as Json
    assert.deepEqual(docker['Entrypoint'], ['/bin/sh', '-c', 'date'])
    assert.throws(() => specOf(runOf({}, task())), /parameters without an entry point/)
  })

  test('runs as the user that the image says, or not at all', () => {
    assert.throws(() => taskOf(runOf({}, task({ User: '1000' }))), /containers with User/)
    assert.throws(() => specOf(runOf({}, task({ User: '1000', Entrypoint: ['x'] }))), /containers with User/)
  })
})

describe('what a Go node is told of a task', () => {
  test('are resources in numbers, none that are not asked for', () => {
    assert.deepEqual(taskOf(runOf())['Resources'], { CPU: '0.5', Memory: '512000000' })
    assert.deepEqual(specOf(runOf())['Resources'], { CPU: '0.5', Memory: '512000000', GPU: '' })
    const gpus = { resources: someResources({ GPU: 2, CPU: 0, Memory: 0 }) }
    assert.deepEqual(taskOf(runOf({}, {}, gpus))['Resources'], { GPU: '2' })
    assert.deepEqual(specOf(runOf({}, {}, gpus))['Resources'], { GPU: '2' })
  })

  test('is its time, and the longest there is where it has none', () => {
    const timeout = (run: GoRun) => (taskOf(run)['Timeouts'] as Json)['ExecutionTimeout']
    assert.equal(timeout(runOf({}, { Timeouts: { ExecutionTimeout: 60 } })), 60)
    assert.equal(timeout(runOf({}, { Timeouts: { ExecutionTimeout: 0 } })), 9_223_372_036)
    assert.equal(timeout(runOf()), 9_223_372_036)
    assert.equal(specOf(runOf({}, { Timeouts: { ExecutionTimeout: 60 } }))['Timeout'], 60)
    assert.equal(specOf(runOf())['Timeout'], 3_600)
  })

  test('is its network, in the words that it has', () => {
    const network = (value: Job['Tasks'][number]['Network']) => taskOf(runOf({}, { Network: value }))['Network']
    assert.deepEqual(network({ Type: 'Default' }), { Type: 'None' })
    assert.deepEqual(network({ Type: 'Host' }), { Type: 'Full' })
    assert.deepEqual(network({ Type: 'HTTP', Domains: ['example.com'] }), { Type: 'HTTP', Domains: ['example.com'] })
    assert.throws(() => network({ Type: 'Bridge' }), /cannot do ports/)
    assert.throws(() => network({ Type: 'Full', Ports: [{ Name: 'a' }] }), /cannot do ports/)
  })

  test('are inputs and publishers in its spelling, with nothing left out in silence', () => {
    const s3 = { Type: 'S3', Params: { bucket: 'b', KEY: 'k/', Filter: 'x', Region: 'eu' } }
    const local = { Type: 'local', Params: { SourcePath: '/data', ReadWrite: 'true' } }
    const inputs = [s3, local].map((Source, index) => ({ Source, Alias: '', Target: `/in${index}` }))
    const task = { InputSources: [...(wasmJob().Tasks[0]?.InputSources ?? []), ...inputs] }
    const written = taskOf(runOf({}, task))['InputSources'] as { Source: Json }[]
    assert.deepEqual(
      written.map(({ Source }) => Source),
      [
        { Type: 's3', Params: { Bucket: 'b', Key: 'k/', Filter: 'x', Region: 'eu' } },
        { Type: 'localDirectory', Params: { SourcePath: '/data', ReadWrite: 'true' } },
      ],
    )
    const other = (Source: Job['Tasks'][number]['Engine']) => ({
      InputSources: [...task.InputSources, { Source, Alias: '', Target: '/x' }],
    })
    assert.throws(() => taskOf(runOf({}, other({ Type: 'job', Params: {} }))), /inputs of the kind "job"/)
    assert.throws(
      () => taskOf(runOf({}, other({ Type: 's3', Params: { Bucket: 'b', Partition: {} } }))),
      /with Partition/,
    )
    const publisher = { Type: 'S3', Params: { Bucket: 'b', Key: 'k', Encoding: 'gzip' } }
    assert.deepEqual(taskOf(runOf({}, { Publisher: publisher }))['Publisher'], {
      Type: 's3',
      Params: { Bucket: 'b', Key: 'k' },
    })
    assert.deepEqual(
      specOf(runOf({}, { Publisher: publisher, InputSources: wasmJob().Tasks[0]?.InputSources ?? [] }))[
        'PublisherSpec'
      ],
      {
        Type: 'S3',
        Params: { Bucket: 'b', Key: 'k' },
      },
    )
    const plain = { Type: 's3', Params: { Bucket: 'b', Key: 'k', Encoding: 'plain' } }
    assert.throws(() => taskOf(runOf({}, { Publisher: plain })), /not an archive/)
  })

  test('is nothing that would be something else there', () => {
    assert.throws(() => taskOf(runOf({}, { Env: { A: 'env:HOME' } })), /variables of the node/)
    assert.throws(() => specOf(runOf({}, { Publisher: { Type: 'local' } })), /publisher "local"/)
    const inside = { Engine: { Type: 'wasm', Params: { EntryModule: '/data/main.wasm' } } }
    assert.throws(() => taskOf(runOf({}, inside)), /within another input/)
  })
})
