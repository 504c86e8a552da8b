import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { DESIRED_STATES, EXECUTION_STATES, executionSchema, type ExecutionState } from '@bacalhau/models'
import fc from 'fast-check'
import { sampleJob, someResources } from '../link/fixtures/samples.ts'
import { someRun, START, storedExecution } from './fixtures/jobs.ts'
import { fromStored, isOver, type Run, runSchema, storedRunSchema, toExecution } from './run.ts'

const STATES = Object.values(EXECUTION_STATES)
const output = { Stdout: 'hi', StdoutTruncated: false, stderr: '', StderrTruncated: false, ExitCode: 0, ErrorMsg: '' }
const throughTheStore = (run: Run): Run => fromStored(storedRunSchema.parse(JSON.parse(JSON.stringify(run))))

/** What is not there and what is undefined are the same to those who read. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

const anyRun = fc.record({
  state: fc.constantFrom(...STATES),
  partition: fc.nat({ max: 1_000_000 }),
  version: fc.integer({ min: 1, max: 9 }),
  message: fc.option(fc.string(), { nil: undefined }),
  details: fc.option(fc.dictionary(fc.constantFrom('ErrorCode', 'Hint'), fc.string()), { nil: undefined }),
  previous: fc.option(fc.constant('e-0'), { nil: undefined }),
  output: fc.constantFrom(undefined, output),
  result: fc.constantFrom(undefined, { Type: 'ipfs', Params: { CID: 'Qm1' } }),
})

describe('a run', () => {
  test('is the same when it is read again', () => {
    fc.assert(
      fc.property(anyRun, (fields) => {
        const run = someRun(fields)
        assert.deepEqual(plain(throughTheStore(run)), plain(run))
      }),
    )
  })

  test('makes a documented record, which says what the run says', () => {
    fc.assert(
      fc.property(anyRun, (fields) => {
        const run = someRun(fields)
        const execution = executionSchema.parse(plain(toExecution(run, sampleJob())))
        assert.equal(execution.ComputeState.StateType, run.state)
        assert.equal(execution.ComputeState.Message, run.message)
        assert.deepEqual(plain(execution.ComputeState.Details ?? null), plain(run.details ?? null))
        assert.deepEqual(execution.RunOutput, run.output ?? null)
        assert.equal(execution.PublishedResult.Type, run.result?.Type ?? '')
        assert.equal(execution.PreviousExecution, run.previous ?? '')
        assert.deepEqual([execution.PartitionIndex, execution.JobVersion], [run.partition, run.version])
        const desired = isOver(run) ? DESIRED_STATES.Stopped : DESIRED_STATES.Running
        assert.equal(execution.DesiredState.StateType, desired)
        assert.equal(execution.DesiredState.Message, isOver(run) ? run.message : undefined)
      }),
    )
  })

  test('shows the job it belongs to, and times in nanoseconds', () => {
    const job = sampleJob({ Name: 'work' }, { Namespace: 'team', Name: 'sums' })
    const shown = toExecution(someRun({ modified: START + 2 }), job)
    assert.deepEqual([shown.Namespace, shown.Name, shown.JobID], ['team', 'sums.e-1', job.ID])
    assert.deepEqual(shown.AllocatedResources, { Tasks: { work: someResources() } })
    assert.deepEqual([shown.CreateTime, shown.ModifyTime], [START * 1e6, (START + 2) * 1e6])
  })

  test('is over in the states in which an execution is', () => {
    const over = STATES.filter((state) => isOver(someRun({ state })))
    const { AskForBidRejected, BidRejected, Completed, Failed, Cancelled } = EXECUTION_STATES
    assert.deepEqual(over, [AskForBidRejected, BidRejected, Completed, Failed, Cancelled])
  })

  test('that nothing could have written is refused', () => {
    const wrong = [{ state: 12 as ExecutionState }, { id: '' }, { version: 0 }, { partition: -1 }]
    for (const fields of wrong) assert.equal(runSchema.safeParse(someRun(fields)).success, false)
    assert.equal(storedRunSchema.safeParse({ ...someRun(), more: 1 }).success, false)
  })
})

describe('an execution of the first layout', () => {
  const read = (fields = {}) => fromStored(storedRunSchema.parse(storedExecution(fields)))

  test('is read as a run', () => {
    assert.deepEqual(plain(read()), {
      id: 'e-1',
      version: 1,
      node: 'QmNode',
      partition: 3,
      resources: someResources(),
      state: 10,
      message: 'gone wrong',
      details: { ErrorCode: 'JobFailed' },
      revision: 4,
      created: START,
      modified: START + 5,
    })
  })

  test('keeps its output and its result', () => {
    const result = { Type: 'ipfs', Params: { CID: 'Qm1' } }
    const run = read({ RunOutput: output, PublishedResult: result })
    assert.deepEqual([run.output, run.result], [output, result])
  })

  test('without resources has none', () => {
    assert.equal(read({ AllocatedResources: { Tasks: {} } }).resources.CPU, 0)
  })

  test('can be written as a run from now on', () => {
    assert.equal(runSchema.safeParse(plain(read())).success, true)
  })
})
