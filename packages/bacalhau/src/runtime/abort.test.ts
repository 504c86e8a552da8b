import assert from 'node:assert/strict'
import { getEventListeners, once } from 'node:events'
import { describe, test } from 'node:test'
import { abortable, abortReason, withDeadline } from './abort.ts'

const listeners = (signal: AbortSignal) => getEventListeners(signal, 'abort').length
const never = new Promise<never>(() => {})

describe('abortReason', () => {
  test('is the error that was given', () => {
    const reason = new TypeError('gone')
    assert.equal(abortReason(AbortSignal.abort(reason)), reason)
    assert.equal(abortReason(AbortSignal.abort()).name, 'AbortError')
  })

  test('wraps what is no error', () => {
    const error = abortReason(AbortSignal.abort('why'))
    assert.deepEqual([error.message, error.cause], ['aborted', 'why'])
  })
})

describe('abortable', () => {
  test('settles like the promise, and leaves no listener', async () => {
    const { signal } = new AbortController()
    assert.equal(await abortable(Promise.resolve(7), signal), 7)
    await assert.rejects(abortable(Promise.reject(new Error('broken')), signal), /broken/)
    assert.equal(listeners(signal), 0)
  })

  test('without a signal is the promise itself', async () => {
    assert.equal(await abortable(Promise.resolve(7), undefined), 7)
  })

  test('rejects when the signal aborts, and leaves no listener though the promise never settles', async () => {
    const controller = new AbortController()
    const waiting = abortable(never, controller.signal)
    assert.equal(listeners(controller.signal), 1)
    controller.abort(new Error('stop'))
    await assert.rejects(waiting, /stop/)
    assert.equal(listeners(controller.signal), 0)
  })

  test('rejects at once when the signal has aborted, even if the promise is done', async () => {
    const signal = AbortSignal.abort(new Error('stop'))
    await assert.rejects(abortable(never, signal), /stop/)
    await assert.rejects(abortable(Promise.resolve(7), signal), /stop/)
    assert.equal(listeners(signal), 0)
  })

  test('a promise that fails after the abort is no unhandled rejection', async () => {
    const { promise, reject } = Promise.withResolvers<never>()
    await assert.rejects(abortable(promise, AbortSignal.abort(new Error('stop'))), /stop/)
    reject(new Error('late'))
    // An unhandled rejection would fail this test before the next turn of the event loop.
    await new Promise((resolve) => setImmediate(resolve))
  })

  test('many at once on one signal leave nothing behind', async () => {
    const { signal } = new AbortController()
    await Promise.all(Array.from({ length: 100 }, (_, index) => abortable(Promise.resolve(index), signal)))
    assert.equal(listeners(signal), 0)
  })
})

describe('withDeadline', () => {
  test('aborts with the signal, for its reason', () => {
    const controller = new AbortController()
    const signal = withDeadline(controller.signal, 60_000)
    assert.equal(signal.aborted, false)
    controller.abort(new Error('stop'))
    assert.equal(abortReason(signal).message, 'stop')
    assert.ok(withDeadline(controller.signal, 60_000).aborted)
  })

  for (const outer of [undefined, new AbortController().signal]) {
    test(`aborts when the time is up, ${outer === undefined ? 'alone' : 'beside a signal'}`, async (context) => {
      // The timer of a deadline does not keep the process alive; this one does.
      const alive = setInterval(() => {}, 1_000)
      context.after(() => clearInterval(alive))
      const signal = withDeadline(outer, 1)
      if (!signal.aborted) await once(signal, 'abort')
      assert.equal(abortReason(signal).name, 'TimeoutError')
    })
  }
})
