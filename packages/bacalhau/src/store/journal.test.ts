import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { BacalhauError } from '../runtime/error.ts'
import { LIMITS } from '../runtime/limits.ts'
import { silentLogger } from '../runtime/logger.ts'
import { createVirtualClock, settle } from '../runtime/virtual-clock.ts'
import { Journal, type Recorded } from './journal.ts'
import { createMemoryStore } from './memory.ts'
import { put, type Store } from './store.ts'

/** Something with values to write. */
interface Note extends Recorded {
  readonly key: string
  pending: number[]
  /** Called when its writes are taken. */
  onTaken: () => void
}

function bench() {
  const clock = createVirtualClock()
  const disk = createMemoryStore()
  const units: string[] = []
  const log: string[] = []
  const errors: string[] = []
  const state: { failure: Error | undefined } = { failure: undefined }
  const store: Store = {
    ...disk,
    commit(writes) {
      if (state.failure !== undefined) return Promise.reject(state.failure)
      units.push(writes.map((write) => ('key' in write ? write.key : '')).join('+'))
      return disk.commit(writes)
    },
  }
  const logger = { ...silentLogger, error: (_facts: object, text: string) => void errors.push(text) }
  const journal = new Journal({ store, clock, logger })
  const note = (key: string): Note => ({
    key,
    pending: [],
    onTaken: () => {},
    takeWrites() {
      const writes = this.pending.map((value) => put('meta', key, value))
      this.pending = []
      this.onTaken()
      return writes
    },
    onDurable: () => void log.push(`durable ${key}`),
  })
  const change = (target: Note, value: number) => {
    target.pending.push(value)
    journal.record(target)
  }
  return { clock, disk, units, log, errors, state, journal, note, change }
}

const full = new BacalhauError('DiskFull', 'full')

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

  test('what is recorded while writes are taken belongs to the same unit', async () => {
    const { units, log, journal, note, change } = bench()
    const [a, b, c] = [note('a'), note('b'), note('c')]
    b.onTaken = () => {
      b.onTaken = () => {}
      change(c, 1)
      change(a, 2)
    }
    change(a, 1)
    change(b, 1)
    await journal.flushed()
    await settle()
    assert.deepEqual(units, ['a+b+c+a'])
    assert.deepEqual(log, ['durable a', 'durable b', 'durable c'])
  })

  test('an effect alone waits for what is under way, and writes nothing', async () => {
    const { units, log, journal, note, change } = bench()
    change(note('a'), 1)
    await Promise.resolve().then(() => undefined)
    journal.after(() => log.push('after a'))
    await journal.flushed()
    assert.deepEqual([units, log], [['a'], ['durable a', 'after a']])
  })

  test('what was recorded without a change is told, and writes nothing', async () => {
    const { units, log, journal, note } = bench()
    journal.record(note('a'))
    await journal.flushed()
    assert.deepEqual([units, log], [[], ['durable a']])
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

  test('progress that was recorded while a unit is written leaves no timer behind', async () => {
    const { clock, units, journal, note, change } = bench()
    const [a, b] = [note('a'), note('b')]
    a.onTaken = () => {
      b.pending.push(1)
      journal.recordSoon(b)
    }
    change(a, 1)
    await journal.flushed()
    assert.deepEqual([units, clock.pending], [['a+b'], 0])
  })

  test('keeps its order while the disk is full, and goes on when there is room', async () => {
    const { clock, disk, units, log, errors, state, journal, note, change } = bench()
    const a = note('a')
    state.failure = full
    for (let value = 1; value <= 3; value++) {
      change(a, value)
      journal.after(() => log.push(`effect ${value}`))
      await clock.advance(1_500)
    }
    assert.deepEqual([units, log], [[], []])
    assert.equal(journal.trouble, full)
    assert.equal(errors.length, 1, 'said once, not at every try')
    state.failure = undefined
    await clock.advance(1_000)
    await journal.flushed()
    // The first change was tried alone; what came meanwhile follows together.
    assert.deepEqual(units, ['a', 'a+a'])
    assert.deepEqual(log, ['durable a', 'effect 1', 'durable a', 'effect 2', 'effect 3'])
    assert.equal(await disk.get('meta', 'a'), 3)
    assert.equal(journal.trouble, undefined)
  })

  test('who waits while a write fails hears why; the change stays and is written when it can be', async () => {
    const { clock, disk, state, journal, note, change } = bench()
    const a = note('a')
    state.failure = full
    change(a, 1)
    const first = assert.rejects(journal.flushed(), full)
    await settle()
    await first
    const second = assert.rejects(journal.flushed(), full)
    await clock.advance(1_000)
    await second
    const third = journal.flushed()
    state.failure = undefined
    await clock.advance(1_000)
    await third
    assert.equal(await disk.get('meta', 'a'), 1)
  })

  test('a failure that has no code is the fault of the program', async () => {
    const { state, journal, note, change } = bench()
    state.failure = new Error('surprise')
    change(note('a'), 1)
    await assert.rejects(journal.flushed(), { code: 'InternalError', message: 'surprise' })
    await journal.stop()
  })

  test('a fault in one effect does not keep the others', async () => {
    const { log, journal, note, change } = bench()
    const a = note('a')
    a.onDurable = () => {
      throw new Error('a fault')
    }
    change(a, 1)
    change(note('b'), 1)
    journal.after(() => {
      throw new Error('a fault')
    })
    journal.after(() => log.push('still'))
    await journal.flushed()
    assert.deepEqual(log, ['durable b', 'still'])
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
    await assert.rejects(journal.flushed(), { code: 'ServiceUnavailable' })
  })

  test('a stop does not wait for a full disk; who waits for a change learns that it is not certain', async () => {
    const { clock, state, journal, note, change } = bench()
    change(note('a'), 1)
    await settle()
    state.failure = full
    change(note('a'), 1)
    await settle()
    const waiting = assert.rejects(journal.flushed(), { code: 'ServiceUnavailable' })
    await journal.stop()
    await waiting
    assert.equal(clock.pending, 0)
  })
})

