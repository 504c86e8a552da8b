import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { accepted, jobWith, minimalJob, minimalTask, onlyTask } from '../test/samples.ts'
import { parseSubmission } from './submission.ts'

const submit = (job: object) => accepted(parseSubmission(job))
const warningsOf = (job: object) => submit({ ...minimalJob, ...job }).warnings

describe('what a user cannot set is set aside with a warning', () => {
  const cases: [fields: object, warning: string][] = [
    [{ State: { StateType: 'Running' } }, 'job state is ignored when submitting a job'],
    [{ state: { statetype: 'Completed', Message: 'x' } }, 'job state is ignored when submitting a job'],
    [{ State: 'Running' }, 'job state is ignored when submitting a job'],
    [{ Revision: 3 }, 'job revision is ignored when submitting a job'],
    [{ Version: 2 }, 'job version is ignored when submitting a job'],
    [{ CreateTime: 1_735_689_600_000_000_000 }, 'job create time is ignored when submitting a job'],
    [{ ModifyTime: '2025-01-01' }, 'job modify time is ignored when submitting a job'],
    [{ ID: 'j-1' }, 'job ID is ignored when submitting a batch job'],
    [{ ID: 'j-1', Type: 'ops' }, 'job ID is ignored when submitting an ops job'],
    [{ Tasks: [minimalTask, { ...minimalTask, Name: 'second' }] }, 'only one task is supported per job'],
    [{ Meta: { 'bacalhau.org/x': 'y' } }, 'job meta key "bacalhau.org/x" is reserved and will be ignored'],
  ]
  for (const [fields, warning] of cases)
    test(JSON.stringify(fields), () => assert.deepEqual(warningsOf(fields), [warning]))

  test('zero values, as clients send them, are not worth a warning', () => {
    const zero = { ID: '', Version: 0, Revision: 0, CreateTime: 0, ModifyTime: null, Meta: { owner: 'me' } }
    for (const State of [null, {}, '', { StateType: '' }, { StateType: 'Undefined', Message: '' }]) {
      assert.deepEqual(warningsOf({ ...zero, State }), [])
    }
  })

  test('nothing of it is left in the spec', () => {
    const { spec } = submit({
      ...minimalJob,
      ID: 'j-1',
      State: { StateType: 'Running' },
      Version: 9,
      Meta: { 'bacalhau.org/requester.id': 'x', owner: 'me' },
      Tasks: [minimalTask, { ...minimalTask, Name: 'second' }],
    })
    const fields = ['Constraints', 'Count', 'Labels', 'Meta', 'Name', 'Namespace', 'Priority', 'Tasks', 'Type']
    assert.deepEqual(Object.keys(spec).sort(), fields)
    assert.deepEqual(spec.Meta, { owner: 'me' })
    assert.equal(spec.Tasks[0]?.Name, 'main')
  })

  test('a second task is checked all the same', () => {
    assert.equal(parseSubmission({ ...minimalJob, Tasks: [minimalTask, { Name: 'second' }] }).ok, false)
  })
})

describe('normalising', () => {
  test('fills in what is not given', () => {
    assert.deepEqual(submit({ type: 'batch', tasks: [{ name: 'main', engine: { type: 'noop' } }] }).spec, {
      Name: '',
      Namespace: 'default',
      Type: 'batch',
      Priority: 0,
      Count: 1,
      Constraints: [],
      Meta: {},
      Labels: {},
      Tasks: [
        {
          Name: 'main',
          Engine: { Type: 'noop' },
          Publisher: { Type: '' },
          Env: {},
          Meta: {},
          InputSources: [],
          ResultPaths: [],
          Resources: {},
          Network: { Type: 'Default' },
          Timeouts: {},
        },
      ],
    })
  })

  test('takes what the official clients send for a job made of flags', () => {
    const task = {
      ...minimalTask,
      Engine: {
        Type: 'docker',
        Params: { Image: 'ubuntu', Entrypoint: null, Parameters: ['echo'], WorkingDirectory: '' },
      },
      Publisher: null,
      Env: null,
      Meta: null,
      InputSources: null,
      ResultPaths: null,
      Resources: { CPU: '', Memory: '', Disk: '', GPU: '' },
      Timeouts: {},
    }
    const job = {
      Type: 'batch',
      Count: 1,
      Constraints: null,
      Meta: null,
      Labels: {},
      State: { StateType: 'Undefined' },
    }
    const submission = submit({ ...job, Tasks: [task] })
    assert.deepEqual(submission.warnings, [])
    const { Engine, Publisher } = onlyTask(submission)
    assert.deepEqual(Publisher, { Type: '' })
    assert.deepEqual(Engine.Params?.['Entrypoint'], null)
  })

  test('counts a daemon and an ops job as 0, and a batch or service job as 1', () => {
    const counts = { batch: 1, service: 1, daemon: 0, ops: 0 }
    for (const [Type, Count] of Object.entries(counts)) assert.equal(submit({ ...minimalJob, Type }).spec.Count, Count)
    assert.equal(submit({ ...minimalJob, Count: 0 }).spec.Count, 0)
    assert.equal(submit({ ...minimalJob, Type: 'ops', Count: 1 }).spec.Count, 0)
  })

  test('trims names, kinds, aliases and paths, and tidies resources', () => {
    const submission = submit(
      jobWith(
        {
          Name: ' main ',
          Engine: { Type: ' noop ' },
          Publisher: { Type: ' ipfs\n' },
          InputSources: [{ Source: { Type: ' ipfs ' }, Alias: ' a ', Target: ' /in ' }],
          ResultPaths: [{ Name: ' out ', Path: ' /out ' }],
          Resources: { Memory: ' 512 Mb\n', CPU: 1 },
        },
        { Name: ' words ', Namespace: '  ' },
      ),
    )
    const task = onlyTask(submission)
    assert.equal(submission.spec.Name, 'words')
    assert.equal(submission.spec.Namespace, 'default')
    assert.deepEqual([task.Name, task.Engine.Type, task.Publisher.Type], ['main', 'noop', 'ipfs'])
    assert.deepEqual(task.InputSources, [{ Source: { Type: 'ipfs' }, Alias: 'a', Target: '/in' }])
    assert.deepEqual(task.ResultPaths, [{ Name: 'out', Path: '/out' }])
    assert.deepEqual(task.Resources, { Memory: '512mb', CPU: '1' })
  })

  test('is done once: a normalised job is its own normal form, and brings no warnings', () => {
    const job = fc.record(
      {
        Type: fc.constantFrom('batch', 'Service', 'daemon', 'ops'),
        Count: fc.constantFrom(0, 1),
        Name: fc.string(),
        Priority: fc.integer({ min: -5, max: 5 }),
        Meta: fc.dictionary(fc.constantFrom('a', 'bacalhau.org/a'), fc.string()),
        ID: fc.constantFrom('', 'j-1'),
        Tasks: fc.array(fc.constant({ ...minimalTask, Resources: { CPU: 1 } }), { minLength: 1, maxLength: 2 }),
      },
      { requiredKeys: ['Type', 'Tasks'] },
    )
    fc.assert(
      fc.property(job, (document) => {
        const first = parseSubmission(document)
        if (first.ok)
          assert.deepEqual(accepted(parseSubmission(first.value.spec)), { spec: first.value.spec, warnings: [] })
        else assert.ok(document.Name?.includes('\0'))
      }),
    )
  })
})
