import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ComputeMessage, Hello } from '@bacalhau/models'
import { LIMITS } from '../runtime/limits.ts'
import {
  accepted,
  cancel,
  type Link,
  NODE,
  openPair,
  orchestratorBench,
  type OrchestratorBench,
  rest,
} from './fixtures/offices.ts'
import { sampleNode } from './fixtures/samples.ts'
import type { Verdict } from './post-office.ts'

const hello = (more: Partial<Hello> = {}): Hello => ({
  type: 'hello',
  node: sampleNode(NODE),
  storeGeneration: 'g-1',
  held: [],
  ...more,
})

/** A node that says what a test lets it say, and what it was told. */
function knock({ office, journal }: Pick<OrchestratorBench, 'office' | 'journal'>, link: Link = openPair()) {
  const heard: { type: string; [field: string]: unknown }[] = []
  const ends: (Error | undefined)[] = []
  link.left.start({ onMessage: (message) => heard.push(message), onClose: (error) => ends.push(error) })
  office.attach(link.right)
  const say = (...messages: ComputeMessage[]) => {
    for (const message of messages) link.left.send(message)
    rest(link, journal)
  }
  const last = (type: string) => heard.findLast((message) => message.type === type)
  const conversation = () => last('welcome')?.['conversation'] as Hello['conversation']
  return { link, heard, ends, say, last, conversation }
}

/** A node that has been welcomed. */
async function joined(membership: Verdict = 'APPROVED') {
  const bench = await orchestratorBench({ admit: () => ({ membership, message: 'because' }) })
  const node = knock(bench)
  node.say(hello())
  return { ...bench, ...node }
}

const report = (seq: number, ...ids: string[]): ComputeMessage => ({
  type: 'parcel',
  seq,
  mark: 'n',
  messages: ids.map(accepted),
})

test('how far an execution is counts from a member only', async () => {
  for (const membership of ['APPROVED', 'PENDING'] as const) {
    const { say, told } = await joined(membership)
    say({ type: 'preparing', executionId: 'e-1', message: '34 %' })
    const heard = told.filter((text) => text.includes('prepares'))
    assert.deepEqual(heard, membership === 'APPROVED' ? ['QmNode prepares e-1: 34 %'] : [])
  }
})

describe('a node has heard its welcome', () => {
  for (const [how, proof] of [
    ['acknowledges', { type: 'ack', seq: 0 }],
    ['reports', report(1, 'e-1')],
  ] as const) {
    test(`when it ${how} for the first time after that`, async () => {
      const { say, told } = await joined()
      say({ type: 'heartbeat' })
      assert.deepEqual(told, ['QmNode APPROVED anew', 'QmNode is alive'])
      say(proof, proof)
      assert.deepEqual(told.slice(2), ['QmNode answers'])
    })
  }

  test('when it has kept its link for longer than one can that hears nothing', async () => {
    const { clock, told, say } = await joined()
    for (let passed = 0; passed <= 2 * LIMITS.linkSilence; passed += LIMITS.linkHeartbeat) {
      assert.ok(!told.includes('QmNode answers'))
      say({ type: 'heartbeat' })
      await clock.advance(LIMITS.linkHeartbeat)
    }
    assert.equal(told.at(-1), 'QmNode answers')
  })

  test('but not by what an adapter says in its name', async () => {
    const bench = await orchestratorBench()
    const link = openPair()
    Object.assign(link.right, { translated: true })
    const node = knock(bench, link)
    link.left.send(hello())
    link.left.send({ type: 'ack', seq: 0 })
    rest(link, bench.journal)
    assert.deepEqual([node.ends, bench.told], [[], ['QmNode APPROVED anew']])
  })
})

