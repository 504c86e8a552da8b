import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Scope } from './lifecycle.ts'

/** A scope, and what its releases did. */
function recorder() {
  const log: string[] = []
  const release = (name: string) => () => void log.push(name)
  const asyncRelease = (name: string) => async () => {
    log.push(`${name} begins`)
    await Promise.resolve()
    log.push(`${name} ends`)
  }
  const failing = (name: string) => () => {
    log.push(name)
    throw new Error(name)
  }
  return { scope: new Scope(), log, release, asyncRelease, failing }
}

describe('Scope', () => {
  test('releases in reverse order, one after the other', async () => {
    const { scope, log, release, asyncRelease } = recorder()
    scope.defer(release('first'))
    scope.defer(asyncRelease('second'))
    scope.defer(release('third'))
    await scope.stop()
    assert.deepEqual(log, ['third', 'second begins', 'second ends', 'first'])
  })

  test('an owned resource comes back and is stopped', async () => {
    const { scope, log } = recorder()
    const resource = { name: 'socket', stop: async () => void log.push('stopped') }
    assert.equal(scope.own(resource), resource)
    await scope.stop()
    assert.deepEqual(log, ['stopped'])
  })

  test('goes on after failures, and throws the first', async () => {
    const { scope, log, release, failing } = recorder()
    scope.defer(release('first'))
    scope.defer(failing('second'))
    scope.defer(() => Promise.reject(new Error('third')))
    await assert.rejects(scope.stop(), { message: 'third' })
    assert.deepEqual(log, ['second', 'first'])
  })

  test('stops once, and says the same to everyone who asks', async () => {
    const { scope, log, failing } = recorder()
    scope.defer(failing('only'))
    const [first, second] = await Promise.allSettled([scope.stop(), scope.stop()])
    assert.deepEqual(first, second)
    assert.equal(first.status, 'rejected')
    await assert.rejects(scope.stop(), { message: 'only' })
    assert.deepEqual(log, ['only'])
  })

  test('an empty one stops', async () => {
    await new Scope().stop()
  })

  test('what is acquired while it stops is released too, before what came earlier', async () => {
    const { scope, log, release } = recorder()
    scope.defer(release('first'))
    scope.defer(() => {
      log.push('second')
      scope.defer(release('late'))
    })
    await scope.stop()
    assert.deepEqual(log, ['second', 'late', 'first'])
  })

  test('what is acquired after it has stopped is released too', async () => {
    const { scope, log, release } = recorder()
    await scope.stop()
    scope.defer(release('late'))
    await scope.stop()
    assert.deepEqual(log, ['late'])
  })

  test('what is acquired after it failed to stop is released too', async () => {
    const { scope, log, release, failing } = recorder()
    scope.defer(failing('only'))
    await assert.rejects(scope.stop(), { message: 'only' })
    scope.defer(release('late'))
    await assert.rejects(scope.stop(), { message: 'only' })
    assert.deepEqual(log, ['only', 'late'])
  })

  test('a late failure is told to the next who asks, and is no unhandled rejection', async () => {
    const { scope, failing } = recorder()
    await scope.stop()
    scope.defer(failing('late'))
    await new Promise((resolve) => setImmediate(resolve))
    await assert.rejects(scope.stop(), { message: 'late' })
  })
})
