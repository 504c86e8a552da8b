import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { sampleJob } from '../link/fixtures/samples.ts'
import type { Clock } from '../runtime/clock.ts'
import { createVirtualClock } from '../runtime/virtual-clock.ts'
import { START } from './fixtures/jobs.ts'
import { queueTimeout, startTimeouts } from './timeouts.ts'

const SECOND = 1_000

/** The timeouts of a job that began to wait `age` milliseconds ago; the wall clock is off by `jump.by`. */
function watch(Timeouts: object, age = 0) {
  const clock = createVirtualClock(START)
  const jump = { by: 0 }
  const wall: Clock = { ...clock, now: () => clock.now() + jump.by }
  const fired: string[] = []
  const timeouts = startTimeouts(sampleJob({ Timeouts }), START - age, wall, {
    onQueueTimeout: () => fired.push('queue'),
    onTotalTimeout: ({ code, message }) => fired.push(`${code}: ${message}`),
  })
  return { clock, jump, fired, timeouts }
}

const TOTAL = 'ExecutionTimeout: Job timed out. Job took longer than 20s'

describe('the timeouts of a job', () => {
  test('count from its submission, each once', async () => {
    const { clock, fired } = watch({ QueueTimeout: 10, TotalTimeout: 20 }, 4 * SECOND)
    await clock.advance(6 * SECOND - 1)
    assert.deepEqual(fired, [])
    await clock.advance(1)
    assert.deepEqual(fired, ['queue'])
    await clock.advance(1_000 * SECOND)
    assert.deepEqual([fired, clock.pending], [['queue', TOTAL], 0])
  })

  test('that are over after a restart fire at once', async () => {
    const { clock, fired } = watch({ QueueTimeout: 10, TotalTimeout: 20 }, 100 * SECOND)
    await clock.advance(0)
    assert.deepEqual(fired.toSorted(), [TOTAL, 'queue'])
  })

  test('of a job from the future begin now', async () => {
    const { clock, fired } = watch({ QueueTimeout: 10 }, -500 * SECOND)
    await clock.advance(10 * SECOND - 1)
    assert.deepEqual(fired, [])
    await clock.advance(1)
    assert.deepEqual(fired, ['queue'])
  })

  test('do not care where the wall clock jumps', async () => {
    for (const by of [86_400 * SECOND, -86_400 * SECOND]) {
      const { clock, jump, fired } = watch({ QueueTimeout: 10 })
      jump.by = by
      await clock.advance(10 * SECOND - 1)
      assert.deepEqual(fired, [])
      await clock.advance(1)
      assert.deepEqual(fired, ['queue'])
    }
  })

  test('of zero, or none, never fire', () => {
    assert.equal(watch({ QueueTimeout: 0 }).clock.pending, 0)
    assert.equal(watch({}).clock.pending, 0)
  })

  test('that are cancelled are silent', async () => {
    const { clock, fired, timeouts } = watch({ QueueTimeout: 10, TotalTimeout: 20 })
    timeouts.cancel()
    await clock.advance(60 * SECOND)
    assert.deepEqual([fired, clock.pending], [[], 0])
  })
})

test('a queue timeout is in milliseconds, and undefined where the spec says nothing', () => {
  const of = (Timeouts: object) => queueTimeout(sampleJob({ Timeouts }))
  assert.deepEqual([of({ QueueTimeout: 2 }), of({ QueueTimeout: 0 }), of({})], [2_000, undefined, undefined])
})
