import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { checkTakenJob, jobSchema } from '@bacalhau/models'
import fc from 'fast-check'
import { isBacalhauError, messageOf } from '../../../runtime/error.ts'
import { archiveOf, ELIDED, execution } from '../fixtures/asks.ts'
import { allRecordings } from '../fixtures/recordings.ts'
import { GO_PROTOCOLS } from '../wire/protocols.ts'
import { readJob, readJobB } from './read-job.ts'

interface RecordedAsk {
  readonly Job?: object
  readonly Execution?: { readonly Job: object }
}

const job = (task: object, more: object = {}) => {
  const { Job } = execution('e')
  return { ...Job, ...more, Tasks: [{ ...Job.Tasks[0], ...task }] }
}
const taskOf = async (task: object, more: object = {}) => {
  const { job: read } = await readJob(job(task, more), 0)
  const [first] = read.Tasks
  assert.ok(first)
  return first
}
const refusal = (reading: Promise<unknown>) =>
  reading.then(
    () => 'fine',
    (error: unknown) =>
      isBacalhauError(error) && error.code === 'BadRequest' ? messageOf(error) : `no: ${String(error)}`,
  )

const URL = (module: Uint8Array) => `data:application/gzip;base64,${Buffer.from(module).toString('base64')}`
const inline = (URL: string) => ({ Source: { Type: 'inline', Params: { URL } } })
const wasm = (EntryModule: object, more: object = {}) => ({
  Engine: { Type: 'wasm', Params: { EntryModule, ...more } },
})

describe('jobs of asks', () => {
  const asks = allRecordings().flatMap(({ name, messages }) =>
    messages
      .filter(({ protocol, kind }) => kind === 'request' && protocol === GO_PROTOCOLS.askForBid)
      .map(({ json }) => {
        const text = JSON.stringify(json).replaceAll('<elided>', ELIDED)
        return { name, ask: JSON.parse(text) as RecordedAsk }
      }),
  )

  test('every recorded one becomes a job that this node could hold', async () => {
    assert.ok(asks.length > 15)
    for (const { name, ask } of asks) {
      const { job, resources } = await (ask.Execution === undefined
        ? readJobB(ask.Job, 5)
        : readJob(ask.Execution.Job, 5))
      assert.deepEqual(jobSchema.parse(JSON.parse(JSON.stringify(job))), job, name)
      assert.deepEqual(checkTakenJob(job), [], name)
      const [task] = job.Tasks
      assert.equal(task?.Engine.Type, 'wasm', name)
      const module = task.InputSources.find(({ Target }) => Target === '/wasm/entry.wasm')
      assert.match(String(module?.Source.Params?.['URL']), /^data:application\/(?:wasm|gzip)/, name)
      assert.ok(resources.CPU > 0 && resources.Memory > 0, name)
    }
  })

  test('keep what they say', async () => {
    const { job: read, resources } = await readJob(
      job(
        {
          Engine: {
            Type: 'docker',
            Params: { Image: 'ubuntu', Entrypoint: ['ls'], Parameters: null, EnvironmentVariables: null },
          },
          Publisher: { Type: 's3', Params: { Bucket: 'b', Key: 'k' } },
          InputSources: [{ Source: { Type: 'ipfs', Params: { CID: 'Qm' } }, Alias: '', Target: '/inputs' }],
          ResultPaths: [{ Name: 'outputs', Path: '/outputs' }],
          Resources: { CPU: '500m', Memory: '1Gb', GPU: '1' },
          Network: { Type: 'HTTP', Domains: ['example.com'] },
          Env: { B: '2' },
        },
        {
          Constraints: [{ Key: 'gpu', Operator: '!', Values: null }],
          Meta: { 'bacalhau.org/client.id': 'c', note: 'n' },
          Labels: { a: '' },
          Priority: 3,
          Count: 2,
          Novelty: 'unknown fields are set aside',
        },
      ),
      7,
    )
    const [task] = read.Tasks
    assert.deepEqual(task?.Engine, { Type: 'docker', Params: { Image: 'ubuntu', Entrypoint: ['ls'] } })
    assert.deepEqual(task.Publisher, { Type: 's3', Params: { Bucket: 'b', Key: 'k' } })
    assert.deepEqual(task.Network, { Type: 'HTTP', Domains: ['example.com'] })
    assert.deepEqual(task.Env, { B: '2' })
    assert.deepEqual(resources, { CPU: 0.5, Memory: 1e9, Disk: 0, GPU: 1 })
    assert.deepEqual([read.ID, read.Count, read.Priority, read.CreateTime], ['j-e', 2, 3, 7e6])
    assert.deepEqual(read.Meta, { 'bacalhau.org/client.id': 'c', note: 'n' })
    assert.deepEqual(read.Constraints, [{ Key: 'gpu', Operator: '!' }])
  })

  test('may leave out, or have null for, whatever Go does', async () => {
    const bare = { ID: 'j', Type: 'batch', Count: 1, Tasks: [{ Name: 'main', Engine: { Type: 'noop' } }] }
    const nulls = { Constraints: null, Meta: null, Labels: null, Name: null, Namespace: null, State: null }
    const task = { Name: 'main', Engine: { Type: 'noop', Params: null }, Publisher: null, Env: null, Network: null }
    for (const document of [bare, { ...bare, ...nulls, Tasks: [{ ...task, Resources: null, Timeouts: null }] }]) {
      const { job: read } = await readJob(document, 0)
      assert.equal(read.Tasks[0]?.Network.Type, 'None')
      assert.deepEqual(read.Tasks[0]?.Timeouts, {})
    }
  })

  test('names match in any case, and resources under both of their names', async () => {
    const { resources } = await readJob(
      {
        id: 'j',
        TYPE: 'batch',
        count: 1,
        tasks: [{ name: 'm', engine: { type: 'noop' }, resourcesconfig: { cpu: '2' } }],
      },
      0,
    )
    assert.equal(resources.CPU, 2)
  })

  test('a timeout of 292 years is none; jobs that run everywhere have no count', async () => {
    assert.deepEqual((await taskOf({ Timeouts: { ExecutionTimeout: 9_223_372_036 } })).Timeouts, {})
    assert.deepEqual((await taskOf({ Timeouts: { ExecutionTimeout: 60 } })).Timeouts, { ExecutionTimeout: 60 })
    for (const Type of ['ops', 'daemon']) await taskOf({}, { Type, Count: 5 })
  })

  test('that cannot be done say why', async () => {
    assert.match(await refusal(readJob({}, 0)), /^this node cannot run the job: .*Tasks: missing job tasks|Type/)
    assert.match(await refusal(readJob(null, 0)), /^this node cannot run the job: /)
    assert.equal(await refusal(readJob(job({}, { ID: '' }), 0)), 'the job has no ID')
    assert.match(await refusal(readJob(job({ Network: { Type: 'Wormhole' } }), 0)), /'Wormhole' is not one of/)
    assert.match(await refusal(readJob([], 0)), /expected object/)
    assert.match(await refusal(readJobB({ Spec: { Engine: 'Wasm', Verifier: 'Deterministic' } }, 0)), /use Noop/)
    assert.match(await refusal(readJobB({}, 0)), /Engine: missing/)
  })
})

