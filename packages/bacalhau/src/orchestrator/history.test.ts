import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { jobHistorySchema } from '@bacalhau/models'
import fc from 'fast-check'
import { START } from './fixtures/jobs.ts'
import { historyRowSchema, type NumberedEvent, packEvent, unpackRow } from './history.ts'

const anyEvent: fc.Arbitrary<NumberedEvent> = fc.record({
  sequence: fc.integer({ min: 1, max: 1e9 }),
  time: fc.integer({ min: 0, max: 4e12 }),
  version: fc.integer({ min: 1, max: 99 }),
  topic: fc.constantFrom('Submission', 'Scheduling', 'Queueing', 'State Update', 'Execution'),
  message: fc.string(),
  executionId: fc.option(fc.string({ minLength: 1 }), { nil: undefined }),
  details: fc.option(fc.dictionary(fc.constantFrom('NodeID', 'Reason', 'Actor'), fc.string()), { nil: undefined }),
})

const store = (events: readonly NumberedEvent[]): unknown => JSON.parse(JSON.stringify(events.map(packEvent)))
const read = (row: unknown) => unpackRow('j-1', historyRowSchema.parse(row))

/** What is shown of one event. */
function shown(fields: Partial<NumberedEvent>) {
  const event: NumberedEvent = { sequence: 1, time: START, version: 1, topic: 'Scheduling', message: 'x', ...fields }
  const [first] = read(store([event]))
  assert.ok(first !== undefined)
  return first
}

describe('a row of events', () => {
  test('gives back what was packed into it, in order, as documented records', () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 20 }), (events) => {
        const found = read(store(events))
        assert.equal(found.length, events.length)
        for (const [index, event] of events.entries()) {
          const { Event, ...record } = jobHistorySchema.parse(found[index])
          assert.deepEqual(
            [record.SeqNum, record.JobVersion, record.ExecutionID, record.JobID],
            [event.sequence, event.version, event.executionId, 'j-1'],
          )
          assert.deepEqual([Event.Topic, Event.Message], [event.topic, event.message])
          assert.deepEqual([Date.parse(Event.Timestamp), Event.Timestamp], [event.time, record.Time])
          const { Actor, ...details } = Event.Details ?? {}
          const { Actor: named, ...given } = event.details ?? {}
          assert.deepEqual(details, given)
          assert.ok(Actor !== undefined && (named === undefined || Actor === named))
        }
      }),
    )
  })

  test('is about the job, or about one of its executions', () => {
    assert.equal(shown({}).Type, 'JobLevel')
    assert.equal('ExecutionID' in shown({}), false)
    assert.deepEqual(
      [shown({ executionId: 'e-1' }).Type, shown({ executionId: 'e-1' }).ExecutionID],
      ['ExecutionLevel', 'e-1'],
    )
  })

  test('names who acted: by the topic, or as the event itself says', () => {
    const actor = (fields: Partial<NumberedEvent>) => shown(fields).Event.Details?.['Actor']
    assert.equal(actor({ topic: 'Submission' }), 'user')
    assert.equal(actor({ topic: 'Execution' }), 'compute node')
    for (const topic of ['Scheduling', 'Queueing', 'State Update'] as const)
      assert.equal(actor({ topic }), 'orchestrator')
    assert.equal(actor({ topic: 'Scheduling', details: { Actor: 'user' } }), 'user')
  })

  test('of the first layout is one documented event, and stays as it is', () => {
    const record = {
      SeqNum: 7,
      Type: 'JobLevel',
      JobID: 'j-old',
      JobVersion: 1,
      Event: { Message: 'Job submitted', Topic: 'Submission', Timestamp: '2026-01-01T00:00:00.000Z' },
      Time: '2026-01-01T00:00:00.000Z',
    }
    assert.deepEqual(read(record), [record])
  })

  test('that nothing could have written is refused', () => {
    const [good] = store([{ sequence: 1, time: 0, version: 1, topic: 'Queueing', message: '' }]) as unknown[][]
    assert.ok(good !== undefined && historyRowSchema.safeParse([good]).success)
    for (const bad of [good.with(3, 5), good.with(3, -1), good.with(0, 0), good.slice(1), [...good, 'x']]) {
      assert.equal(historyRowSchema.safeParse([bad]).success, false)
    }
  })
})
