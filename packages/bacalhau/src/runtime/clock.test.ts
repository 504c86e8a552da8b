import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { describe, test } from 'node:test'
import { type Clock, sleep, systemClock } from './clock.ts'

/** A clock whose only timer fires when told to. */
function manualClock() {
  const timers = new Set<() => void>()
  const clock: Clock = {
    now: () => 0,
    monotonic: () => 0,
    after(_, action) {
      timers.add(action)
      return { cancel: () => void timers.delete(action) }
    },
  }
  const fire = () => {
    const due = [...timers]
    timers.clear()
    for (const action of due) action()
  }
  return { clock, timers, fire }
}

const listeners = (signal: AbortSignal) => getEventListeners(signal, 'abort').length

describe('sleep', () => {
  test('ends when its time has come, and leaves no listener', async () => {
    const { clock, fire } = manualClock()
    const { signal } = new AbortController()
    let awake = false
    const sleeping = sleep(clock, 1_000, signal).then(() => (awake = true))
    await Promise.resolve()
    assert.equal(awake, false)
    fire()
    await sleeping
    assert.equal(listeners(signal), 0)
  })

  test('rejects when the signal aborts, and takes its timer back', async () => {
    const { clock, timers } = manualClock()
    const controller = new AbortController()
    const sleeping = sleep(clock, 1_000, controller.signal)
    assert.equal(timers.size, 1)
    controller.abort(new Error('stop'))
    await assert.rejects(sleeping, /stop/)
    assert.deepEqual([timers.size, listeners(controller.signal)], [0, 0])
  })

  test('rejects at once when the signal has aborted, without a timer', async () => {
    const { clock, timers } = manualClock()
    await assert.rejects(sleep(clock, 1_000, AbortSignal.abort('why')), { message: 'aborted', cause: 'why' })
    assert.equal(timers.size, 0)
  })

  test('needs no signal', async () => {
    const { clock, fire } = manualClock()
    const sleeping = sleep(clock, 1_000)
    fire()
    await sleeping
  })
})

describe('systemClock', () => {
  test('tells the time of day, and a time that does not go back', () => {
    assert.ok(systemClock.now() > Date.UTC(2024))
    const first = systemClock.monotonic()
    assert.ok(systemClock.monotonic() >= first)
  })

  test('fires once, unless cancelled', (context) => {
    context.mock.timers.enable({ apis: ['setTimeout'] })
    const fired: string[] = []
    systemClock.after(10, () => fired.push('a'))
    systemClock.after(10, () => fired.push('b')).cancel()
    context.mock.timers.tick(9)
    assert.deepEqual(fired, [])
    context.mock.timers.tick(100)
    assert.deepEqual(fired, ['a'])
  })

  test('a delay of months neither fires at once nor too early, and can be cancelled on the way', (context) => {
    /** Above this the platform counts one millisecond instead. */
    const longest = 2 ** 31 - 1
    const delays: number[] = []
    context.mock.timers.enable({ apis: ['setTimeout'] })
    const set = globalThis.setTimeout
    context.mock.method(globalThis, 'setTimeout', (action: () => void, delay: number) => {
      delays.push(delay)
      return set(action, delay)
    })
    const fired: string[] = []
    systemClock.after(2 * longest + 5, () => fired.push('kept'))
    const cancelled = systemClock.after(2 * longest + 5, () => fired.push('cancelled'))
    for (const step of [longest, longest, 4]) context.mock.timers.tick(step)
    cancelled.cancel()
    assert.deepEqual(fired, [])
    context.mock.timers.tick(1)
    assert.deepEqual(fired, ['kept'])
    assert.deepEqual(delays, [longest, longest, longest, longest, 5, 5])
  })

  test('a timer does not keep the process alive', () => {
    const before = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
    const timer = systemClock.after(60_000, () => {})
    assert.equal(process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length, before)
    timer.cancel()
  })
})