describe('modules', () => {
  test('in an archive lie in a folder, under the name that they have there', async () => {
    const archive = inline(URL(archiveOf('./main.wasm', Buffer.from('m'))))
    const library = inline(URL(archiveOf('lib/a.wasm', Buffer.from('m'))))
    const { Engine, InputSources } = await taskOf(wasm(archive, { ImportModules: [library], EntryPoint: 'run' }))
    assert.deepEqual(Engine.Params, {
      EntryModule: '/wasm/entry.wasm/main.wasm',
      ImportModules: ['/wasm/imports/module_0.wasm/lib/a.wasm'],
      Entrypoint: 'run',
    })
    assert.deepEqual(
      InputSources.map(({ Target }) => Target),
      ['/wasm/entry.wasm', '/wasm/imports/module_0.wasm'],
    )
  })

  test('that are themselves, or come from elsewhere, lie where they are mounted', async () => {
    for (const module of [
      inline('data:application/wasm;base64,AGFzbQ=='),
      { Source: { Type: 'ipfs', Params: { CID: 'Qm' } } },
    ])
      assert.equal((await taskOf(wasm(module))).Engine.Params?.['EntryModule'], '/wasm/entry.wasm')
  })

  test('the environment that the engine had becomes the task’s', async () => {
    const module = inline('data:application/wasm;base64,AGFzbQ==')
    assert.deepEqual((await taskOf(wasm(module, { EnvironmentVariables: { A: '1' } }))).Env, { A: '1' })
  })

  test('an archive that is none, is empty, or leads elsewhere is refused', async () => {
    const read = (archive: Uint8Array) => refusal(readJob(job(wasm(inline(URL(archive)))), 0))
    assert.match(await read(Buffer.from('nothing')), /the archive of a module cannot be read/)
    assert.match(await read(archiveOf('main.wasm', Buffer.alloc(9)).subarray(0, 40)), /cannot be read/)
    assert.match(await read(archiveOf('../main.wasm', Buffer.alloc(9))), /outside of it/)
    assert.match(await read(archiveOf('/main.wasm', Buffer.alloc(9))), /outside of it/)
  })
})

test('whatever stands in place of a job, the answer is a job or a reason', async () => {
  const { Job } = execution('e')
  const fields = fc.constantFrom(
    'ID',
    'Type',
    'Tasks',
    'Count',
    'Meta',
    'Labels',
    'Constraints',
    'Namespace',
    '__proto__',
  )
  const taskFields = fc.constantFrom('Engine', 'Publisher', 'Resources', 'Network', 'Timeouts', 'InputSources', 'Env')
  await fc.assert(
    fc.asyncProperty(fields, fc.jsonValue(), taskFields, fc.jsonValue(), async (field, value, taskField, taskValue) => {
      const broken = {
        ...Job,
        [field]: value,
        Tasks: field === 'Tasks' ? value : [{ ...Job.Tasks[0], [taskField]: taskValue }],
      }
      for (const reading of [
        readJob(broken, 0),
        readJobB({ Metadata: { ID: 'j' }, Spec: broken }, 0),
        readJob(value, 0),
      ])
        assert.doesNotMatch(await refusal(reading), /^no:/)
    }),
    { numRuns: 200 },
  )
})
