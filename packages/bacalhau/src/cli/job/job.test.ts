import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ApiError, type Client } from '@bacalhau/client'
import type { Execution, Job } from '@bacalhau/models'
import { systemClock } from '../../runtime/clock.ts'
import { executionRecord, jobRecord } from '../fixtures/records.ts'
import { recordedIo } from '../fixtures/recorded-io.ts'
import { styleFor } from '../terminal/style.ts'
import { tableText } from '../present-table.ts'
import { DESCRIBED_EXECUTION_COLUMNS } from './execution-table.ts'
import { failureOf, nextSteps, outcomeText } from './outcome-text.ts'
import { progressOfJob } from './progress-text.ts'
import { downloadsOf, resultsOf } from './results.ts'
import { watchJob } from './watch-job.ts'

const plain = styleFor(recordedIo().out, {})
const { signal } = new AbortController()

describe('progress', () => {
  const cases: readonly [Job, Execution[], string][] = [
    [jobRecord('Pending'), [], 'queued'],
    [jobRecord('Queued'), [], 'waiting for a node'],
    [jobRecord('Queued', {}, 'no node\u001b[2J has wasm'), [], 'waiting for a node: no node[2J has wasm'],
    [jobRecord('Running'), [], 'waiting for a node'],
    [jobRecord('Running'), [executionRecord('New')], 'offered to QmWATWQ7fV'],
    [jobRecord('Running'), [executionRecord('BidAccepted')], 'placed on QmWATWQ7fV, preparing inputs'],
    [jobRecord('Running'), [executionRecord('Failed'), executionRecord('Running')], 'running on QmWATWQ7fV'],
    [jobRecord('Running'), [executionRecord('Publishing')], 'publishing results from QmWATWQ7fV'],
    [jobRecord('Running'), [executionRecord('Completed')], 'finishing'],
    [jobRecord('Completed'), [executionRecord('Completed')], 'completed'],
    [jobRecord('Failed', {}, 'trap'), [], 'failed: trap'],
    [jobRecord('Stopped', {}, 'by me'), [], 'stopped: by me'],
    [
      jobRecord('Running', { Count: 10 }, '1 of 10 done, 3 placed'),
      [executionRecord('Running')],
      '1 of 10 done, 3 placed',
    ],
    [
      jobRecord('Running', { Type: 'ops' }),
      [executionRecord('Running'), executionRecord('Running', { NodeID: 'other' }), executionRecord('Completed')],
      'running on 2 nodes',
    ],
  ]
  for (const [job, executions, text] of cases) {
    test(text, () => assert.equal(progressOfJob(job, executions).text, text))
  }

  test('of a run that is being prepared is a detail, which changes all the time', () => {
    const ComputeState = { StateType: 5, Message: 'x', Details: { Preparing: 'image x: \u001b[2J34 %' } }
    const execution = executionRecord('BidAccepted', { ComputeState })
    assert.deepEqual(progressOfJob(jobRecord('Running', {}, 'image x: 34 %'), [execution]), {
      stage: 'placed',
      detail: 'on QmWATWQ7fV, image x: [2J34 %',
      text: 'placed on QmWATWQ7fV, preparing inputs',
    })
  })
})

describe('results', () => {
  test('are those of the completed execution, whatever else there is', () => {
    const executions = [
      executionRecord('Completed', { ID: 'e-good', ModifyTime: 1 }, 'QmGood'),
      executionRecord('Failed', { ID: 'e-bad', ModifyTime: 2 }, 'QmBad'),
    ]
    for (const order of [executions, executions.toReversed()]) {
      assert.deepEqual(
        resultsOf({ executions: order }).map(({ cid, partial }) => [cid, partial]),
        [['QmGood', false]],
      )
    }
  })

  test('are those of the newest execution when none completed', () => {
    const executions = [
      executionRecord('Failed', { ModifyTime: 2 }, 'QmNew'),
      executionRecord('Cancelled', { ModifyTime: 1 }, 'QmOld'),
      executionRecord('Failed', { ModifyTime: 3 }),
    ]
    assert.deepEqual(
      resultsOf({ executions }).map(({ cid, partial }) => [cid, partial]),
      [['QmNew', true]],
    )
  })

  test('have a folder per partition when there are several', () => {
    const job = jobRecord('Completed', { Count: 2 })
    const executions = [
      executionRecord('Completed', { PartitionIndex: 1 }, 'QmB'),
      executionRecord('Completed', { PartitionIndex: 0 }, 'QmA'),
    ]
    assert.deepEqual(downloadsOf({ job, executions }, '', '/out'), [
      { source: 'QmA', target: '/out/0' },
      { source: 'QmB', target: '/out/1' },
    ])
    assert.deepEqual(downloadsOf({ job, executions }, 'outputs/x', '/out'), [
      { source: 'QmA/outputs/x', target: '/out/0/x' },
      { source: 'QmB/outputs/x', target: '/out/1/x' },
    ])
  })

  test('that are missing say why', () => {
    const nothing = (job: Job, executions: Execution[], message: RegExp, hint: RegExp) =>
      assert.throws(
        () => downloadsOf({ job, executions }, '', '/out'),
        (error: Error & { hint?: string }) => {
          assert.match(error.message, message)
          assert.match(error.hint ?? '', hint)
          return true
        },
      )
    nothing(jobRecord('Running'), [executionRecord('Running')], /^no results: the job is running$/, /job describe/)
    const [task] = jobRecord('Completed').Tasks
    const unpublished = jobRecord('Completed', { Tasks: [{ ...task!, Publisher: { Type: '' } }] })
    nothing(unpublished, [executionRecord('Completed')], /no results/, /names no publisher/)
    const elsewhere = executionRecord('Completed', { PublishedResult: { Type: 'Estuary', Params: { Bucket: 'b' } } })
    nothing(jobRecord('Completed'), [elsewhere], /published to Estuary, which cannot be fetched from/, /"Bucket":"b"/)
  })

  test('that are not in IPFS are fetched from where they are', () => {
    const published = { Type: 'urlDownload', Params: { URL: 'http://x/y.tar.gz' } }
    const executions = [executionRecord('Completed', { PublishedResult: published })]
    assert.deepEqual(downloadsOf({ job: jobRecord('Completed'), executions }, 'a/b', '/out'), [
      { source: { published, inner: 'a/b' }, target: '/out/b' },
    ])
    assert.deepEqual(resultsOf({ executions }), [])
  })
})

