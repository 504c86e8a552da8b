import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Member, neighbourhood, A_MOMENT, LIFE } from './fixtures/neighbourhood.ts'
import { madeUpFacts, signedFacts } from './fixtures/signer.ts'
import { statement } from './fixtures/statements.ts'
import { LIMITS } from '../../runtime/limits.ts'
import type { SpreadMessage } from './spread.ts'

/** Numbers of the members that `one` knows. */
const knows = (one: Member | undefined, members: readonly Member[]): number[] =>
  members.flatMap(({ peerId }, index) => (one?.directory.find(peerId) === undefined ? [] : [index]))

describe('facts of nodes', () => {
  test('reach everybody over others', async () => {
    const { clock, members, join } = neighbourhood(5)
    for (const [index, member] of members.entries()) {
      const next = members[index + 1]
      if (next !== undefined) join(member, next)
      member.say()
    }
    await clock.advance(5 * A_MOMENT)
    for (const [index, member] of members.entries()) {
      assert.deepEqual(
        knows(member, members),
        [0, 1, 2, 3, 4].filter((other) => other !== index),
      )
    }
  })

  test('reach a newcomer at once, all of them', async () => {
    const { clock, members, join } = neighbourhood(4)
    const [hub, a, b, late] = members
    assert.ok(hub !== undefined && a !== undefined && b !== undefined && late !== undefined)
    for (const one of [hub, a, b]) one.say()
    join(hub, a)
    join(hub, b)
    await clock.advance(A_MOMENT)
    join(late, hub)
    await clock.advance(1)
    assert.deepEqual(knows(late, members), [0, 1, 2])
  })

  test('are sent to each neighbour once, and not to one that has them', async () => {
    const { clock, members, join, sent } = neighbourhood(3)
    const [a, b, c] = members
    assert.ok(a !== undefined && b !== undefined && c !== undefined)
    join(a, b)
    join(b, c)
    join(c, a)
    await clock.advance(A_MOMENT)
    sent.length = 0
    a.say()
    await clock.advance(20 * A_MOMENT)
    const facts = sent.filter(({ message }) => 'facts' in message && message.facts.length > 0)
    assert.deepEqual(
      facts.filter(({ to }) => to === a.peerId),
      [],
    )
    assert.equal(facts.filter(({ from }) => from === a.peerId).length, 2)
    assert.ok(facts.length <= 4)
  })

  test('that came in the meantime are sent together', async () => {
    const { clock, members, join, sent } = neighbourhood(5)
    const [hub, ...others] = members
    assert.ok(hub !== undefined)
    for (const other of others) join(hub, other)
    await clock.advance(A_MOMENT)
    for (const other of others) other.say()
    sent.length = 0
    await clock.advance(3 * A_MOMENT)
    const fromHub = sent.filter(({ from }) => from === hub.peerId)
    assert.deepEqual(
      fromHub.map(({ message }) => ('facts' in message ? message.facts.length : 0)),
      [3, 3, 3, 3],
    )
  })

  test('are fresh by as much as they were when they were sent', async () => {
    const { clock, members, join } = neighbourhood(3)
    const [a, b, c] = members
    assert.ok(a !== undefined && b !== undefined && c !== undefined)
    a.say()
    join(a, b)
    await clock.advance(LIFE / 2)
    join(b, c)
    await clock.advance(A_MOMENT)
    assert.ok((c.directory.find(a.peerId)?.seenAt ?? 0) <= clock.now() - LIFE / 2)
    await clock.advance(LIFE / 2)
    assert.equal(c.directory.find(a.peerId), undefined)
    // And what is old is not offered to newcomers.
    const { members: strangers } = neighbourhood(5)
    assert.ok(strangers[4] !== undefined)
    join(c, strangers[4])
    await clock.advance(A_MOMENT)
    assert.deepEqual(strangers[4].directory.nodes(), [])
  })

  test('that take leave go round, and nothing older comes back after them', async () => {
    const { clock, members, join } = neighbourhood(4)
    const [a, b, c, behind] = members
    assert.ok(a !== undefined && b !== undefined && c !== undefined && behind !== undefined)
    join(a, b)
    join(b, c)
    a.say({ sequence: 1 })
    await clock.advance(3 * A_MOMENT)
    const part = join(c, behind)
    await clock.advance(A_MOMENT)
    part()
    a.say({ sequence: 2, leaving: true })
    await clock.advance(3 * A_MOMENT)
    assert.deepEqual([knows(b, members), knows(c, members)], [[], []])
    assert.deepEqual(knows(behind, members), [0])
    // One that was away still has what the others know to be over.
    join(behind, c)
    await clock.advance(3 * A_MOMENT)
    assert.deepEqual(
      members.map((one) => one.directory.find(a.peerId)),
      [undefined, undefined, undefined, undefined],
    )
  })

  test('of the process before this one come back to it', async () => {
    const { clock, members, join } = neighbourhood(2)
    const [a, b] = members
    assert.ok(a !== undefined && b !== undefined)
    const part = join(a, b)
    b.say({ sequence: 50 })
    await clock.advance(A_MOMENT)
    part()
    const { members: again } = neighbourhood(2)
    const restarted = again[1]
    assert.ok(restarted !== undefined)
    restarted.say({ sequence: 7 })
    join(a, restarted)
    await clock.advance(A_MOMENT)
    assert.deepEqual(restarted.own, [50])
    restarted.say({ sequence: 51 })
    await restarted.spread.flush()
    assert.equal(a.directory.find(b.peerId)?.sequence, 51)
  })
})

