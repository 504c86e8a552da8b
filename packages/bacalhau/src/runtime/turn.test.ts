import assert from 'node:assert/strict'
import { test } from 'node:test'
import { steps, turn } from './turn.ts'

test('of all who wait for their turn one goes on at a time, with other work in between', async () => {
  const steps: string[] = []
  const walk = async (name: string) => {
    for (let step = 1; step <= 3; step++) {
      await turn()
      steps.push(`${name}${step}`)
    }
  }
  let others = 0
  const work = () => {
    others += 1
    next = setImmediate(work)
  }
  let next = setImmediate(work)
  await Promise.all([walk('a'), walk('b'), walk('c')])
  clearImmediate(next)
  assert.deepEqual(steps, ['a1', 'b1', 'c1', 'a2', 'b2', 'c2', 'a3', 'b3', 'c3'])
  assert.ok(others >= 8, `${others} turns of others`)
})

test('a turn comes again when nobody has waited for a while', async () => {
  await turn()
  await new Promise((resolve) => setImmediate(resolve))
  await turn()
})

test('whoever goes through very many things waits once in some milliseconds, not after each', async () => {
  let now = 0
  const step = steps({ monotonic: () => now })
  const waited: number[] = []
  for (let thing = 1; thing <= 12; thing += 1) {
    now += 1
    const pause = step()
    if (pause === undefined) continue
    waited.push(thing)
    await pause
  }
  assert.deepEqual(waited, [4, 8, 12])
})
