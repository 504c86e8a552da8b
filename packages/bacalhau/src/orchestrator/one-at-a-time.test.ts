import assert from 'node:assert/strict'
import { test } from 'node:test'
import { settle } from '../runtime/virtual-clock.ts'
import { oneAtATime } from './one-at-a-time.ts'

/** Tasks that end when they are told to; what they do is written down. */
function bench() {
  const inTurn = oneAtATime()
  const log: string[] = []
  const ends = new Map<string, PromiseWithResolvers<string>>()
  const start = (key: string, name: string) => {
    const end = Promise.withResolvers<string>()
    ends.set(name, end)
    return inTurn(key, () => {
      log.push(name)
      return end.promise
    })
  }
  return {
    log,
    start,
    end: (name: string) => ends.get(name)?.resolve(name),
    fail: (name: string) => ends.get(name)?.reject(new Error(name)),
  }
}

test('tasks of one key run one after the other, in the order of the calls', async () => {
  const { log, start, end } = bench()
  const results = Promise.all(['a', 'b', 'c'].map((name) => start('key', name)))
  await settle(2)
  assert.deepEqual(log, ['a'])
  end('c')
  end('a')
  await settle(2)
  assert.deepEqual(log, ['a', 'b'])
  end('b')
  assert.deepEqual(await results, ['a', 'b', 'c'])
})

test('tasks of different keys do not wait for each other', async () => {
  const { log, start } = bench()
  void start('key', 'a')
  void start('other', 'b')
  await settle(2)
  assert.deepEqual(log, ['a', 'b'])
})

test('one that fails fails its caller alone', async () => {
  const { start, end, fail } = bench()
  const [first, second] = [start('key', 'a'), start('key', 'b')]
  fail('a')
  end('b')
  await assert.rejects(first, /a/)
  assert.equal(await second, 'b')
  const third = start('key', 'c')
  end('c')
  assert.equal(await third, 'c')
})
