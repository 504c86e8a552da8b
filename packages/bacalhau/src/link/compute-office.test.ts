import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { OrchestratorMessage, ReportMessage, Welcome } from '@bacalhau/models'
import { LIMITS } from '../runtime/limits.ts'
import { settle } from '../runtime/virtual-clock.ts'
import {
  accepted,
  cancel,
  cancelled,
  computeBench,
  type ComputeBench,
  NODE,
  openPair,
  OWNER,
  rest,
} from './fixtures/offices.ts'
import type { ManualJournal } from './fixtures/manual-journal.ts'

const welcome = (id = 'c-1', seq = 0, mark = ''): Welcome => ({
  type: 'welcome',
  membership: 'APPROVED',
  message: 'in',
  storeGeneration: 'g-owner',
  conversation: { id, received: { seq, mark } },
})
const pending: Welcome = { type: 'welcome', membership: 'PENDING', message: 'wait', storeGeneration: 'g-owner' }
const orders = (seq: number, ...ids: string[]): OrchestratorMessage => ({
  type: 'parcel',
  seq,
  mark: 'o',
  messages: ids.map(cancel),
})

/** An orchestrator that says what a test lets it say, at the other end of a link of `bench`. */
function call({ office, journal }: Pick<ComputeBench, 'office' | 'journal'>) {
  const link = openPair()
  const heard: { type: string; [field: string]: unknown }[] = []
  const ends: (Error | undefined)[] = []
  link.right.start({ onMessage: (message) => heard.push(message), onClose: (error) => ends.push(error) })
  const session = office.attach(link.left)
  void session.ended.then((error) => ends.push(error))
  const say = (...messages: OrchestratorMessage[]) => {
    for (const message of messages) link.right.send(message)
    rest(link, journal)
  }
  const parcels = () =>
    heard
      .filter(({ type }) => type === 'parcel')
      .map(
        ({ seq, messages }) => `${String(seq)}:${(messages as ReportMessage[]).map((each) => each.executionId).join()}`,
      )
  const claim = () => heard.find(({ type }) => type === 'hello')?.['conversation']
  say()
  return { link, heard, session, say, parcels, claim, ends }
}

async function approved(journal?: ManualJournal) {
  const bench = await computeBench({}, journal)
  const owner = call(bench)
  owner.say(welcome())
  return { ...bench, ...owner }
}

