import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { LIMITS } from '../runtime/limits.ts'
import { silentLogger } from '../runtime/logger.ts'
import { createVirtualClock, settle } from '../runtime/virtual-clock.ts'
import { createMemoryStore } from '../store/memory.ts'
import { put, type Store } from '../store/store.ts'
import { Journal } from './journal.ts'

/** Something with a value to write. */
interface Note {
  readonly key: string
  pending: number[]
}

function bench() {
  const clock = createVirtualClock()
  const disk = createMemoryStore()
  const units: string[] = []
  const log: string[] = []
  const state = { full: false }
  const store: Store = {
    ...disk,
    commit(writes) {
      if (state.full) return Promise.reject(new Error('full'))
      units.push(writes.map(({ key }) => key).join('+'))
      return disk.commit(writes)
    },
  }
  const journal = new Journal<Note>({
    store,
    clock,
    logger: silentLogger,
    takeWrites(note) {
      const writes = note.pending.map((value) => put('meta', note.key, value))
      note.pending = []
      return writes
    },
    onDurable: ({ key }) => log.push(`durable ${key}`),
  })
  const note = (key: string): Note => ({ key, pending: [] })
  const change = (target: Note, value: number) => {
    target.pending.push(value)
    journal.record(target)
  }
  return { clock, disk, units, log, state, journal, note, change }
}

describe('the journal', () => {
  test('writes what was decided together as one unit, then tells, then lets the effects out in order', async () => {
    const { disk, units, log, journal, note, change } = bench()
    const [a, b] = [note('a'), note('b')]
    journal.after(() => log.push('effect 1'))
    change(a, 1)
    change(b, 1)
    change(a, 2)
    journal.after(() => log.push(`effect 2`))
    assert.deepEqual([units, log], [[], []])
    await journal.flushed()
    assert.deepEqual(units, ['a+a+b'])
    assert.deepEqual(log, ['durable a', 'durable b', 'effect 1', 'effect 2'])
    assert.equal(await disk.get('meta', 'a'), 2)
  })

  test('gathers what is decided while a unit is under way for the next one', async () => {
    const { units, journal, note, change } = bench()
    const [a, b, c] = [note('a'), note('b'), note('c')]
    change(a, 1)
    await Promise.resolve().then(() => undefined)
    change(b, 1)
    change(c, 1)
    await journal.flushed()
    assert.deepEqual(units, ['a', 'b+c'])
  })

  test('an effect alone waits for what is under way, and writes nothing', async () => {
    const { units, log, journal, note, change } = bench()
    change(note('a'), 1)
    await Promise.resolve().then(() => undefined)
    journal.after(() => log.push('after a'))
    await journal.flushed()
    assert.deepEqual([units, log], [['a'], ['durable a', 'after a']])
  })

  test('nothing that did not change is written or told', async () => {
    const { units, log, journal, note } = bench()
    journal.record(note('a'))
    await journal.flushed()
    assert.deepEqual([units, log], [[], []])
  })

  test('progress waits for company, but not for long', async () => {
    const { clock, units, journal, note, change } = bench()
    const [a, b] = [note('a'), note('b')]
    a.pending.push(1)
    journal.recordSoon(a)
    await clock.advance(LIMITS.progressDelay - 1)
    assert.deepEqual(units, [])
    await clock.advance(1)
    assert.deepEqual(units, ['a'])
    a.pending.push(2)
    for (let count = 0; count < 100; count++) journal.recordSoon(a)
    assert.equal(clock.pending, 1, 'one timer, however much progress there is')
    change(b, 1)
    await journal.flushed()
    assert.deepEqual([units, clock.pending], [['a', 'a+b'], 0])
  })

  test('keeps its order while the disk is full, and goes on when there is room', async () => {
    const { clock, disk, units, log, state, journal, note, change } = bench()
    const a = note('a')
    state.full = true
    for (let value = 1; value <= 3; value++) {
      change(a, value)
      journal.after(() => log.push(`effect ${value}`))
      await clock.advance(1_500)
    }
    assert.deepEqual([units, log], [[], []])
    state.full = false
    await clock.advance(1_000)
    await journal.flushed()
    // The first change was tried alone; what came meanwhile follows together.
    assert.deepEqual(units, ['a', 'a+a'])
    assert.deepEqual(log, ['durable a', 'effect 1', 'durable a', 'effect 2', 'effect 3'])
    assert.equal(await disk.get('meta', 'a'), 3)
  })

  test('a fault in one effect does not keep the others', async () => {
    const { log, journal } = bench()
    journal.after(() => {
      throw new Error('a fault')
    })
    journal.after(() => log.push('still'))
    await journal.flushed()
    assert.deepEqual(log, ['still'])
  })

  test('what an effect decides is written as well', async () => {
    const { units, journal, note, change } = bench()
    const [a, b] = [note('a'), note('b')]
    change(a, 1)
    journal.after(() => change(b, 1))
    await journal.flushed()
    await settle()
    assert.deepEqual(units, ['a', 'b'])
  })

  test('a stop writes what is left, progress too', async () => {
    const { clock, units, journal, note } = bench()
    const a = note('a')
    a.pending.push(1)
    journal.recordSoon(a)
    await journal.stop()
    assert.deepEqual([units, clock.pending], [['a'], 0])
  })

  test('a stop does not wait for a full disk; who waits for a change learns that it did not come', async () => {
    const { clock, state, journal, note, change } = bench()
    state.full = true
    change(note('a'), 1)
    const waiting = assert.rejects(journal.flushed(), /is being stopped/)
    await settle()
    await journal.stop()
    await waiting
    assert.equal(clock.pending, 0)
  })
})
