import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  canExecutionBecome,
  canJobBecome,
  EXECUTION_STATES,
  isFinalExecutionState,
  JOB_STATES,
  type Job,
} from '@bacalhau/models'
import fc from 'fast-check'
import { sampleJob, someResources } from '../link/fixtures/samples.ts'
import type { Write } from '../store/store.ts'
import { jobId, someRun, START } from './fixtures/jobs.ts'
import { EVENTS_PER_ROW, historyRowSchema, unpackRow } from './history.ts'
import { JobLedger } from './job-ledger.ts'
import { EVENT_BLOCK, RUN_BLOCK, runKey } from './job-records.ts'
import { type Run, runSchema } from './run.ts'

const KEY = '000000000000000001'
const STATES = Object.values(EXECUTION_STATES)
const { New, BidAccepted, Running, Completed, Failed } = EXECUTION_STATES

/** A ledger of a job with a clock that ticks with every look. */
function ledgerOf(job: Partial<Job> = {}, { sequence = 0, ordinal = 0 } = {}): JobLedger {
  let time = START
  const start = { job: sampleJob({}, { ID: jobId(1), ...job }), key: KEY, since: START, sequence, ordinal }
  return new JobLedger(start, () => (time += 1))
}

const tablesOf = (writes: readonly Write[]) => writes.map(({ op, table }) => `${op} ${table}`)
const values = (writes: readonly Write[], of: Write['table']): unknown[] =>
  writes.flatMap((write) => (write.op === 'put' && write.table === of ? [write.value] : []))
const eventsOf = (writes: readonly Write[]) =>
  values(writes, 'history').flatMap((row) => unpackRow(jobId(1), historyRowSchema.parse(row)))

describe('executions', () => {
  const step = fc.oneof(
    fc.record({ move: fc.nat({ max: 6 }), to: fc.constantFrom(...STATES) }),
    fc.constant('place' as const),
    fc.constant('take' as const),
  )

  test('keep to the state machine, and every change is written with the event that says so', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const ledger = ledgerOf()
        const stored = new Map<string, Run>()
        const [numbers, model]: [number[], Map<string, number>] = [[], new Map()]
        let [changes, created] = [0, 0]
        const take = () => {
          const writes = ledger.takeWrites()
          for (const value of values(writes, 'execution').map((run) => runSchema.parse(run))) {
            stored.set(value.id, value as Run)
          }
          numbers.push(...eventsOf(writes).map(({ SeqNum }) => SeqNum))
        }
        for (const action of steps) {
          if (action === 'take') take()
          else if (action === 'place') {
            ledger.addRun(`e-${created}`, 'QmNode', created, someResources())
            model.set(`e-${created++}`, New)
            changes += 1
          } else {
            const id = `e-${action.move}`
            const before = ledger.run(id)?.state
            const moved = ledger.moveRun(id, action.to, { message: 'x' })
            assert.equal(moved, before !== undefined && canExecutionBecome(before, action.to))
            if (moved) [changes] = [changes + 1, model.set(id, action.to)]
          }
          assert.ok(ledger.runs().every(({ state }) => !isFinalExecutionState(state)))
          assert.equal(ledger.active, ledger.runs().length)
        }
        take()
        assert.deepEqual(new Map([...stored].map(([id, { state }]) => [id, state])), model)
        assert.deepEqual(
          numbers,
          Array.from({ length: changes }, (_, index) => index + 1),
        )
      }),
      { numRuns: 150 },
    )
  })

  test('what is written is a copy: what happens later belongs to the next unit', () => {
    const ledger = ledgerOf()
    ledger.addRun('e-1', 'QmNode', 0, someResources())
    const [first] = values(ledger.takeWrites(), 'execution') as Run[]
    ledger.moveRun('e-1', Running, { message: 'runs' })
    assert.deepEqual([first?.state, first?.revision], [New, 1])
    const [second] = values(ledger.takeWrites(), 'execution') as Run[]
    assert.deepEqual([second?.state, second?.revision, second?.message], [Running, 2, 'runs'])
  })

  test('bear what is said of them, and what they made', () => {
    const ledger = ledgerOf({ Version: 3 })
    const run = ledger.addRun('e-2', 'QmNode', 4, someResources(), 'e-1')
    assert.deepEqual([run.version, run.previous, run.partition, run.node], [3, 'e-1', 4, 'QmNode'])
    const output = { Stdout: '', StdoutTruncated: false, stderr: '', StderrTruncated: false, ExitCode: 0, ErrorMsg: '' }
    const result = { Type: 'ipfs' }
    ledger.moveRun('e-2', Completed, { message: 'done', details: { A: 'b' }, output, result })
    const [stored] = values(ledger.takeWrites(), 'execution') as Run[]
    assert.deepEqual([stored?.output, stored?.result, stored?.details], [output, result, { A: 'b' }])
    assert.deepEqual([ledger.active, ledger.run('e-2')], [0, undefined])
  })

  test('of several placements follow each other, after those that there were', () => {
    const ledger = ledgerOf({}, { ordinal: 5 })
    for (const id of ['e-a', 'e-b']) ledger.addRun(id, 'QmNode', 0, someResources())
    const keys = ledger
      .takeWrites()
      .flatMap((write) => (write.op === 'put' && write.table === 'execution' ? write.key : []))
    assert.deepEqual(keys, [runKey(KEY, 5), runKey(KEY, 6)])
  })

  test('that were stored already are written where they are, whatever layout they have', () => {
    const ledger = ledgerOf({}, { ordinal: 9 })
    ledger.restore({ key: `${KEY}/e-old`, ordinal: 0, run: someRun({ id: 'e-old', state: BidAccepted }) })
    assert.deepEqual([ledger.active, ledger.takeWrites()], [1, []])
    assert.equal(ledger.moveRun('e-old', Failed, { message: 'no' }), true)
    const keys = ledger
      .takeWrites()
      .flatMap((write) => (write.table === 'execution' && write.op === 'put' ? write.key : []))
    assert.deepEqual(keys, [`${KEY}/e-old`])
  })
})