describe('a node presents itself', () => {
  test('and is admitted by what its link shows and what it says', async () => {
    const bench = await orchestratorBench()
    const { last, say } = knock(bench)
    say(hello({ joinToken: 'secret', held: [{ executionId: 'e-1', state: 6 }] }))
    assert.deepEqual(bench.applicants, [{ peer: NODE, sameMachine: true, joinToken: 'secret', node: sampleNode(NODE) }])
    assert.deepEqual(bench.told, ['QmNode APPROVED anew 6'])
    const welcome = last('welcome')
    assert.deepEqual(
      [welcome?.['membership'], welcome?.['message'], welcome?.['storeGeneration']],
      ['APPROVED', 'welcome', 'g-owner'],
    )
  })

  test('and is welcomed only when the beginning of the conversation is durable', async () => {
    const bench = await orchestratorBench()
    const { link, heard } = knock(bench)
    link.left.send(hello())
    while (link.stepRight() !== undefined);
    bench.office.post(NODE, cancel('e-1'))
    bench.journal.take()
    assert.deepEqual([heard, link.toLeft], [[], []])
    bench.journal.land()
    assert.deepEqual(
      link.toLeft.map(({ type }) => type),
      ['welcome', 'parcel'],
    )
  })

  test('as somebody else, or twice: the link ends', async () => {
    const bench = await orchestratorBench()
    const liar = knock(bench)
    liar.say(hello({ node: sampleNode('QmOther') }))
    assert.deepEqual([liar.ends, bench.told], [[undefined], []])
    const twice = knock(bench)
    twice.say(hello(), hello())
    assert.deepEqual([twice.ends, bench.told], [[undefined], ['QmNode APPROVED anew', 'QmNode left: bye']])
  })

  test('within its time, and not after other things', async () => {
    const bench = await orchestratorBench()
    const silent = knock(bench)
    const beating = knock(bench)
    for (let second = 0; second < LIMITS.handshake / 1_000; second++) {
      beating.say({ type: 'heartbeat' })
      await bench.clock.advance(1_000)
    }
    assert.deepEqual([silent.ends.length, beating.ends.length, bench.told], [1, 1, []])
    for (const early of [report(1, 'e-1'), { type: 'ack', seq: 0 } as const]) {
      const rude = knock(bench)
      rude.say(early)
      assert.match(String(rude.ends[0]), /has not presented itself/)
    }
    assert.deepEqual(bench.reports, [])
    assert.equal(bench.clock.pending, 0)
  })

  test('and beats from then on; whoever falls silent is given up', async () => {
    const { clock, told, say, ends } = await joined()
    say({ type: 'heartbeat' }, { type: 'heartbeat', node: sampleNode(NODE, { RunningExecutions: 7 }) })
    say({ type: 'heartbeat', node: sampleNode('QmOther') })
    assert.deepEqual(told.slice(1), ['QmNode is alive', 'QmNode is 7'])
    await clock.advance(LIMITS.linkSilence)
    assert.match(String(ends[0]), /silent/)
    assert.deepEqual(told.slice(3), ['QmNode left: the node has fallen silent'])
    assert.equal(clock.pending, 0)
  })
})

describe('the same key twice', () => {
  test('with another store: the second is refused as long as the first is heard', async () => {
    const bench = await joined()
    const second = knock(bench)
    second.say(hello({ storeGeneration: 'g-2' }))
    assert.deepEqual([second.ends, bench.ends], [[undefined], []])
    assert.match(JSON.stringify(second.link.toLeft), /REJECTED.*another node with the same key is connected/)
    assert.deepEqual(bench.told, ['QmNode APPROVED anew'])
    bench.link.cut()
    const third = knock(bench)
    third.say(hello({ storeGeneration: 'g-2' }))
    assert.deepEqual(bench.told.slice(1), ['QmNode left: cut', 'QmNode APPROVED anew wiped'])
  })

  test('with the same store: the newer link takes the place of the older', async () => {
    const bench = await joined()
    const second = knock(bench)
    second.say(hello({ conversation: bench.conversation() }))
    assert.deepEqual(bench.told, [
      'QmNode APPROVED anew',
      'QmNode left: the node has opened a newer link',
      'QmNode APPROVED resumed',
    ])
    bench.link.left.send(report(1, 'e-ghost'))
    second.say(report(1, 'e-1'))
    assert.deepEqual(bench.reports, [accepted('e-1')])
  })
})

