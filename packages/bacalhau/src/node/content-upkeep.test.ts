import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { describe, test } from 'node:test'
import { flow, temporaryContent } from '../content/testing/temporary.ts'
import { resultPin } from '../publishers/ipfs/result-pins.ts'
import { LIMITS } from '../runtime/limits.ts'
import { silentLogger } from '../runtime/logger.ts'
import { createVirtualClock } from '../runtime/virtual-clock.ts'
import { freePartOf, startContentUpkeep } from './content-upkeep.ts'

const GIB = 1024 ** 3
const NOON = Date.UTC(2026, 0, 31, 12)

/** Content of which only the size is of interest. */
function bench(first: number) {
  const clock = createVirtualClock(NOON)
  const state = { size: first, live: first, free: 0.5, collections: 0, fails: false }
  const upkeep = startContentUpkeep({
    clock,
    logger: silentLogger,
    resultDays: 30,
    freeSpace: async () => state.free,
    content: {
      footprint: () => state.size,
      pinNames: () => [],
      unpinAll: () => 0,
      async collect() {
        state.collections += 1
        if (state.fails) throw new Error('the disk is broken')
        state.size = state.live
        return { blocks: 1, bytes: 1 }
      },
    },
  })
  return { clock, state, upkeep, look: () => clock.advance(LIMITS.housekeeping) }
}

describe('content is collected', () => {
  test('when it has grown by a quarter, and by a gibibyte at least', async () => {
    const { state, look } = bench(8 * GIB)
    state.size = 10 * GIB
    await look()
    assert.equal(state.collections, 0)
    state.size = 10 * GIB + 1
    await look()
    await look()
    assert.equal(state.collections, 1)
    const small = bench(0)
    small.state.size = GIB
    await small.look()
    assert.equal(small.state.collections, 0)
  })

  test('from what was left the last time', async () => {
    const { state, look } = bench(0)
    state.size = state.live = 8 * GIB
    await look()
    state.size = 9.9 * GIB
    await look()
    assert.equal(state.collections, 1)
  })

  test('when the disk is about to be full, but not again and again', async () => {
    const { state, look } = bench(0)
    state.free = 0.09
    for (let minutes = 0; minutes < 120; minutes += 10) await look()
    assert.equal(state.collections, 2)
  })

  test('again after it has failed, and never after the stop', async () => {
    const { clock, state, look, upkeep } = bench(0)
    Object.assign(state, { size: 2 * GIB, fails: true })
    await look()
    await look()
    assert.equal(state.collections, 2)
    await upkeep.stop()
    await clock.advance(100 * LIMITS.housekeeping)
    assert.deepEqual([state.collections, clock.pending], [2, 0])
  })

  test('when results have become old, and they are gone then', async (context) => {
    const clock = createVirtualClock(NOON)
    const content = await temporaryContent(context)
    await content.add(flow('old'), { pinAs: resultPin(NOON - 31 * 86_400_000) })
    await content.add(flow('young'), { pinAs: resultPin(NOON) })
    const { promise, resolve } = Promise.withResolvers<void>()
    const collect = async () => {
      const collected = await content.collect()
      resolve()
      return collected
    }
    const freeSpace = async () => 1
    const upkeep = startContentUpkeep({
      content: { ...content, collect },
      clock,
      logger: silentLogger,
      resultDays: 30,
      freeSpace,
    })
    await clock.advance(LIMITS.housekeeping)
    await promise
    assert.equal(content.usage().blocks, 1)
    await upkeep.stop()
  })
})

test('a disk has a free part', async () => {
  const part = await freePartOf(tmpdir())
  assert.ok(part >= 0 && part <= 1)
})

describe('a disk without room', () => {
  test('has content collected at once, but not again and again', async () => {
    const { clock, state, upkeep } = bench(GIB)
    upkeep.relieve()
    upkeep.relieve()
    await clock.advance(0)
    upkeep.relieve()
    await clock.advance(LIMITS.housekeeping - 1)
    assert.equal(state.collections, 1)
    await clock.advance(1)
    upkeep.relieve()
    await clock.advance(0)
    assert.equal(state.collections, 2)
    assert.equal(clock.pending, 1)
    await upkeep.stop()
    upkeep.relieve()
    assert.deepEqual([state.collections, clock.pending], [2, 0])
  })
})
