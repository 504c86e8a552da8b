import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createVaultSweep } from './vault-sweep.ts'

function bench(...cids: string[]) {
  const held = new Set(cids)
  const state = { forgotten: 0 }
  const vault = { list: () => [...held], drop: (cid: string) => void held.delete(cid) }
  const sweep = createVaultSweep(vault, () => (state.forgotten += 1))
  return { held, state, sweep }
}

async function* needs(...cids: string[]) {
  yield* cids
}

test('what nobody needs goes at the second sweep, and only that', async () => {
  const { held, state, sweep } = bench('a', 'b')
  assert.equal(await sweep.sweep(needs('b')), 1)
  assert.deepEqual([[...held], state.forgotten], [['a', 'b'], 0])
  assert.equal(await sweep.sweep(needs('b')), 0)
  assert.deepEqual([[...held], state.forgotten], [['b'], 1])
})

test('what is asked for between two sweeps, or during one, stays', async () => {
  const { held, sweep } = bench('a', 'b')
  await sweep.sweep(needs())
  sweep.note('a')
  await sweep.sweep(
    (async function* () {
      sweep.note('b')
      yield* []
    })(),
  )
  assert.deepEqual([...held], ['a', 'b'])
  for (let round = 0; round < 3; round++) await sweep.sweep(needs('a'))
  assert.deepEqual([...held], ['a'])
})

test('nothing goes while something is being put', async () => {
  const { held, sweep } = bench('a')
  const { promise, resolve } = Promise.withResolvers<void>()
  const putting = sweep.during(() => promise)
  for (let round = 0; round < 3; round++) assert.equal(await sweep.sweep(needs()), 1)
  resolve()
  await putting
  assert.deepEqual([await sweep.sweep(needs()), [...held]], [0, []])
})

test('an empty vault asks for no needs', async () => {
  const { sweep } = bench()
  const unasked: AsyncIterable<string> = {
    [Symbol.asyncIterator]: () => assert.fail('it looked at all jobs'),
  }
  assert.equal(await sweep.sweep(unasked), 0)
})