const output = (change = {}) => ({
  Stdout: 'hello\u001b[2J\nworld\n',
  StdoutTruncated: false,
  stderr: '',
  StderrTruncated: false,
  ExitCode: 3,
  ErrorMsg: '',
  ...change,
})

describe('outcome', () => {
  test('of a completed job', () => {
    const snapshot = {
      job: jobRecord('Completed'),
      executions: [executionRecord('Completed', { RunOutput: output() }, 'QmResult')],
      more: false,
    }
    assert.equal(
      outcomeText(snapshot, true, plain),
      `Job j-00000000 completed after 1.5s.
  Result     QmResult
  Exit code  3
  Node       QmWATWQ7fV

Standard output
hello[2J
world
`,
    )
    assert.equal(
      nextSteps(snapshot, ' --api-port 5'),
      `
To get more details about the run, execute:
	bacalhau job describe ${snapshot.job.ID} --api-port 5

To get more details about the run executions, execute:
	bacalhau job executions ${snapshot.job.ID} --api-port 5

To download the results, execute:
	bacalhau job get ${snapshot.job.ID} --api-port 5
`,
    )
    assert.equal(failureOf(snapshot), undefined)
  })

  test('of a failed job', () => {
    const job = jobRecord('Failed', {}, 'unreachable executed')
    const executions = [
      executionRecord(
        'Failed',
        { RunOutput: output({ Stdout: '', stderr: 'panic', StderrTruncated: true }) },
        'QmPart',
      ),
    ]
    const text = outcomeText({ job, executions, more: false }, true, plain)
    assert.match(text, /^ {2}Partial result {2}QmPart$/m)
    assert.match(text, /\nStandard error \(the beginning\)\npanic\n$/)
    const failure = failureOf({ job, executions, more: false })
    assert.equal(failure?.message, 'job j-00000000 failed: unreachable executed')
    assert.match(failure?.hint ?? '', /job describe j-00000000/)
    const hinted = failureOf({
      job: { ...job, State: { ...job.State, Details: { Hint: 'Try more memory.' } } },
      executions,
      more: false,
    })
    assert.equal(hinted?.hint, 'Try more memory.')
  })

  test('of many executions', () => {
    const executions = Array.from({ length: 12 }, (_, index) =>
      executionRecord('Completed', { PartitionIndex: index, RunOutput: output({ ExitCode: index % 2 }) }, `Qm${index}`),
    )
    const text = outcomeText({ job: jobRecord('Completed', { Count: 12 }), executions, more: false }, true, plain)
    assert.match(text, /Result {5}Qm9\n {13}and 2 more: bacalhau job executions/)
    assert.match(text, /Exit code {2}0, 1$/m)
    assert.doesNotMatch(text, /Standard output/)
  })

  test('of more executions than are shown', () => {
    const executions = Array.from({ length: 50 }, (_, index) =>
      executionRecord('Completed', { PartitionIndex: index, RunOutput: output({ ExitCode: 0 }) }, `Qm${index}`),
    )
    const text = outcomeText({ job: jobRecord('Completed', { Count: 100_000 }), executions, more: true }, true, plain)
    assert.match(text, /Result {5}Qm9\n {13}and more: bacalhau job executions/)
    assert.match(text, /Exit code {2}0 \(of the first 50 executions\)$/m)
  })

  test('of a job that goes on', () => {
    const snapshot = {
      job: jobRecord('Running', { Type: 'service' }),
      executions: [executionRecord('Running')],
      more: false,
    }
    assert.equal(outcomeText(snapshot, true, plain), 'Job j-00000000 is running.\n')
    assert.match(nextSteps(snapshot, ''), /^\tbacalhau job stop j-00000000-/m)
    assert.equal(failureOf(snapshot), undefined)
  })

  test('of a job that was run again says nothing of the time since it was made', () => {
    const snapshot = { job: jobRecord('Completed', { Version: 2 }), executions: [], more: false }
    assert.equal(outcomeText(snapshot, true, plain), 'Job j-00000000 completed.\n')
  })

  test('of a job that never ran', () => {
    assert.equal(
      outcomeText({ job: jobRecord('Stopped'), executions: [], more: false }, true, plain),
      'Job j-00000000 stopped after 1.5s.\n',
    )
  })
})

