import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ApiError, type Client, type LogOptions, type LogPart } from '@bacalhau/client'
import type { Execution, Job } from '@bacalhau/models'
import { executionRecord, jobRecord } from '../fixtures/records.ts'
import { recordedIo } from '../fixtures/recorded-io.ts'
import { printOutput } from './follow-output.ts'
import { createLogPrinter } from './log-printer.ts'

const { signal } = new AbortController()
const out = (text: string): LogPart => ({ stream: 'stdout', text })
const err = (text: string): LogPart => ({ stream: 'stderr', text })

/** What a node says of a job, one step after another: the last is said for ever. */
interface Step {
  readonly job: Job
  readonly executions: readonly Execution[]
}

/** At this place the connection is lost, and comes back. */
const lost = 'lost'
type Item = LogPart | Error | typeof lost

/** A client whose streams of output give these parts. */
function nodeWith(steps: readonly Step[], connections: Record<string, Item[][]>) {
  let index = 0
  const now = () => steps[Math.min(index, steps.length - 1)] as Step
  const jobs = {
    get: async () => ({ Job: now().job }),
    executions: async () => now().executions,
    async waitForChange() {
      index += 1
      return now().job
    },
    async *logs(_id: string, options: LogOptions) {
      const connection = (options.follow === true ? '' : 'past ') + (options.executionId ?? 'any')
      const parts = connections[connection]?.shift()
      if (parts === undefined) throw new ApiError(404, 'NotFound', `nothing for ${connection}`)
      for (const part of parts) {
        if (part instanceof Error) throw part
        if (part === lost) options.onLost?.(new ApiError(0, 'Unreachable', 'nobody there'))
        else yield part
      }
    },
  }
  return { jobs } as unknown as Client
}

const running = (Revision = 1) => jobRecord('Running', { Revision })
const run = (
  ID: string,
  state: Parameters<typeof executionRecord>[0],
  CreateTime = 1,
  change: Partial<Execution> = {},
) => executionRecord(state, { ID, CreateTime, ModifyTime: CreateTime, NodeID: `node-of-${ID}`, ...change })

async function follow(
  steps: readonly Step[],
  connections: Record<string, Item[][]>,
  options: { follow?: boolean; tail?: boolean; executionId?: string } = {},
) {
  const io = recordedIo()
  const client = nodeWith(steps, connections)
  const pause = async () => {}
  const request = { client, id: 'j', printer: createLogPrinter(io), signal, pause }
  const failure = await printOutput(request, { follow: true, tail: false, ...options }).then(
    () => undefined,
    (error: unknown) => error,
  )
  return { out: io.outText(), err: io.errText(), failure }
}

const ended: Step = { job: jobRecord('Completed', { Revision: 9 }), executions: [run('e-1', 'Completed')] }

describe('output that is followed', () => {
  test('comes to its end with the job', async () => {
    const seen = await follow([ended], { 'e-1': [[out('a\n'), err('b\n'), out('c\n')]] })
    assert.deepEqual([seen.out, seen.err, seen.failure], ['a\nc\n', 'b\n', undefined])
  })

  test('says once that the connection was lost, and that it is back', async () => {
    const seen = await follow([ended], { 'e-1': [[out('one\ntw'), lost, lost, out('o\n'), lost, out('three\n')]] })
    assert.equal(seen.out, 'one\ntwo\nthree\n')
    const [off, back] = [
      'The output broke off (nobody there); trying again.\n',
      'Connected again; the output goes on where it stopped.\n',
    ]
    assert.equal(seen.err, `${off}${back}${off}${back}`)
  })

  test('a refusal is passed on at once', async () => {
    const refusal = new ApiError(403, 'Forbidden', 'not yours')
    const seen = await follow([ended], { 'e-1': [[refusal]] })
    assert.deepEqual([seen.failure, seen.err], [refusal, ''])
  })
})