describe('a job', () => {
  test('moves only as its state machine allows; anything else is a fault', () => {
    for (const from of JOB_STATES) {
      for (const to of JOB_STATES) {
        const ledger = ledgerOf({ State: { StateType: from } })
        if (canJobBecome(from, to)) ledger.setJobState(to, 'because')
        else assert.throws(() => ledger.setJobState(to, 'because'), /cannot go from/)
        assert.equal(ledger.job.State.StateType, canJobBecome(from, to) ? to : from)
      }
    }
  })

  test('is opened with its indexes, and its end takes it out of the open ones', () => {
    const ledger = ledgerOf()
    ledger.open()
    const writes = ledger.takeWrites()
    assert.deepEqual(tablesOf(writes), ['put job-by-time', 'put job-by-name', 'put job-open', 'put history', 'put job'])
    assert.deepEqual(
      eventsOf(writes).map(({ Event }) => Event.Message),
      ['Job submitted'],
    )
    ledger.setJobState('Failed', 'no', { ErrorCode: 'NoNodes' })
    assert.equal(ledger.isOver, true)
    const last = ledger.takeWrites()
    assert.deepEqual(tablesOf(last), ['delete job-open', 'put history', 'put job'])
    const [event] = eventsOf(last)
    assert.equal(event?.Event.Message, 'Failed. no')
    assert.deepEqual(event?.Event.Details, { Actor: 'orchestrator', ErrorCode: 'NoNodes', NewState: 'Failed' })
    assert.deepEqual(ledger.takeWrites(), [])
  })

  test('shows its state, its reason, and that it has changed', () => {
    const ledger = ledgerOf()
    ledger.setJobState('Queued', 'no room', { A: 'b' })
    assert.deepEqual(ledger.job.State, { StateType: 'Queued', Message: 'no room', Details: { A: 'b' } })
    ledger.setJobState('Running', '')
    assert.deepEqual(ledger.job.State, { StateType: 'Running' })
    assert.equal(ledger.job.Revision, 3)
    assert.ok(ledger.job.ModifyTime > START * 1e6)
    const events = eventsOf(ledger.takeWrites())
    assert.deepEqual(
      events.map(({ Event }) => [Event.Topic, Event.Message]),
      [
        ['Queueing', 'Queued. no room'],
        ['State Update', 'Running'],
      ],
    )
  })

  test('begins a new version from whatever state, and keeps the old one beside it', () => {
    const ledger = ledgerOf({ Version: 1, Priority: 1 })
    ledger.setJobState('Failed', 'no')
    ledger.takeWrites()
    const old = ledger.job
    ledger.renew({ ...old, ID: 'j-x', Priority: 9 }, { topic: 'Submission', message: 'Job updated' })
    const { ID, Version, Priority, State, CreateTime, Revision } = ledger.job
    assert.deepEqual([ID, Version, Priority, CreateTime], [old.ID, 2, 9, old.CreateTime])
    assert.deepEqual([State, Revision], [{ StateType: 'Pending', Message: 'Job updated' }, old.Revision + 1])
    assert.equal(ledger.isOver, false)
    assert.ok(ledger.since > START)
    const writes = ledger.takeWrites()
    assert.deepEqual(tablesOf(writes), ['put job-version', 'put job-open', 'put job-by-time', 'put history', 'put job'])
    assert.deepEqual(values(writes, 'job-version'), [old])
    assert.deepEqual(values(writes, 'job'), [{ job: ledger.job, key: KEY, since: ledger.since }])
    assert.deepEqual(
      eventsOf(writes).map(({ JobVersion }) => JobVersion),
      [2],
    )
  })

  test('with many events at a time has several rows of them, none too long', () => {
    const ledger = ledgerOf({}, { sequence: 7 })
    for (let count = 0; count < EVENTS_PER_ROW + 3; count++) ledger.event({ topic: 'Execution', message: 'x' })
    const rows = ledger.takeWrites().filter((write) => write.op === 'put')
    assert.deepEqual(
      rows.map(({ key, value }) => [Number(key.slice(-12)), (value as unknown[]).length]),
      [
        [7 + EVENTS_PER_ROW, EVENTS_PER_ROW],
        [10 + EVENTS_PER_ROW, 3],
      ],
    )
  })
})