describe('tables', () => {
  test('an execution shows its result, or why it has none', () => {
    const clock = { ...systemClock, now: () => 1_700_000_061_000 }
    const rows = [
      executionRecord('Completed', { RunOutput: output({ ExitCode: 3 }) }, 'QmResult'),
      executionRecord('Failed', { ComputeState: { StateType: 10, Message: 'out of\nmemory' }, PartitionIndex: 1 }),
    ]
    const look = { wide: false, 'hide-header': false, 'no-style': false, 'no-color': false }
    assert.equal(
      tableText(rows, DESCRIBED_EXECUTION_COLUMNS, look, recordedIo({ clock })),
      `ID          NODE ID     STATE      DESIRED  REV.  CREATED    MODIFIED  EXIT  COMMENT
e-00000000  QmWATWQ7fV  Completed  Running  1     1m 1s ago  1m ago    3     QmResult
e-00000000  QmWATWQ7fV  Failed     Running  1     1m 1s ago  1m ago          out of memory
`,
    )
  })
})

describe('watching', () => {
  /** A node that answers each question with the next of these, the last of them for ever; an error is thrown. */
  function nodeWith(answers: readonly (Job | Error)[]) {
    let index = 0
    const asked: number[] = []
    const answer = () => {
      const current = answers[Math.min(index, answers.length - 1)]
      if (current instanceof Error) index += 1
      if (current === undefined || current instanceof Error) throw current ?? new Error('no answers')
      return current
    }
    const jobs = {
      get: async () => ({ Job: answer() }),
      listExecutions: async (_id: string, { limit }: { limit: number }) => ({
        NextToken: 'more',
        Items: Array.from({ length: limit }, () => executionRecord('Running')),
      }),
      waitForChange: async (_id: string, revision: number) => {
        if (asked.at(-1) !== revision) asked.push(revision)
        if (!(answers[index] instanceof Error)) index += 1
        return answer()
      },
    }
    return { client: { jobs } as unknown as Client, asked }
  }

  async function watch(answers: readonly (Job | Error)[], enough?: string) {
    const { client, asked } = nodeWith(answers)
    const seen: string[] = []
    let pauses = 0
    const { job, executions } = await watchJob(client, 'j', {
      namespace: 'default',
      signal,
      onChange: async ({ job }) => void seen.push(job.State.StateType),
      onLost: async () => void seen.push('lost'),
      isEnough: ({ job }) => job.State.StateType === enough,
      pause: async () => void (pauses += 1),
    })
    return { seen, asked, pauses, state: job.State.StateType, executions: executions.length }
  }
  const end = jobRecord('Completed', { Revision: 9 })
  const lost = new ApiError(0, 'Unreachable', 'nobody there')

  test('every change is told, and the end ends it', async () => {
    assert.deepEqual(await watch([jobRecord('Pending'), jobRecord('Running', { Revision: 4 }), end]), {
      seen: ['Pending', 'Running', 'Completed'],
      asked: [1, 4],
      pauses: 0,
      state: 'Completed',
      executions: 50,
    })
  })

  test('a job that never ends is watched until it has come far enough', async () => {
    const { seen, state } = await watch([jobRecord('Pending'), jobRecord('Running', { Revision: 2 })], 'Running')
    assert.deepEqual([seen, state], [['Pending', 'Running'], 'Running'])
  })

  test('a server that does not wait for changes is not asked again at once', async () => {
    const { pauses } = await watch([jobRecord('Pending'), jobRecord('Pending'), end])
    assert.equal(pauses, 1)
  })

  test('a node that is away for a while is asked again', async () => {
    const { seen, pauses } = await watch([jobRecord('Running'), lost, lost, end])
    assert.deepEqual([seen, pauses], [['Running', 'lost', 'lost', 'Completed'], 2])
  })

  test('a node that stays away, or refuses, ends it', async () => {
    await assert.rejects(watch(Array.from({ length: 60 }, () => lost)), lost)
    const refusal = new ApiError(404, 'NotFound', 'no such job')
    await assert.rejects(watch([refusal]), refusal)
  })
})
