import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { EXECUTION_STATES } from '@bacalhau/models'
import { sampleJob } from '../link/fixtures/samples.ts'
import { createAgenda, Partitions, Targets } from './agenda.ts'
import { someRun } from './fixtures/jobs.ts'

const at = (node: string) => someRun({ node })

test('the type of a job decides what is to be run', () => {
  const kinds = (['batch', 'service', 'ops', 'daemon'] as const).map(
    (Type) => createAgenda(sampleJob({}, { Type })).kind,
  )
  assert.deepEqual(kinds, ['partitions', 'partitions', 'targets', 'targets'])
})

describe('partitions', () => {
  test('are each ready, taken, or completed', () => {
    const agenda = new Partitions(3)
    assert.deepEqual([[...agenda.ready], agenda.isComplete], [[0, 1, 2], false])
    agenda.take(someRun({ partition: 1 }))
    assert.deepEqual([...agenda.ready], [0, 2])
    agenda.giveBack(someRun({ partition: 1 }))
    assert.deepEqual([...agenda.ready], [0, 1, 2])
    for (const partition of [0, 1, 2]) {
      agenda.take(someRun({ partition }))
      assert.equal(agenda.isComplete, false)
      agenda.complete()
    }
    assert.deepEqual([agenda.completed, agenda.isComplete, agenda.ready.size], [3, true, 0])
  })

  test('that the store shows as completed count at once', () => {
    const agenda = new Partitions(2)
    agenda.take(someRun({ partition: 1, state: EXECUTION_STATES.Completed }))
    assert.deepEqual([agenda.completed, [...agenda.ready]], [1, [0]])
  })

  test('of which there are none are complete', () => {
    assert.equal(new Partitions(0).isComplete, true)
  })
})

describe('targets', () => {
  test('of an ops job are the nodes that are there at the beginning, each once', () => {
    const agenda = new Targets(false)
    assert.deepEqual([agenda.wants('a'), agenda.begun, agenda.waits], [true, false, false])
    agenda.take(at('a'))
    agenda.begin()
    assert.deepEqual([agenda.wants('a'), agenda.wants('late'), agenda.begun], [false, false, true])
  })

  test('of a daemon are those that come later, too', () => {
    const agenda = new Targets(true)
    agenda.take(at('a'))
    agenda.begin()
    assert.deepEqual([agenda.wants('a'), agenda.wants('late')], [false, true])
  })

  test('that are given back are wanted again, also by an ops job that has begun', () => {
    const agenda = new Targets(false)
    agenda.take(at('a'))
    agenda.begin()
    agenda.postpone()
    assert.deepEqual([agenda.waits, agenda.wants('a')], [true, false])
    agenda.giveBack(at('a'))
    assert.deepEqual([agenda.waits, agenda.wants('a')], [true, true])
    agenda.take(at('a'))
    assert.deepEqual([agenda.waits, agenda.wants('a')], [false, false])
  })

  test('that were given back and are lost are given up, and only those', () => {
    const agenda = new Targets(false)
    for (const node of ['a', 'b', 'c']) agenda.take(at(node))
    agenda.begin()
    for (const node of ['a', 'b']) agenda.giveBack(at(node))
    assert.equal(
      agenda.drop((node) => node === 'c'),
      false,
    )
    assert.equal(
      agenda.drop((node) => node === 'a'),
      true,
    )
    assert.deepEqual(
      ['a', 'b', 'c'].map((node) => agenda.wants(node)),
      [false, true, false],
    )
    assert.equal(
      agenda.drop((node) => node === 'a'),
      false,
    )
  })
})
