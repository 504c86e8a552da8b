import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LIMITS } from '../runtime/limits.ts'
import { createVirtualClock } from '../runtime/virtual-clock.ts'
import { Patience } from './patience.ts'

const GRACE = 3_000

function bench() {
  const clock = createVirtualClock()
  const log: string[] = []
  const patience = new Patience(clock, {
    onLost: (nodeId, grace) => log.push(`lost ${nodeId} ${grace}`),
    onForgotten: (nodeId) => log.push(`forgotten ${nodeId}`),
  })
  return { clock, log, patience }
}

test('what a node ran is lost when its grace is over, each grace once, and the node is forgotten in its own time', async () => {
  const { clock, log, patience } = bench()
  patience.gone('a', [GRACE, 60_000, GRACE, 0])
  await clock.advance(0)
  assert.deepEqual(log, ['lost a 0'])
  await clock.advance(GRACE - 1)
  assert.deepEqual(log, ['lost a 0'])
  await clock.advance(1)
  assert.deepEqual(log, ['lost a 0', `lost a ${GRACE}`])
  await clock.advance(LIMITS.nodeMemory)
  assert.deepEqual(log.slice(2), ['forgotten a'])
  await clock.advance(60_000)
  assert.deepEqual([log.slice(3), clock.pending], [['lost a 60000'], 0])
})

test('a node that ran nothing is only forgotten', async () => {
  const { clock, log, patience } = bench()
  patience.gone('a', [])
  await clock.advance(LIMITS.nodeMemory)
  assert.deepEqual(log, ['forgotten a'])
})

test('a node that is back has all its time again when it goes the next time', async () => {
  const { clock, log, patience } = bench()
  patience.gone('a', [GRACE])
  await clock.advance(GRACE - 1)
  patience.back('a')
  assert.equal(clock.pending, 0)
  patience.gone('a', [GRACE])
  await clock.advance(GRACE - 1)
  assert.deepEqual(log, [])
})

test('going again without having been back buys no time', async () => {
  const { clock, log, patience } = bench()
  for (let passed = 0; passed < GRACE; passed += 1_000) {
    patience.gone('a', [GRACE])
    await clock.advance(1_000)
  }
  assert.deepEqual(log, [`lost a ${GRACE}`])
})

test('a node that only shows itself loses nothing meanwhile, and wins no time', async () => {
  const { clock, log, patience } = bench()
  patience.gone('a', [GRACE, 60_000])
  await clock.advance(GRACE - 1)
  patience.seen('a')
  await clock.advance(5_000)
  assert.deepEqual(log, [])
  patience.gone('a', [GRACE, 10_000, 60_000])
  await clock.advance(0)
  assert.deepEqual(log, [`lost a ${GRACE}`])
  await clock.advance(10_000 - GRACE + 1 - 5_000)
  assert.deepEqual(log.slice(1), ['lost a 10000'])
  patience.seen('a')
  patience.back('a')
  patience.gone('a', [10_000])
  await clock.advance(9_999)
  assert.deepEqual(log.slice(2), [])
})

test('showing itself and going again does not shorten the time that nodes have after a restart', async () => {
  const { clock, log, patience } = bench()
  patience.gone('a', [0], LIMITS.restartGrace)
  patience.seen('a')
  patience.gone('a', [0])
  await clock.advance(LIMITS.restartGrace - 1)
  assert.deepEqual(log, [])
  await clock.advance(1)
  assert.deepEqual(log, ['lost a 0', 'forgotten a'])
})

test('after a restart no grace is shorter than the least, and each node has its own', async () => {
  const { clock, log, patience } = bench()
  patience.gone('a', [GRACE, 0], LIMITS.restartGrace)
  patience.gone('b', [0])
  await clock.advance(LIMITS.restartGrace - 1)
  assert.deepEqual(log, ['lost b 0'])
  await clock.advance(1)
  assert.deepEqual(log.slice(1).toSorted(), ['forgotten a', 'forgotten b', 'lost a 0', `lost a ${GRACE}`])
})

test('stopped, it is silent', async () => {
  const { clock, log, patience } = bench()
  patience.gone('a', [GRACE])
  patience.gone('b', [GRACE])
  patience.stop()
  await clock.advance(LIMITS.nodeMemory)
  assert.deepEqual([log, clock.pending], [[], 0])
})
