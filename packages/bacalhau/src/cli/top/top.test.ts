import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ApiError } from '@bacalhau/client'
import type { NodeState } from '@bacalhau/models'
import { nodeInfo } from '../../api/testing/api.ts'
import { jobRecord } from '../fixtures/records.ts'
import { recordedIo } from '../fixtures/recorded-io.ts'
import type { Picture } from '../terminal/screen.ts'
import { styleFor } from '../terminal/style.ts'
import { displayWidth } from '../terminal/width.ts'
import { jobPicture } from './job-picture.ts'
import { nodePicture } from './node-picture.ts'
import { steadily } from './steady.ts'

const plain = styleFor(recordedIo().out, {})
/** A minute and a second after the records of tests begin. */
const NOW = 1_700_000_061_000

const jobs = [
  jobRecord('Completed', { ID: 'j-done000000', Name: 'words' }),
  jobRecord('Queued', { ID: 'j-wait000000', Name: 'j-wait000000' }, '3 nodes match; all lack 2 GB of memory'),
  jobRecord('Running', {
    ID: 'j-array00000',
    Name: 'a name that is a good deal too long for a column',
    Count: 1_000,
    Progress: { Total: 1_000, Completed: 250, Running: 8, Waiting: 742 },
  }),
  jobRecord('Failed', { ID: 'j-bad0000000', Name: 'evil\u001b[2J' }, 'out of\nmemory'),
]

describe('the picture of jobs', () => {
  test('at 140 columns', () => {
    assert.deepEqual(
      jobPicture(jobs, false, NOW, plain)(140, 40),
      [
        `1 running, 1 waiting, 1 completed, 1 failed${' '.repeat(76)}22:14:21 UTC, q quits`.padEnd(140),
        '',
        'JOB         NAME                      TYPE   STATE       TIME  PROGRESS',
        'j-array000  a name that is a good d…  batch  Running    1m 1s  ██▌░░░░░░░ 250 of 1000 done',
        'j-wait0000                            batch  Queued     1m 1s  3 nodes match; all lack 2 GB of memory',
        'j-done0000  words                     batch  Completed     1s',
        'j-bad00000  evil[2J                   batch  Failed        1s  out of memory',
      ].map((line) => line.trimEnd()),
    )
  })

  test('at 60 columns', () => {
    assert.deepEqual(jobPicture(jobs, false, NOW, plain)(60, 40).slice(0, 5), [
      '1 running, 1 waiting, 1 completed, 1 failed',
      '',
      'JOB         STATE       TIME  PROGRESS',
      'j-array000  Running    1m 1s  ██▌░░░░░░░ 250 of 1000 done',
      'j-wait0000  Queued     1m 1s  3 nodes match; all lack 2 GB …',
    ])
  })

  test('fits every terminal', () => {
    for (let columns = 24; columns < 200; columns += 7) {
      for (const line of jobPicture(jobs, true, NOW, plain)(columns, 40)) assert.ok(displayWidth(line) <= columns, line)
    }
  })

  test('says of how many jobs it speaks, and that there are none', () => {
    const text = (list: typeof jobs, more: boolean) => jobPicture(list, more, NOW, plain)(Number.MAX_SAFE_INTEGER, 9)
    assert.equal(
      text(jobs.slice(0, 1), true)[0],
      '22:14:21 UTC: 0 running, 0 waiting, 1 completed, 0 failed (of the 1 that changed last)',
    )
    assert.deepEqual(text([], false), ['22:14:21 UTC: 0 running, 0 waiting, 0 completed, 0 failed', 'No jobs yet.'])
  })
})

describe('the picture of nodes', () => {
  const node = (
    NodeID: string,
    change: Partial<NodeState['Info']['ComputeNodeInfo']>,
    Connection: NodeState['Connection'] = 'CONNECTED',
  ): NodeState =>
    ({
      Info: { ...nodeInfo, NodeID, ComputeNodeInfo: { ...nodeInfo.ComputeNodeInfo, ...change } },
      Membership: 'APPROVED',
      Connection,
    }) as NodeState
  const all = { CPU: 4, Memory: 8e9, Disk: 100e9, GPU: 0, GPUs: [] }
  const nodes = [
    node('QmAway00000000', { MaxCapacity: all, AvailableCapacity: all }, 'DISCONNECTED'),
    node('QmIdle00000000', { MaxCapacity: all, AvailableCapacity: all }),
    node('QmBusy00000000', {
      MaxCapacity: all,
      AvailableCapacity: { ...all, CPU: 1, Memory: 0.5e9 },
      RunningExecutions: 3,
      EnqueuedExecutions: 2,
    }),
  ]

  test('has the busiest first and those that are away last', () => {
    assert.deepEqual(nodePicture(nodes, NOW, plain)(80, 40).slice(2), [
      'NODE        STATUS        RUNNING  WAITING  CPU            MEMORY',
      'QmBusy0000  CONNECTED           3        2  ████▌░ 3 of 4  █████▋ 7.5 GB of 8 GB',
      'QmIdle0000  CONNECTED           0        0  ░░░░░░ 0 of 4  ░░░░░░ 0 B of 8 GB',
      'QmAway0000  DISCONNECTED        0        0  ░░░░░░ 0 of 4  ░░░░░░ 0 B of 8 GB',
    ])
    assert.match(
      nodePicture(nodes, NOW, plain)(80, 40)[0] ?? '',
      /^3 nodes, 1 away; 3 running, 2 waiting there +22:14:21 UTC, q quits$/,
    )
  })

  test('fits every terminal', () => {
    for (let columns = 36; columns < 200; columns += 7) {
      for (const line of nodePicture(nodes, NOW, plain)(columns, 40)) assert.ok(displayWidth(line) <= columns, line)
    }
  })
})

describe('a node that is away for a while', () => {
  const { signal } = new AbortController()

  test('leaves the last picture, and a line that says so', async () => {
    const away = new ApiError(0, 'Unreachable', 'nobody there')
    const answers: (Picture | Error)[] = [() => ['one'], away, () => ['two']]
    const load = steadily(async () => {
      const next = answers.shift()
      if (next === undefined || next instanceof Error) throw next ?? new Error('no answers')
      return next
    }, plain)
    const lines = async () => (await load(signal))(80, 24)
    assert.deepEqual(await lines(), ['one'])
    assert.deepEqual(await lines(), ['The node does not answer; trying again.', 'one'])
    assert.deepEqual(await lines(), ['two'])
  })

  test('is an error when it was never there, and so is a refusal', async () => {
    const errors = [new ApiError(0, 'Unreachable', 'nobody there'), new ApiError(403, 'Forbidden', 'no')]
    for (const error of errors) await assert.rejects(steadily(() => Promise.reject(error), plain)(signal), error)
    const refused = steadily(async () => {
      throw errors[1] ?? new Error()
    }, plain)
    await assert.rejects(refused(signal), { code: 'Forbidden' })
  })
})