type Step =
  | { readonly do: 'change' | 'soon'; readonly note: number }
  | { readonly do: 'effect' | 'turn' | 'second' }
  | { readonly do: 'disk'; readonly works: boolean }

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constantFrom('change' as const, 'soon' as const), note: fc.nat({ max: 2 }) }),
  fc.record({ do: fc.constantFrom('effect' as const, 'turn' as const, 'second' as const) }),
  fc.record({ do: fc.constant('disk' as const), works: fc.boolean() }),
)

test('whatever happens in whatever order: no change is lost, none overtakes, and no effect comes before its causes', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const { clock, disk, log, state, journal, note } = bench()
      const notes = [note('0'), note('1'), note('2')]
      const values = [0, 0, 0]
      const effects: { readonly expected: number[]; readonly found: Promise<unknown[]> }[] = []
      const stored = () => Promise.all(notes.map(({ key }) => disk.get('meta', key)))
      for (const step of steps) {
        const target = 'note' in step ? notes[step.note] : undefined
        if ((step.do === 'change' || step.do === 'soon') && target !== undefined) {
          values[step.note] = (values[step.note] ?? 0) + 1
          target.pending.push(values[step.note] ?? 0)
          if (step.do === 'change') journal.record(target)
          else journal.recordSoon(target)
        } else if (step.do === 'effect') {
          const [index, expected] = [effects.length, [...values]]
          const { promise, resolve } = Promise.withResolvers<unknown[]>()
          effects.push({ expected, found: promise })
          journal.after(() => {
            log.push(`effect ${index}`)
            resolve(stored())
          })
        } else if (step.do === 'disk') state.failure = step.works ? undefined : full
        else if (step.do === 'turn') await settle()
        else await clock.advance(1_000)
      }
      state.failure = undefined
      await clock.advance(2_000)
      await journal.flushed()

      assert.deepEqual(
        log.filter((line) => line.startsWith('effect')),
        effects.map((_, index) => `effect ${index}`),
      )
      for (const { expected, found } of effects) {
        const seen = await found
        expected.forEach((value, index) => assert.ok(Number(seen[index] ?? 0) >= value, 'an effect before its cause'))
      }
      assert.deepEqual(
        (await stored()).map((value) => value ?? 0),
        values,
      )
      await journal.stop()
    }),
    { numRuns: 100 },
  )
})
