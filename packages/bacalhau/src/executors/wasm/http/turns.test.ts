import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTurns } from './turns.ts'

const never = new AbortController().signal

test('so many at a time, the others in the order in which they came', async () => {
  const turns = createTurns(2)
  const log: string[] = []
  const take = async (name: string) => {
    const giveBack = await turns.take(never)
    log.push(name)
    return giveBack
  }
  const [first, second, third, fourth] = [take('a'), take('b'), take('c'), take('d')]
  await Promise.all([first, second])
  assert.deepEqual(log, ['a', 'b'])
  ;(await second)()
  await third
  assert.deepEqual(log, ['a', 'b', 'c'])
  ;(await first)()
  await fourth
  assert.deepEqual(log, ['a', 'b', 'c', 'd'])
})

test('whoever gives up leaves the line', async () => {
  const turns = createTurns(1)
  const giveBack = await turns.take(never)
  const impatient = new AbortController()
  const gone = assert.rejects(turns.take(impatient.signal), /enough/)
  const next = turns.take(never)
  impatient.abort(new Error('enough'))
  await gone
  giveBack()
  ;(await next)()
  await assert.rejects(turns.take(AbortSignal.abort(new Error('at once'))), /at once/)
  ;(await turns.take(never))()
})
