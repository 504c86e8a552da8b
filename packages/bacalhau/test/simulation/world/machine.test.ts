import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createVirtualClock } from '../../../src/runtime/virtual-clock.ts'
import { put } from '../../../src/store/store.ts'
import { createDice } from './dice.ts'
import { Disk } from './disk.ts'
import { Machine } from './machine.ts'

const START = Date.UTC(2026, 0, 1)

function bench(options: { skew?: number; rate?: number } = {}) {
  const clock = createVirtualClock(START, { turns: 1 })
  const deaths: number[] = []
  const disk = new Disk({ clock, dice: createDice(1) })
  const onDeath = () => deaths.push(clock.monotonic())
  return { clock, deaths, machine: new Machine({ name: 'QmA', clock, disk, dice: createDice(2), onDeath, ...options }) }
}

describe('the clock of a machine', () => {
  test('is ahead, runs at its own rate, and begins with the process', async () => {
    const { clock, machine } = bench({ skew: 5_000, rate: 1.01 })
    await clock.advance(1_000)
    const life = machine.boot()
    let fired = 0
    life.clock.after(101, () => (fired = clock.monotonic()))
    await clock.advance(100)
    assert.deepEqual([life.clock.now() - START, life.clock.monotonic(), fired], [6_100, 101, 1_100])
  })

  test('jumps only on the wall', async () => {
    const { clock, machine } = bench()
    const life = machine.boot()
    machine.jump(-3_600_000)
    await clock.advance(10)
    assert.deepEqual([life.clock.now() - START, life.clock.monotonic()], [10 - 3_600_000, 10])
  })
})

describe('a process', () => {
  test('does nothing any more after its death, and another one can begin', async () => {
    const { clock, deaths, machine } = bench()
    const life = machine.boot()
    let fired = 0
    life.clock.after(10, () => (fired += 1))
    machine.die()
    machine.die()
    await clock.advance(100)
    assert.deepEqual([fired, life.dead, deaths, machine.alive], [0, true, [0], false])
    const next = machine.boot()
    next.clock.after(10, () => (fired += 1))
    await clock.advance(10)
    assert.deepEqual([fired, next.dead], [1, false])
    assert.throws(() => machine.boot(), /runs already/)
  })

  test('has other luck than the one before', () => {
    const { machine } = bench()
    const first = machine.boot().dice.next()
    machine.die()
    assert.notEqual(machine.boot().dice.next(), first)
  })

  test('dies at the point at which a trap was set, so many microtasks later', async () => {
    for (const hops of [0, 1, 5]) {
      const { clock, machine } = bench()
      const life = machine.boot()
      machine.setTrap('commit', hops)
      await clock.advance(10)
      assert.equal(machine.alive, true)
      let turns = 0
      const count = async () => {
        for (; !life.dead; turns++) await Promise.resolve()
      }
      void life.store.commit([put('meta', 'a', 1)])
      void count()
      await clock.advance(0)
      assert.deepEqual([machine.alive, turns], [false, hops + 1])
    }
  })

  test('comes to all points of its work with a disk', async () => {
    for (const point of ['now', 'commit', 'durable'] as const) {
      const { clock, machine } = bench()
      const life = machine.boot()
      machine.setTrap(point, 0)
      void life.store.commit([put('meta', 'a', 1)])
      await clock.advance(0)
      const rows = await machine.disk.rows('meta')
      assert.deepEqual([life.dead, rows.length], [true, point === 'durable' ? 1 : 0], point)
    }
  })

  test('need not fear a trap that was taken away', async () => {
    const { clock, machine } = bench()
    const life = machine.boot()
    machine.setTrap('commit', 0)
    machine.disarm()
    void life.store.commit([])
    await clock.advance(0)
    assert.equal(machine.alive, true)
  })
})

describe('a machine that sleeps', () => {
  test('does nothing, and when it wakes everything that was due, in its order', async () => {
    const { clock, machine } = bench()
    const life = machine.boot()
    const done: string[] = []
    for (const delay of [20, 10]) life.clock.after(delay, () => done.push(`timer ${delay}`))
    void life.store.commit([put('meta', 'k', 1)]).then(() => done.push('written'))
    machine.sleep()
    await clock.advance(50)
    assert.ok(life.holds(() => done.push('heard')))
    assert.deepEqual([done, machine.asleep, machine.timers], [[], true, 0])
    machine.wake()
    await clock.advance(0)
    assert.deepEqual(done, ['timer 10', 'timer 20', 'heard', 'written'])
    assert.equal(await life.store.get('meta', 'k'), 1)
    assert.deepEqual([machine.asleep, life.holds(() => undefined), life.clock.monotonic()], [false, false, 50])
  })

  test('and dies in its sleep never does it', async () => {
    const { clock, machine } = bench()
    const life = machine.boot()
    const done: string[] = []
    life.clock.after(10, () => done.push('old'))
    machine.sleep()
    await clock.advance(20)
    machine.die()
    const next = machine.boot()
    next.clock.after(10, () => done.push('new'))
    machine.wake()
    await clock.advance(20)
    assert.deepEqual([done, machine.asleep], [['new'], false])
  })
})

test('a clock that drifts goes on from where it was, at its new rate', async () => {
  const { clock, machine } = bench({ rate: 2 })
  const life = machine.boot()
  await clock.advance(100)
  machine.drift(0.5)
  await clock.advance(100)
  const fired: number[] = []
  life.clock.after(10, () => fired.push(clock.monotonic()))
  await clock.advance(20)
  assert.deepEqual([life.clock.monotonic(), fired], [260, [220]])
})
