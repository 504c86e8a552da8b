import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createVirtualClock } from '../../../src/runtime/virtual-clock.ts'
import { put, remove } from '../../../src/store/store.ts'
import { createDice } from './dice.ts'
import { Disk } from './disk.ts'
import { Machine } from './machine.ts'

function bench() {
  const clock = createVirtualClock(0, { turns: 1 })
  const disk = new Disk({ clock, dice: createDice(1) })
  const machine = new Machine({ name: 'QmA', clock, disk, dice: createDice(2) })
  const life = machine.boot()
  const done: string[] = []
  const commit = (key: string, value: unknown = key) =>
    life.store.commit([put('meta', key, value)]).then(
      () => done.push(key),
      (error: unknown) => done.push(`${key}: ${String(error)}`),
    )
  const keys = async () => (await disk.rows('meta')).map(({ key }) => key)
  return { clock, disk, machine, life, done, commit, keys }
}

describe('a simulated disk', () => {
  test('takes its time, and keeps the order of what it is asked for', async () => {
    const { clock, disk, done, commit, keys } = bench()
    disk.weather.slowness = [10, 10]
    void commit('a')
    disk.weather.slowness = [0, 0]
    void commit('b')
    await clock.advance(9)
    assert.deepEqual([done, await keys()], [[], []])
    await clock.advance(1)
    assert.deepEqual(
      [done, await keys()],
      [
        ['a', 'b'],
        ['a', 'b'],
      ],
    )
  })

  test('loses exactly what was not durable when its machine dies, and answers nobody after that', async () => {
    const { clock, disk, machine, done, commit, keys, life } = bench()
    void commit('kept')
    await clock.advance(0)
    disk.weather.slowness = [10, 10]
    void commit('lost')
    await clock.advance(5)
    machine.die()
    void life.store.get('meta', 'kept').then(() => done.push('an answer'))
    void commit('late')
    await clock.advance(100)
    assert.deepEqual([done, await keys()], [['kept'], ['kept']])
  })

  test('may have written what its process never hears of', async () => {
    const { clock, disk, machine, done, commit, keys } = bench()
    disk.weather.deafness = 1_000
    void commit('a')
    await clock.advance(0)
    machine.die()
    await clock.advance(2_000)
    assert.deepEqual([done, await keys()], [[], ['a']])
  })

  test('that is full refuses, and takes again when it is not', async () => {
    const { clock, disk, done, commit } = bench()
    disk.weather.full = true
    void commit('a')
    await clock.advance(0)
    disk.weather.full = false
    void commit('b')
    await clock.advance(0)
    assert.deepEqual(done, ['a: BacalhauError: no space left on the disk', 'b'])
  })

  test('writes a document as it was when it was handed over', async () => {
    const { clock, disk, commit } = bench()
    const document = { state: 'before' }
    void commit('a', document)
    document.state = 'after'
    await clock.advance(0)
    assert.deepEqual(await disk.rows('meta'), [{ key: 'a', value: { state: 'before' } }])
  })

  test('that lies says that it has written before it has', async () => {
    const { clock, disk, machine, done, commit, keys } = bench()
    Object.assign(disk.weather, { lies: true, slowness: [10, 10] })
    void commit('a')
    await clock.advance(1)
    machine.die()
    await clock.advance(100)
    assert.deepEqual([done, await keys()], [['a'], []])
  })

  test('can be set back to a copy, and lost, which shows in its generation', async () => {
    const { clock, disk, commit, keys } = bench()
    void commit('a')
    await clock.advance(0)
    const copy = await disk.snapshot()
    void commit('b')
    await clock.advance(0)
    await disk.tamper(remove('meta', 'a'))
    assert.deepEqual(await keys(), ['b'])
    await disk.restore(copy)
    assert.deepEqual([await keys(), disk.generation], [['a'], 'g-1'])
    disk.wipe()
    assert.deepEqual([await keys(), disk.generation], [[], 'g-2'])
  })

  test('shows every unit to its watcher when it is durable, and before its process hears of it', async () => {
    const { clock, disk, done, commit } = bench()
    disk.onUnit = (writes) => done.push(`unit of ${writes.length}`)
    void commit('a')
    await clock.advance(0)
    assert.deepEqual(done, ['unit of 1', 'a'])
  })
})
