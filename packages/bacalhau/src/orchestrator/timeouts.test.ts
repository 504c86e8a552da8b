import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { sampleJob } from '../link/fixtures/samples.ts'
import { createVirtualClock } from '../runtime/virtual-clock.ts'
import type { Unplaced } from './placement.ts'
import { isQueueTimeOver, startTimeouts } from './timeouts.ts'
import { verdictOn } from './verdict.ts'

const START = Date.UTC(2026, 0, 1)
const SECOND = 1_000
const job = (Timeouts: object, age = 0) => sampleJob({ Timeouts }, { CreateTime: (START - age) * 1e6 })

function watch(Timeouts: object, age = 0) {
  const clock = createVirtualClock(START)
  const fired: string[] = []
  const timeouts = startTimeouts(job(Timeouts, age), clock, {
    onQueueTimeout: () => fired.push('queue'),
    onTotalTimeout: ({ code }) => fired.push(code),
  })
  return { clock, fired, timeouts }
}

describe('the timeouts of a job', () => {
  test('count from its submission, each once', async () => {
    const { clock, fired } = watch({ QueueTimeout: 10, TotalTimeout: 20 }, 4 * SECOND)
    await clock.advance(6 * SECOND - 1)
    assert.deepEqual(fired, [])
    await clock.advance(1)
    assert.deepEqual(fired, ['queue'])
    await clock.advance(1_000 * SECOND)
    assert.deepEqual([fired, clock.pending], [['queue', 'ExecutionTimeout'], 0])
  })

  test('that are over after a restart fire at once', async () => {
    const { clock, fired } = watch({ QueueTimeout: 10, TotalTimeout: 20 }, 100 * SECOND)
    await clock.advance(0)
    assert.deepEqual(fired.toSorted(), ['ExecutionTimeout', 'queue'])
  })

  test('of zero, or none, never fire', async () => {
    const { clock } = watch({ QueueTimeout: 0 })
    assert.equal(clock.pending, 0)
  })

  test('of a year fire after a year, although no timer of Node lasts that long', async () => {
    const { clock, fired } = watch({ TotalTimeout: 31_536_000 })
    await clock.advance(31_536_000 * SECOND - 1)
    assert.deepEqual(fired, [])
    await clock.advance(1)
    assert.deepEqual(fired, ['ExecutionTimeout'])
  })

  test('that are stopped are silent', async () => {
    const { clock, fired, timeouts } = watch({ QueueTimeout: 10, TotalTimeout: 20 })
    timeouts.stop()
    await clock.advance(60 * SECOND)
    assert.deepEqual([fired, clock.pending], [[], 0])
  })
})

describe('what becomes of a job that was not placed', () => {
  const busy: Unplaced = { kind: 'busy', code: 'NoNodes', reason: 'no room' }
  const impossible: Unplaced = { kind: 'impossible', code: 'EngineMissing', reason: 'no docker' }
  const verdict = (timeout: number | undefined, age: number, why: Unplaced, settling = false) => {
    const record = job(timeout === undefined ? {} : { QueueTimeout: timeout }, age)
    const result = verdictOn(record, why, { settling, now: START })
    return result.kind === 'fail' ? result.code : 'wait'
  }

  test('without a queue timeout: it waits for room, not for a node', () => {
    assert.equal(verdict(undefined, 1e9, busy), 'wait')
    assert.equal(verdict(0, 1e9, busy), 'wait')
    assert.equal(verdict(undefined, 0, impossible), 'EngineMissing')
  })

  test('with one: it waits for either, and no longer', () => {
    assert.equal(verdict(10, 9_999, busy), 'wait')
    assert.equal(verdict(10, 9_999, impossible), 'wait')
    assert.equal(verdict(10, 10_000, busy), 'TimeOut')
    assert.equal(verdict(10, 10_000, impossible), 'EngineMissing')
  })

  test('while the nodes are coming back it waits in any case', () => {
    assert.equal(verdict(undefined, 0, impossible, true), 'wait')
    assert.equal(verdict(10, 10_000, busy, true), 'wait')
  })

  test('a queue timeout is over when the job is that old, to the millisecond', () => {
    const record = sampleJob({ Timeouts: { QueueTimeout: 1 } }, { CreateTime: START * 1e6 + 2_048 })
    assert.equal(isQueueTimeOver(record, START + 999), false)
    assert.equal(isQueueTimeOver(record, START + 1_000), true)
  })
})
