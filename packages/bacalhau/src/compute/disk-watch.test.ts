import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { LIMITS } from '../runtime/limits.ts'
import { silentLogger } from '../runtime/logger.ts'
import { createVirtualClock } from '../runtime/virtual-clock.ts'
import { startDiskWatch } from './disk-watch.ts'

const GB = 1e9

async function bench(first: number) {
  const clock = createVirtualClock()
  const state = { free: first, broken: false, relieved: 0, told: [] as string[] }
  const tell = (_: unknown, message: string) => void state.told.push(message)
  const watch = await startDiskWatch({
    clock,
    logger: { ...silentLogger, warn: tell, info: tell },
    floor: 2 * GB,
    relieve: () => void (state.relieved += 1),
    free: async () => {
      if (state.broken) throw new Error('no such disk')
      return state.free
    },
  })
  return { clock, state, watch, look: () => clock.advance(LIMITS.diskLook) }
}

const SHORT = 'this node is short of disk: 1 GB are free, and 2 GB are to stay so'

describe('a disk', () => {
  test('with room is nothing to speak of', async () => {
    const { state, watch, look } = await bench(2 * GB)
    await look()
    assert.deepEqual([watch.shortage(), state.relieved, state.told], [undefined, 0, []])
  })

  test('point 28: without room is known before any work comes, and relieved until there is room', async () => {
    const { state, watch, look } = await bench(GB)
    assert.equal(watch.shortage(), SHORT)
    await look()
    await look()
    assert.equal(state.relieved, 3)
    state.free = 3 * GB
    await look()
    await look()
    assert.deepEqual([watch.shortage(), state.relieved], [undefined, 3])
    assert.deepEqual(state.told, [`${SHORT}; it takes no work`, 'the disk has room again'])
  })

  test('that cannot be asked stays what it was', async () => {
    const { state, watch, look } = await bench(GB)
    state.broken = true
    await look()
    assert.equal(watch.shortage(), SHORT)
    state.broken = false
    state.free = 3 * GB
    await look()
    assert.equal(watch.shortage(), undefined)
  })

  test('is not looked at any more after the stop', async () => {
    const { clock, state, watch, look } = await bench(3 * GB)
    await watch.stop()
    state.free = 0
    await look()
    assert.deepEqual([watch.shortage(), clock.pending], [undefined, 0])
  })
})
