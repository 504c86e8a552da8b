import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { sleep } from './clock.ts'
import { createVirtualClock } from './virtual-clock.ts'

test('nothing fires by itself, and time moves exactly as far as it is told', async () => {
  const clock = createVirtualClock(1_000)
  const fired: number[] = []
  clock.after(10, () => fired.push(clock.monotonic()))
  clock.after(20, () => fired.push(clock.monotonic()))
  assert.deepEqual([clock.now(), clock.monotonic(), clock.pending], [1_000, 0, 2])
  await clock.advance(15)
  assert.deepEqual(fired, [10])
  assert.deepEqual([clock.now(), clock.monotonic(), clock.pending], [1_015, 15, 1])
})

test('timers fire by time, then in the order in which they were made, those made on the way too', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat({ max: 5 }), { maxLength: 12 }), async (delays) => {
      const clock = createVirtualClock()
      const fired: [number, number][] = []
      delays.forEach((delay, index) => {
        clock.after(delay, () => {
          fired.push([clock.monotonic(), index])
          clock.after(delay, () => fired.push([clock.monotonic(), index + delays.length]))
        })
      })
      await clock.advance(10)
      assert.equal(fired.length, 2 * delays.length)
      assert.deepEqual(
        fired.map(([at]) => at),
        fired.map(([at]) => at).toSorted((a, b) => a - b),
      )
      const first = fired.filter(([, index]) => index < delays.length)
      assert.deepEqual(
        first,
        delays.map((delay, index) => [delay, index]).toSorted(([a = 0], [b = 0]) => a - b),
      )
    }),
    { numRuns: 50 },
  )
})

test('a cancelled timer does not fire, also when one of the same moment cancels it', async () => {
  const clock = createVirtualClock()
  const fired: string[] = []
  clock.after(5, () => {
    fired.push('first')
    second.cancel()
  })
  const second = clock.after(5, () => fired.push('second'))
  clock.after(1, () => fired.push('early')).cancel()
  await clock.advance(10)
  assert.deepEqual(fired, ['first'])
})

test('what a moment sets off comes to rest before the next moment', async () => {
  const clock = createVirtualClock()
  const seen: string[] = []
  const work = async () => {
    await sleep(clock, 5)
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
    seen.push(`done at ${clock.monotonic()}`)
  }
  clock.after(6, () => seen.push('six'))
  const working = work()
  await clock.advance(6)
  await working
  assert.deepEqual(seen, ['done at 5', 'six'])
})

test('of many timers, whatever becomes of them, those that are left fire in order', async () => {
  const kept = fc.record({ delay: fc.nat({ max: 1_000 }), cancelled: fc.boolean() })
  await fc.assert(
    fc.asyncProperty(fc.array(kept, { maxLength: 400, size: 'max' }), async (wishes) => {
      const clock = createVirtualClock(0, { turns: 1 })
      const fired: number[] = []
      const timers = wishes.map(({ delay }, index) => clock.after(delay, () => fired.push(index)))
      timers.forEach((timer, index) => wishes[index]?.cancelled === true && timer.cancel())
      const left = wishes.flatMap(({ delay, cancelled }, index) => (cancelled ? [] : [[delay, index] as const]))
      assert.equal(clock.pending, left.length)
      await clock.advance(1_000)
      const order = left.toSorted(([a], [b]) => a - b).map(([, index]) => index)
      assert.deepEqual([fired, clock.pending], [order, 0])
      for (const timer of timers) timer.cancel()
      assert.equal(clock.pending, 0)
    }),
    { numRuns: 50 },
  )
})

test('a timer that is set and cancelled again and again takes no room', async () => {
  const clock = createVirtualClock(0, { turns: 1 })
  let fired = 0
  clock.after(50, () => (fired += 1))
  for (let round = 0; round < 1_000; round++) clock.after(100, () => (fired += 10)).cancel()
  assert.equal(clock.pending, 1)
  await clock.advance(100)
  assert.equal(fired, 1)
})

test('one turn is enough for what goes on in microtasks', async () => {
  const clock = createVirtualClock(0, { turns: 1 })
  let steps = 0
  clock.after(1, () => {
    const go = async () => {
      for (; steps < 1_000;) steps = (await Promise.resolve(steps)) + 1
    }
    void go()
  })
  await clock.advance(1)
  assert.equal(steps, 1_000)
})
