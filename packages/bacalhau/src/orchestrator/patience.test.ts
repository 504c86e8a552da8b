import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LIMITS } from '../runtime/limits.ts'
import { createVirtualClock } from '../runtime/virtual-clock.ts'
import { Patience } from './patience.ts'

function bench() {
  const clock = createVirtualClock()
  const log: string[] = []
  const patience = new Patience(clock, {
    onLost: (nodeId) => log.push(`lost ${nodeId}`),
    onForgotten: (nodeId) => log.push(`forgotten ${nodeId}`),
  })
  return { clock, log, patience }
}

test('what a node ran is lost soon, and the node is forgotten later', async () => {
  const { clock, log, patience } = bench()
  patience.gone('a')
  await clock.advance(LIMITS.linkGrace - 1)
  assert.deepEqual(log, [])
  await clock.advance(1)
  assert.deepEqual(log, ['lost a'])
  await clock.advance(LIMITS.nodeMemory)
  assert.deepEqual([log, clock.pending], [['lost a', 'forgotten a'], 0])
})

test('a node that is back has all its time again when it goes the next time', async () => {
  const { clock, log, patience } = bench()
  patience.gone('a')
  await clock.advance(LIMITS.linkGrace - 1)
  patience.back('a')
  assert.equal(clock.pending, 0)
  patience.gone('a')
  await clock.advance(LIMITS.linkGrace - 1)
  assert.deepEqual(log, [])
})

test('going again without having been back buys no time', async () => {
  const { clock, log, patience } = bench()
  for (let passed = 0; passed < LIMITS.linkGrace; passed += 1_000) {
    patience.gone('a')
    await clock.advance(1_000)
  }
  assert.deepEqual(log, ['lost a'])
})

test('after a restart the nodes have longer, each for itself', async () => {
  const { clock, log, patience } = bench()
  patience.gone('a', LIMITS.restartGrace)
  patience.gone('b')
  await clock.advance(LIMITS.linkGrace)
  patience.back('a')
  await clock.advance(LIMITS.restartGrace)
  assert.deepEqual(log, ['lost b', 'forgotten b'])
})

test('stopped, it is silent', async () => {
  const { clock, log, patience } = bench()
  patience.gone('a')
  patience.gone('b')
  patience.stop()
  await clock.advance(LIMITS.nodeMemory)
  assert.deepEqual([log, clock.pending], [[], 0])
})
