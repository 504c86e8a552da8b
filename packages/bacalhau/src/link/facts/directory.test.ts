import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { LIMITS } from '../../runtime/limits.ts'
import { createVirtualClock } from '../../runtime/virtual-clock.ts'
import { createDirectory, type DirectoryOptions } from './directory.ts'
import { nodeInfo, statement } from './fixtures/statements.ts'
import type { KnownNode } from './known-node.ts'

function setUp(options: Partial<DirectoryOptions> = {}) {
  const clock = createVirtualClock()
  const directory = createDirectory({ self: 'me', clock, trusts: (peer) => peer === 'friend', ...options })
  const told: [string, boolean][] = []
  const unwatch = directory.watch(({ peerId }: KnownNode, gone) => told.push([peerId, gone]))
  return { clock, directory, told, unwatch }
}

describe('the directory', () => {
  test('knows a node from what it says until it is silent for too long', async () => {
    const { clock, directory, told } = setUp()
    assert.equal(directory.learn({ statement: statement('a'), via: 'a' }), 'new')
    assert.deepEqual([directory.find('a')?.seenAt, directory.nodes().length], [clock.now(), 1])
    await clock.advance(LIMITS.nodeLife - 1_000)
    assert.ok(directory.find('a') !== undefined)
    assert.equal(directory.learn({ statement: statement('a', { sequence: 2 }), via: 'x' }), 'same')
    await clock.advance(LIMITS.nodeLife - 1_000)
    assert.ok(directory.find('a') !== undefined)
    await clock.advance(10_000)
    assert.deepEqual([directory.find('a'), directory.nodes()], [undefined, []])
    assert.deepEqual(told, [
      ['a', false],
      ['a', true],
    ])
  })

  test('believes Go nodes to be there for as long as they believe it of each other', async () => {
    const { clock, directory } = setUp()
    directory.learn({ statement: statement('go', { kind: 'go', sequence: undefined }), via: 'go' })
    await clock.advance(LIMITS.goNodeLife - 1_000)
    assert.ok(directory.find('go') !== undefined)
    await clock.advance(10_000)
    assert.equal(directory.find('go'), undefined)
  })

  test('counts the time that facts were under way', async () => {
    const { clock, directory } = setUp()
    directory.learn({ statement: statement('a'), via: 'a', age: LIMITS.nodeLife - 10_000 })
    assert.equal(directory.find('a')?.seenAt, clock.now() - LIMITS.nodeLife + 10_000)
    await clock.advance(20_000)
    assert.equal(directory.find('a'), undefined)
    assert.equal(directory.learn({ statement: statement('b'), via: 'b', age: LIMITS.nodeLife }), 'ignored')
  })

  test('tells those who watch of what is new, and of how busy a node is, but the swarm only of what is new', () => {
    const { directory, told, unwatch } = setUp()
    const info = nodeInfo('a')
    const busy = { ...info, ComputeNodeInfo: { ...info.ComputeNodeInfo, RunningExecutions: 3 } }
    const moved = { ...info, Labels: { zone: 'b' } }
    directory.learn({ statement: statement('a'), via: 'a' })
    assert.equal(directory.learn({ statement: statement('a', { sequence: 2 }), via: 'a' }), 'same')
    assert.equal(told.length, 1)
    assert.equal(directory.learn({ statement: statement('a', { sequence: 3, info: busy }), via: 'a' }), 'same')
    assert.equal(told.length, 2)
    assert.equal(directory.learn({ statement: statement('a', { sequence: 4, info: moved }), via: 'a' }), 'changed')
    assert.equal(told.length, 3)
    unwatch()
    directory.learn({ statement: statement('b'), via: 'b' })
    assert.equal(told.length, 3)
  })

  test('takes nothing that is older than what it has, also of nodes that have gone', async () => {
    const { clock, directory } = setUp()
    directory.learn({ statement: statement('a', { sequence: 5 }), via: 'a' })
    for (const sequence of [5, 4]) {
      assert.equal(directory.learn({ statement: statement('a', { sequence }), via: 'a' }), 'ignored')
    }
    assert.equal(directory.learn({ statement: statement('a', { sequence: 6, leaving: true }), via: 'a' }), 'left')
    assert.equal(directory.find('a'), undefined)
    for (const sequence of [5, 6]) {
      assert.equal(directory.learn({ statement: statement('a', { sequence }), via: 'a' }), 'ignored')
    }
    assert.equal(directory.learn({ statement: statement('a', { sequence: 7 }), via: 'a' }), 'new')
    directory.drop('a')
    assert.equal(directory.learn({ statement: statement('a', { sequence: 7 }), via: 'a' }), 'ignored')
    assert.equal(directory.learn({ statement: statement('a', { sequence: 8 }), via: 'a' }), 'new')
    await clock.advance(LIMITS.nodeLife + 10_000)
    // Now it is the end of its time that is remembered.
    assert.equal(directory.learn({ statement: statement('a', { sequence: 8 }), via: 'a' }), 'ignored')
    await clock.advance(LIMITS.nodeLife + 10_000)
    assert.equal(directory.learn({ statement: statement('a', { sequence: 1 }), via: 'a' }), 'new')
  })

  test('does not list this node itself', () => {
    const { directory } = setUp()
    assert.equal(directory.learn({ statement: statement('me'), via: 'a' }), 'ignored')
    assert.deepEqual(directory.nodes(), [])
  })

  test('when it is full, those who are known stay', () => {
    const { directory } = setUp({ maxNodes: 3 })
    for (const id of ['a', 'b', 'c']) assert.equal(directory.learn({ statement: statement(id), via: 'friend' }), 'new')
    assert.equal(directory.learn({ statement: statement('d'), via: 'friend' }), 'ignored')
    assert.equal(directory.learn({ statement: statement('a', { sequence: 2 }), via: 'friend' }), 'same')
    directory.learn({ statement: statement('b', { sequence: 2, leaving: true }), via: 'friend' })
    assert.equal(directory.learn({ statement: statement('d', { sequence: 2 }), via: 'friend' }), 'new')
  })

  test('takes few nodes from a neighbour that is nobody to this node, and any number of a trusted one', () => {
    const { directory } = setUp()
    const learn = (id: string, via: string, leaving = false) =>
      directory.learn({ statement: statement(id, leaving ? { leaving, sequence: 2 } : {}), via })
    for (let i = 0; i < LIMITS.nodesOfStranger; i++) assert.equal(learn(`s${i}`, 'stranger'), 'new')
    assert.equal(learn('one-more', 'stranger'), 'ignored')
    // Itself it can always tell of.
    assert.equal(learn('stranger', 'stranger'), 'new')
    assert.equal(learn('one-more', 'other'), 'new')
    for (let i = 0; i < 2 * LIMITS.nodesOfStranger; i++) assert.equal(learn(`f${i}`, 'friend'), 'new')
    assert.equal(learn('s0', 'stranger', true), 'left')
    assert.equal(learn('another', 'stranger'), 'new')
  })

  test('has room for what trusted neighbours tell, however many strangers come', () => {
    const { directory } = setUp({ maxNodes: 10, dialled: (peer) => peer === 'met' })
    const learn = (id: string, via: string, sequence = 1) =>
      directory.learn({ statement: statement(id, { sequence }), via })
    for (let i = 0; i < 20; i++) learn(`s${i}`, `s${i}`)
    for (let i = 0; i < 20; i++) learn(`m${i}`, 'met')
    assert.equal(directory.nodes().length, 5)
    assert.deepEqual(
      [directory.wants('n', 'n'), directory.wants('n', 'met'), directory.wants('s1', 'x')],
      [false, false, true],
    )
    for (let i = 0; i < 5; i++) assert.equal(learn(`f${i}`, 'friend'), 'new')
    assert.equal(directory.wants('f9', 'friend'), false)
    // What a trusted neighbour tells, too, makes room among what is hearsay.
    for (let i = 0; i < 5; i++) directory.drop(`f${i}`)
    for (const id of ['s0', 's1']) assert.equal(learn(id, 'friend', 2), 'same')
    assert.deepEqual([learn('t0', 't0'), learn('t1', 't1'), learn('t2', 't2')], ['new', 'new', 'ignored'])
    for (const id of ['s0', 's1', 't0']) directory.drop(id)
    assert.deepEqual([learn('t2', 't2'), learn('t3', 't3')], ['new', 'ignored'])
  })

  test('takes any number of nodes of a neighbour that it has connected to', () => {
    const { directory } = setUp({ dialled: (peer) => peer === 'met' })
    for (let i = 0; i < 2 * LIMITS.nodesOfStranger; i++) {
      assert.equal(directory.learn({ statement: statement(`m${i}`), via: 'met' }), 'new')
    }
  })
})
