import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { createVirtualClock } from '../../runtime/virtual-clock.ts'
import { AT_ONCE, createThreadLine, PATIENCE } from './thread-line.ts'

/** Threads that only have a number. */
function bench() {
  const clock = createVirtualClock()
  const idle: Worker[] = []
  let started = 0
  const pool = {
    take() {
      const thread = idle.pop()
      if (thread !== undefined) return thread
      started += 1
      return Object.create(Worker.prototype) as Worker
    },
    giveBack: (thread: Worker) => void idle.push(thread),
    discard: async () => undefined,
    stop: async () => undefined,
  }
  const line = createThreadLine(pool, clock)
  const given: Worker[] = []
  const take = (count: number) => {
    for (let index = 0; index < count; index++) void line.take().then((thread) => given.push(thread))
  }
  return { clock, line, given, take, started: () => started }
}

describe('the line for threads', () => {
  test('lets one job for each core through at once', async () => {
    const { clock, given, take, started } = bench()
    take(AT_ONCE)
    await clock.advance(0)
    assert.deepEqual([given.length, started(), clock.pending], [AT_ONCE, AT_ONCE, 0])
  })

  test('gives what comes back to the next, and starts nothing while something comes back', async () => {
    const { clock, line, given, take, started } = bench()
    take(AT_ONCE + 100)
    for (let round = 0; round < 100; round++) {
      await clock.advance(PATIENCE - 1)
      const thread = given.at(-1)
      assert.ok(thread)
      line.giveBack(thread)
    }
    await clock.advance(0)
    assert.deepEqual([given.length, started()], [AT_ONCE + 100, AT_ONCE])
    await clock.advance(PATIENCE)
    assert.equal(clock.pending, 0)
  })

  test('starts one thread after another when none comes back', async () => {
    const { clock, given, take, started } = bench()
    take(AT_ONCE + 3)
    for (let more = 1; more <= 3; more++) {
      await clock.advance(PATIENCE)
      assert.deepEqual([given.length, started()], [AT_ONCE + more, AT_ONCE + more])
    }
    assert.equal(clock.pending, 0)
  })

  test('goes on when a thread had to be ended', async () => {
    const { clock, line, given, take, started } = bench()
    take(AT_ONCE + 1)
    await clock.advance(0)
    const [bad] = given
    assert.ok(bad)
    await line.discard(bad)
    await clock.advance(0)
    assert.deepEqual([given.length, started()], [AT_ONCE + 1, AT_ONCE + 1])
  })

  test('gives nothing out any more when it is stopped', async () => {
    const { clock, line, given, take } = bench()
    take(AT_ONCE + 1)
    await clock.advance(0)
    line.stop()
    await clock.advance(10 * PATIENCE)
    assert.deepEqual([given.length, clock.pending], [AT_ONCE, 0])
  })
})