describe('a member', () => {
  test('reports; each parcel is acknowledged', async () => {
    const { reports, say, last } = await joined()
    say(report(1, 'e-1', 'e-2'), report(2, 'e-3'))
    assert.deepEqual(reports, [accepted('e-1'), accepted('e-2'), accepted('e-3')])
    assert.deepEqual(last('ack'), { type: 'ack', seq: 2 })
  })

  test('is sent what is posted, and that is kept until it is acknowledged', async () => {
    const { office, say, last } = await joined()
    office.post(NODE, cancel('e-1'))
    say()
    assert.deepEqual(last('parcel')?.['messages'], [cancel('e-1')])
    assert.equal(office.backlog(NODE).messages, 1)
    say({ type: 'ack', seq: 1 })
    assert.deepEqual(office.backlog(NODE), { messages: 0, bytes: 0 })
  })

  test('that leaves a gap, or acknowledges what it was not sent, loses its link and not its conversation', async () => {
    for (const [wrong, words] of [
      [report(3, 'e-3'), /parcel of the node is missing/],
      [{ type: 'ack', seq: 5 }, /was not sent/],
    ] as const) {
      const bench = await joined()
      bench.say(report(1, 'e-1'), wrong)
      assert.match(String(bench.ends[0]), words)
      const again = knock(bench)
      const claim = bench.conversation()
      assert.ok(claim !== undefined)
      again.say(hello({ conversation: claim }), report(1, 'e-1'), report(2, 'e-2'))
      assert.deepEqual(bench.reports, [accepted('e-1'), accepted('e-2')])
    }
  })

  test('that comes back after a restart of the orchestrator goes on', async () => {
    const before = await joined()
    before.office.post(NODE, cancel('e-1'))
    before.say(report(1, 'e-1'))
    const after = await orchestratorBench({}, before.journal)
    assert.deepEqual(after.office.peers(), [NODE])
    const node = knock(after)
    node.say(hello({ conversation: { id: before.conversation()?.id ?? '', received: { seq: 0, mark: '' } } }))
    assert.deepEqual(after.told, ['QmNode APPROVED resumed'])
    assert.deepEqual(node.conversation()?.received, { seq: 1, mark: 'n' })
    assert.deepEqual(node.last('parcel')?.['messages'], [cancel('e-1')])
  })

  test('can be disconnected, and can be forgotten', async () => {
    const { office, journal, ends, told, say } = await joined()
    office.post(NODE, cancel('e-1'))
    say()
    office.forget(NODE)
    office.post(NODE, cancel('e-2'))
    journal.write()
    assert.match(String(ends[0]), /removed/)
    assert.deepEqual(told.slice(1), ['QmNode left: the node was removed'])
    assert.deepEqual([office.peers(), journal.rows('link-in').size, journal.rows('link-out').size], [[], 0, 0])
    const other = await joined()
    other.office.disconnect(NODE, 'enough')
    other.office.disconnect('QmNobody', 'enough')
    assert.match(String(other.ends[0]), /enough/)
  })

  test('a handler that fails costs one message its effect', async () => {
    const heard: string[] = []
    const bench = await orchestratorBench({
      onReport: (_, message) => {
        if (message.executionId === 'e-bad') throw new Error('a fault of the program')
        heard.push(message.executionId)
      },
    })
    const { say, last } = knock(bench)
    say(hello(), report(1, 'e-1', 'e-bad', 'e-2'))
    assert.deepEqual([heard, last('ack')], [['e-1', 'e-2'], { type: 'ack', seq: 1 }])
  })
})

describe('a node that is no member', () => {
  for (const membership of ['PENDING', 'REJECTED'] as const) {
    test(`${membership}: is told so, is sent nothing, is not heard, and leaves nothing behind`, async () => {
      const { office, journal, heard, last, say, reports, link } = await joined(membership)
      office.post(NODE, cancel('e-1'))
      say(report(1, 'e-1'))
      assert.deepEqual(last('welcome'), { type: 'welcome', membership, message: 'because', storeGeneration: 'g-owner' })
      assert.deepEqual([heard.length, reports], [1, []])
      link.cut()
      journal.write()
      assert.deepEqual([office.peers(), journal.rows('link-in').size], [[], 0])
    })
  }

  test('becomes one while it is connected', async () => {
    const { office, journal, say, last, reports, conversation } = await joined('PENDING')
    office.welcome(NODE, 'APPROVED', 'the operator says so')
    office.post(NODE, cancel('e-1'))
    say()
    assert.deepEqual([last('welcome')?.['message'], conversation()?.received.seq], ['the operator says so', 0])
    assert.deepEqual(last('parcel')?.['messages'], [cancel('e-1')])
    say(report(1, 'e-1'), { type: 'ack', seq: 1 })
    assert.deepEqual(reports, [accepted('e-1')])
    assert.equal(journal.rows('link-in').size, 1)
  })

  test('that was one: what was posted before goes out, then it is told; what it says waits until it is one again', async () => {
    const { office, say, heard, reports, conversation } = await joined()
    office.post(NODE, cancel('e-1'))
    office.welcome(NODE, 'REJECTED', 'out')
    say(report(1, 'e-1'))
    assert.deepEqual(
      heard.map(({ type }) => type),
      ['welcome', 'parcel', 'welcome'],
    )
    office.post(NODE, cancel('e-2'))
    say(report(1, 'e-1'))
    assert.deepEqual([heard.length, reports], [3, []])
    office.welcome(NODE, 'APPROVED', 'in')
    say()
    assert.deepEqual(conversation()?.received.seq, 0)
    say(report(1, 'e-1'))
    assert.deepEqual(reports, [accepted('e-1')])
    assert.deepEqual(
      heard.slice(3).map(({ type }) => type),
      ['welcome', 'parcel', 'ack'],
    )
  })
})

test('an office that is stopped ends its links and takes no more', async () => {
  const { office, ends, clock, ...bench } = await joined()
  await office.stop()
  assert.deepEqual(ends, [undefined])
  const late = knock({ office, journal: bench.journal })
  assert.deepEqual(late.ends, [undefined])
  assert.equal(clock.pending, 0)
})

test('a message to a node without a conversation goes nowhere', async () => {
  const { office, journal } = await orchestratorBench()
  office.post('QmNobody', cancel('e-1'))
  journal.write()
  assert.deepEqual([office.peers(), office.backlog('QmNobody').messages], [[], 0])
})