describe('output of a job that is run again', () => {
  const gone = run('e-1', 'Failed', 1, { ComputeState: { StateType: 10, Message: 'the node\nwas lost' } })

  test('goes on with the next run, and says so', async () => {
    const steps = [
      { job: running(1), executions: [run('e-1', 'Running')] },
      { job: running(2), executions: [gone] },
      { job: running(3), executions: [gone, run('e-2', 'AskForBid', 2)] },
      { job: running(4), executions: [gone, run('e-2', 'Running', 2)] },
      { job: jobRecord('Completed', { Revision: 5 }), executions: [gone, run('e-2', 'Completed', 2)] },
    ]
    const seen = await follow(steps, { 'e-1': [[out('half a li')]], 'e-2': [[out('whole line\n')]] })
    assert.equal(seen.failure, undefined)
    assert.equal(seen.out, 'half a liwhole line\n')
    assert.equal(
      seen.err,
      'The run on node-of-e- has ended (the node was lost). The job runs again on node-of-e-; its output from the beginning:\n',
    )
  })

  test('but not when it failed for good', async () => {
    const steps = [
      { job: running(1), executions: [run('e-1', 'Running')] },
      { job: jobRecord('Failed', { Revision: 2 }), executions: [gone] },
    ]
    const seen = await follow(steps, { 'e-1': [[out('a')]] })
    assert.deepEqual([seen.out, seen.err, seen.failure], ['a', '', undefined])
  })

  test('and not with the runs of other partitions', async () => {
    const job = jobRecord('Running', { Count: 2 })
    const executions = [
      run('e-1', 'Completed', 1),
      run('e-0', 'Failed', 1),
      run('e-9', 'Running', 2, { PartitionIndex: 1 }),
    ]
    const seen = await follow(
      [
        { job, executions: executions.slice(0, 1) },
        { job, executions },
      ],
      { 'e-1': [[out('a')]] },
    )
    assert.deepEqual([seen.out, seen.failure], ['a', undefined])
  })

  test('nor when only one execution was asked for', async () => {
    const steps = [{ job: running(), executions: [gone, run('e-2', 'Running', 2)] }]
    const seen = await follow(steps, { 'e-1': [[out('old\n')]] }, { executionId: 'e-1' })
    assert.deepEqual([seen.out, seen.err], ['old\n', ''])
  })
})

describe('output', () => {
  test('of a job that waits for a node comes when it runs', async () => {
    const steps = [
      { job: jobRecord('Queued'), executions: [] },
      { job: running(2), executions: [run('e-1', 'Running')] },
      ended,
    ]
    const seen = await follow(steps, { 'e-1': [[out('a\n')]] })
    assert.deepEqual([seen.out, seen.failure], ['a\n', undefined])
  })

  test('that is not followed ends where it is', async () => {
    const seen = await follow(
      [{ job: running(), executions: [run('e-1', 'Running')] }],
      { 'past e-1': [[out('ab')]] },
      { follow: false },
    )
    assert.deepEqual([seen.out, seen.failure], ['ab', undefined])
  })

  test('of a job that has none is refused in the words of the server', async () => {
    const seen = await follow([{ job: running(), executions: [] }], {}, { follow: false })
    assert.match(String(seen.failure), /nothing for past any/)
  })

  test('from now on is exactly what was not there before, also over a broken connection', async () => {
    const seen = await follow(
      [ended],
      { 'past e-1': [[out('old\n')]], 'e-1': [[out('ol'), out('d\nne'), lost, out('w\n')]] },
      { tail: true },
    )
    assert.deepEqual([seen.out, seen.failure], ['new\n', undefined])
  })

  test('goes to a terminal without control characters, to a pipe as it is', async () => {
    const connections = () => ({ 'e-1': [[out('a\u001b[31m\n'), err('b\r')]] })
    assert.equal((await follow([ended], connections())).out, 'a\u001b[31m\n')
    const io = recordedIo({ terminal: 80 })
    const client = nodeWith([ended], connections())
    await printOutput({ client, id: 'j', printer: createLogPrinter(io), signal }, { follow: true, tail: false })
    assert.deepEqual([io.outText(), io.errText()], ['a[31m\n', 'b'])
  })

  test('a note never stands in the middle of a line of a terminal', async () => {
    const io = recordedIo({ terminal: 80, env: { NO_COLOR: '1' } })
    const printer = createLogPrinter(io)
    await printer.print(out('half'))
    await printer.note('one')
    await printer.note('two')
    assert.equal(io.errText(), '\none\ntwo\n')
  })
})
