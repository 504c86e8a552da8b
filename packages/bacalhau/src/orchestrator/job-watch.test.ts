import assert from 'node:assert/strict'
import { test } from 'node:test'
import { settle } from '../runtime/virtual-clock.ts'
import { JobWatch } from './job-watch.ts'

const never = () => new AbortController().signal

test('looks at once, and again after each change, until it finds something', async () => {
  const watch = new JobWatch()
  let value = 0
  const looks: number[] = []
  const found = watch.until('j-1', async () => (looks.push(value), value >= 2 ? `found ${value}` : undefined), never())
  await settle()
  for (value = 1; value <= 2; value++) {
    watch.changed('j-1')
    await settle()
  }
  assert.equal(await found, 'found 2')
  assert.deepEqual([looks, watch.size], [[0, 1, 2], 0])
})

test('misses no change, also not one in the middle of a look', async () => {
  const watch = new JobWatch()
  let value = 0
  const found = watch.until(
    'j-1',
    async () => {
      const seen = value
      if (seen === 0) {
        value = 1
        watch.changed('j-1')
      }
      await settle(3)
      return seen === 1 ? 'found' : undefined
    },
    never(),
  )
  assert.equal(await found, 'found')
})

test('wakes everybody who waits for this job, and nobody else', async () => {
  const watch = new JobWatch()
  let looks = 0
  const wait = (jobId: string, from: number) =>
    watch.until(jobId, async () => (looks++ >= from ? 'x' : undefined), never())
  const others = new AbortController()
  const waiting = [wait('j-1', 3), wait('j-1', 3)]
  const other = watch.until('j-2', async () => undefined, others.signal)
  await settle()
  assert.equal(watch.size, 2)
  looks = 3
  watch.changed('j-1')
  await Promise.all(waiting)
  assert.equal(watch.size, 1)
  others.abort(new Error('done'))
  await assert.rejects(other, /done/)
  assert.equal(watch.size, 0)
})

test('who leaves, fails or comes with an aborted signal leaves nothing behind', async () => {
  const watch = new JobWatch()
  const abort = new AbortController()
  const waiting = Array.from({ length: 100 }, () => watch.until('j-1', async () => undefined, abort.signal))
  await settle()
  abort.abort(new Error('gone'))
  await Promise.all(waiting.map((each) => assert.rejects(each, /gone/)))
  await assert.rejects(
    watch.until('j-1', async () => 'x', abort.signal),
    /gone/,
  )
  await assert.rejects(
    watch.until('j-1', () => Promise.reject(new Error('cannot look')), never()),
    /cannot look/,
  )
  assert.equal(watch.size, 0)
})