describe('a compute node', () => {
  test('presents itself, what it holds and its token, first of all', async () => {
    const { heard } = call(await computeBench({ joinToken: 'secret' }))
    const [hello] = heard
    assert.deepEqual(
      [hello?.['type'], hello?.['joinToken'], hello?.['storeGeneration'], hello?.['held'], hello?.['conversation']],
      ['hello', 'secret', 'g-node', [{ executionId: 'e-held', state: 6 }], undefined],
    )
    assert.ok(!('joinToken' in (call(await computeBench()).heard[0] ?? {})))
  })

  test('takes orders once, and acknowledges when they are durable', async () => {
    const { orders: taken, say, heard } = await approved()
    say(orders(1, 'e-1', 'e-2'), orders(1, 'e-1', 'e-2'), orders(2, 'e-3'))
    assert.deepEqual(taken, [cancel('e-1'), cancel('e-2'), cancel('e-3')])
    assert.deepEqual(heard.at(-1), { type: 'ack', seq: 2 })
  })

  test('reports nothing before it is approved, and everything then', async () => {
    const bench = await computeBench()
    bench.office.post(OWNER, accepted('e-1'))
    const { say, parcels, heard } = call(bench)
    bench.office.post(OWNER, cancelled('e-2'))
    say(pending)
    assert.deepEqual([parcels(), heard.length], [[], 1])
    say(welcome())
    // That `e-1` was accepted is in the hello.
    assert.deepEqual(parcels(), ['1:e-2'])
    assert.deepEqual(bench.memberships, ['PENDING: wait', 'APPROVED: in'])
    bench.office.post(OWNER, accepted('e-3'))
    say(pending)
    assert.deepEqual(parcels(), ['1:e-2', '2:e-3'], 'it was durable before the verdict came')
    bench.office.post(OWNER, accepted('e-4'))
    say()
    assert.equal(parcels().length, 2)
    say(welcome('c-1', 1, JSON.parse(JSON.stringify(heard.at(-1)))['mark'] as string))
    assert.deepEqual(parcels().slice(2), ['2:e-3', '3:e-4'])
  })

  test('says how far an execution is to an orchestrator that has approved it, and to nobody else', async () => {
    const bench = await computeBench()
    const { say, heard } = call(bench)
    bench.office.prepares(OWNER, 'e-1', 'too early')
    say(welcome())
    bench.office.prepares('QmOther', 'e-1', 'not there')
    bench.office.prepares(OWNER, 'e-1', 'x'.repeat(300))
    say()
    const message = 'x'.repeat(256)
    assert.deepEqual(
      heard.filter(({ type }) => type === 'preparing'),
      [{ type: 'preparing', executionId: 'e-1', message }],
    )
  })

  test('goes on after a restart where it was', async () => {
    const { office, journal, say } = await approved()
    office.post(OWNER, cancelled('e-1'))
    say(orders(1, 'e-9'))
    const later = await computeBench({}, journal)
    const owner = call(later)
    assert.deepEqual(owner.claim(), { id: 'c-1', received: { seq: 1, mark: 'o' } })
    owner.say(welcome(), orders(2, 'e-10'))
    assert.deepEqual([owner.parcels(), later.orders], [['1:e-1'], [cancel('e-10')]])
    owner.say({ type: 'ack', seq: 1 })
    assert.equal(later.office.backlog(OWNER).messages, 0)
  })

  test('says again how executions ended, and what came after its hello, when the conversation begins anew', async () => {
    const { office, journal, say, link } = await approved()
    for (const message of [accepted('e-1'), cancelled('e-2'), accepted('e-3')]) office.post(OWNER, message)
    say()
    link.cut()
    office.post(OWNER, cancelled('e-4'))
    const next = call({ office, journal })
    office.post(OWNER, accepted('e-5'))
    next.say(welcome('c-2'))
    assert.deepEqual(next.parcels(), ['1:e-2,e-4,e-5'])
    assert.equal(journal.rows('link-out').size, 1)
  })

  test('does not go on where the orchestrator has what it cannot have: it begins anew by the next link', async () => {
    const { office, journal, link } = await approved()
    link.cut()
    const wrong = call({ office, journal })
    wrong.say(welcome('c-1', 3, 'x'))
    assert.match(String(wrong.ends[0]), /more than was sent/)
    const next = call({ office, journal })
    assert.equal(next.claim(), undefined)
    next.say(welcome('c-2'), orders(1, 'e-1'))
    assert.deepEqual(next.ends, [])
    next.link.cut()
    assert.deepEqual(call({ office, journal }).claim(), { id: 'c-2', received: { seq: 1, mark: 'o' } })
  })

  test('ends a link that is out of turn', async () => {
    const cases: [OrchestratorMessage, RegExp][] = [
      [orders(1, 'e-1'), /not approved/],
      [{ type: 'ack', seq: 0 }, /not approved/],
      [{ ...pending, membership: 'APPROVED' }, /names no conversation/],
    ]
    for (const [message, words] of cases) {
      const { say, ends } = call(await computeBench())
      say(message)
      assert.match(String(ends[0]), words)
    }
    for (const [message, words] of [
      [orders(2, 'e-1'), /missing/],
      [{ type: 'ack', seq: 1 }, /was not sent/],
    ] as const) {
      const { say, ends, orders: taken } = await approved()
      say(message)
      assert.match(String(ends[0]), words)
      assert.deepEqual(taken, [])
    }
  })

  test('has one link to an orchestrator, the newest', async () => {
    const { office, journal, ends, orders: taken, link } = await approved()
    const next = call({ office, journal })
    assert.match(String(ends[0]), /newer link/)
    link.right.send(orders(1, 'e-ghost'))
    next.say(welcome(), orders(1, 'e-1'))
    assert.deepEqual(taken, [cancel('e-1')])
  })

  test('answers a welcome, also when it has nothing to say', async () => {
    const { heard, say } = await approved()
    say()
    assert.deepEqual(heard.slice(1), [{ type: 'ack', seq: 0 }])
  })

  test('tells when its description has changed, and beats', async () => {
    const { office, session, clock, say, heard } = await approved()
    office.refresh()
    session.refresh()
    await clock.advance(LIMITS.linkHeartbeat)
    say()
    assert.deepEqual(
      heard.filter(({ type }) => type === 'heartbeat').map((message) => 'node' in message),
      [true, true, false],
    )
  })

  test('gives an orchestrator up that has fallen silent', async () => {
    const { clock, session } = await approved()
    await clock.advance(LIMITS.linkSilence)
    assert.match(String(await session.ended), /silent/)
    assert.equal(clock.pending, 0)
  })

  test('closes in good order, one link or all', async () => {
    const { session, office, journal } = await approved()
    session.close()
    assert.equal(await session.ended, undefined)
    const next = call({ office, journal })
    await office.stop()
    assert.equal(await next.session.ended, undefined)
    assert.equal(await call({ office, journal }).session.ended, undefined, 'nor is a link taken after that')
  })

  test('forgets an orchestrator, and what it would have told it', async () => {
    const { office, journal, session } = await approved()
    office.post(OWNER, cancelled('e-1'))
    office.forget(OWNER)
    journal.write()
    assert.match(String(await session.ended), /removed/)
    assert.deepEqual([office.peers(), journal.rows('link-in').size, journal.rows('link-out').size], [[], 0, 0])
  })

  test('presents itself when all that waits is in memory', async () => {
    const { office, journal, link } = await approved()
    link.cut()
    const large = 'x'.repeat(16_000)
    for (let count = 0; count <= LIMITS.linkWindow / large.length + 40; count++) {
      office.post(OWNER, { type: 'cancelled', executionId: `e-${count}`, message: large })
      if (count % 20 === 0) journal.write()
    }
    journal.write()
    const next = call({ office, journal })
    assert.deepEqual(next.heard, [])
    await settle()
    next.say(welcome('c-2'))
    const first = next.parcels().join()
    assert.match(first, /^1:e-0,e-1,/)
    assert.ok(office.backlog(OWNER).bytes > LIMITS.linkWindow)
  })
})

test('two nodes of one program speak to different orchestrators apart', async () => {
  const { office } = await computeBench()
  office.post('QmOne', accepted('e-1'))
  office.post('QmTwo', accepted('e-2'))
  assert.deepEqual([office.peers(), office.backlog('QmOne').messages, NODE], [['QmOne', 'QmTwo'], 1, 'QmNode'])
})