describe('a neighbour', () => {
  test('that forges facts is found out, and its forgery goes no further', () => {
    const { members } = neighbourhood(2)
    const [honest, victim] = members
    assert.ok(honest !== undefined && victim !== undefined)
    const forger = honest.spread.add('forger', () => Promise.resolve())
    const forged = { ...signedFacts(1, { sequence: 9 }), sequence: 10, age: 0 }
    assert.throws(() => forger.receive({ facts: [forged] }), { code: 'BadRequest' })
    assert.equal(honest.directory.find(victim.peerId), undefined)
    // What it forged does not count against the one in whose name it was.
    for (let i = 0; i < 2 * LIMITS.factsOfAuthor; i++) assert.throws(() => forger.receive({ facts: [forged] }))
    honest.spread.add(victim.peerId, () => Promise.resolve()).receive({ facts: [{ ...signedFacts(1), age: 0 }] })
    assert.ok(honest.directory.find(victim.peerId) !== undefined)
  })

  test('that is restless is heard now and then only', async () => {
    const { clock, members } = neighbourhood(2)
    const [one, restless] = members
    assert.ok(one !== undefined && restless !== undefined)
    const neighbour = one.spread.add(restless.peerId, () => Promise.resolve())
    for (let sequence = 1; sequence <= LIMITS.factsOfAuthor + 10; sequence++) {
      neighbour.receive({ facts: [{ ...signedFacts(1, { sequence }), age: 0 }] })
    }
    assert.equal(one.directory.find(restless.peerId)?.sequence, LIMITS.factsOfAuthor)
    await clock.advance(10_000)
    neighbour.receive({ facts: [{ ...signedFacts(1, { sequence: 99 }), age: 0 }] })
    assert.equal(one.directory.find(restless.peerId)?.sequence, 99)
  })

  test('that takes nothing holds up nobody', async () => {
    const { clock, members, join } = neighbourhood(3)
    const [a, b, c] = members
    assert.ok(a !== undefined && b !== undefined && c !== undefined)
    a.spread.add('stuck', () => new Promise(() => undefined))
    a.spread.add('broken', () => Promise.reject(new Error('the stream has broken')))
    join(a, b)
    join(a, c)
    b.say()
    await clock.advance(2 * A_MOMENT)
    assert.deepEqual(knows(c, members), [1])
  })

  test('that makes up nodes keeps nobody from hearing of others', async () => {
    const { clock, members } = neighbourhood(2, () => false)
    const [one, honest] = members
    assert.ok(one !== undefined && honest !== undefined)
    const flood = one.spread.add('stranger', () => Promise.resolve())
    const told = Array.from({ length: LIMITS.nodesOfStranger }, () => ({ ...madeUpFacts(), age: 0 }))
    flood.receive({ facts: told })
    assert.equal(one.directory.nodes().length, LIMITS.nodesOfStranger)
    // What leads to nothing is not even looked at, so that it costs nothing, either.
    const more = { ...madeUpFacts(), age: 0 }
    const forged = { ...more, signature: '' }
    for (let i = 0; i < 2 * LIMITS.factsInAll; i += 1_024)
      flood.receive({ facts: Array(1_024).fill(i % 2_048 ? more : forged) })
    await clock.advance(1)
    one.spread.add(honest.peerId, () => Promise.resolve()).receive({ facts: [{ ...signedFacts(1), age: 0 }] })
    assert.ok(one.directory.find(honest.peerId) !== undefined)
  })

  test('that comes and goes under ever new names is forgotten before those who stay', async () => {
    const { clock, members } = neighbourhood(3)
    const [one, stays] = members
    assert.ok(one !== undefined && stays !== undefined)
    const passes = one.spread.add('passes', () => Promise.resolve())
    passes.receive({ facts: [{ ...signedFacts(1), age: 0 }] })
    const brief = Array.from({ length: 1_200 }, () => madeUpFacts({ leaving: true, sequence: 2 }))
    for (const last of brief) {
      one.directory.learn({ statement: statement(last.author), via: last.author })
      one.spread.add(last.author, () => Promise.resolve()).receive({ facts: [{ ...last, age: 0 }] })
    }
    const heard: SpreadMessage[] = []
    one.spread.add('newcomer', async (message) => void heard.push(message)).receive({ have: [] })
    await clock.advance(1)
    const [have] = heard
    assert.ok(have !== undefined && 'have' in have)
    assert.ok(have.have.some(([author]) => author === stays.peerId))
    assert.equal(have.have.length, 1 + 1_024)
  })

  test('says once what it has', () => {
    const { members } = neighbourhood(1)
    const neighbour = members[0]?.spread.add('greedy', () => Promise.resolve())
    neighbour?.receive({ have: [] })
    assert.throws(() => neighbour?.receive({ have: [] }), { code: 'BadRequest' })
  })
})