describe('what a job that runs for ever leaves', () => {
  const cleared = (writes: readonly Write[]) =>
    writes.flatMap((write) => (write.op === 'clear' ? [`${write.table} ${write.prefix.slice(KEY.length + 1)}`] : []))

  test('of events is bounded: the oldest go by the thousand', () => {
    const from = 10 * EVENT_BLOCK - 1
    const ledger = ledgerOf({}, { sequence: from })
    ledger.event({ topic: 'Execution', message: 'x' })
    assert.deepEqual(cleared(ledger.takeWrites()), ['history 000000000'])
    const young = ledgerOf({}, { sequence: from - EVENT_BLOCK })
    young.event({ topic: 'Execution', message: 'x' })
    assert.deepEqual(cleared(young.takeWrites()), [])
    const array = ledgerOf({ Count: 10_000 }, { sequence: from })
    array.event({ topic: 'Execution', message: 'x' })
    assert.deepEqual(cleared(array.takeWrites()), [])
  })

  test('of executions too, unless one of them lives, or they are its results', () => {
    const after = (Type: Job['Type'], lives = false) => {
      const ledger = ledgerOf({ Type }, { ordinal: 10 * RUN_BLOCK })
      if (lives) ledger.restore({ key: runKey(KEY, 5), ordinal: 5, run: someRun() })
      ledger.addRun('e-2', 'QmNode', 0, someResources())
      return cleared(ledger.takeWrites())
    }
    assert.deepEqual(after('service'), ['execution 000000'])
    assert.deepEqual(after('daemon'), ['execution 000000'])
    assert.deepEqual([after('batch'), after('ops'), after('service', true)], [[], [], []])
  })
})
