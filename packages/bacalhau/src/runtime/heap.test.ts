import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { startIdleCollector } from './heap.ts'
import { createVirtualClock } from './virtual-clock.ts'

/** A process whose processor time, in milliseconds, the test sets. */
function idleProcess() {
  const clock = createVirtualClock()
  let used = 600
  let collections = 0
  const collector = startIdleCollector({ clock, used: () => used, collect: () => collections++ })
  return {
    collector,
    collections: () => collections,
    /** Lets 5 s go by of which so many milliseconds are work. */
    pass: async (work: number) => {
      used += work
      await clock.advance(5_000)
    },
  }
}

describe('startIdleCollector', () => {
  test('collects once after the start, and not again while nothing happens', async () => {
    const { pass, collections, collector } = idleProcess()
    await pass(10)
    assert.equal(collections(), 1)
    for (let round = 0; round < 10; round++) await pass(20)
    assert.equal(collections(), 1)
    await collector.stop()
  })

  test('waits until the work is over', async () => {
    const { pass, collections, collector } = idleProcess()
    for (let round = 0; round < 5; round++) await pass(2_500)
    assert.equal(collections(), 0)
    await pass(100)
    assert.equal(collections(), 1)
    await collector.stop()
  })

  test('adds up small work until a collection is worth it', async () => {
    const { pass, collections, collector } = idleProcess()
    await pass(0)
    for (let round = 0; round < 4; round++) await pass(240)
    assert.equal(collections(), 1)
    await pass(240)
    assert.equal(collections(), 2)
    await collector.stop()
  })

  test('ends with the node', async () => {
    const { pass, collections, collector } = idleProcess()
    await collector.stop()
    await pass(0)
    assert.equal(collections(), 0)
  })

  test('collects for real', async () => {
    const clock = createVirtualClock()
    const collector = startIdleCollector({ clock })
    const litter = [{}, {}, {}].map((piece) => new WeakRef(piece))
    // What a turn of the event loop has made stays until its end.
    await new Promise((resolve) => setImmediate(resolve))
    await clock.advance(5_000)
    assert.deepEqual(
      litter.map((piece) => piece.deref()),
      [undefined, undefined, undefined],
    )
    await collector.stop()
  })
})
