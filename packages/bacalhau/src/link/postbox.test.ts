import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { LIMITS } from '../runtime/limits.ts'
import { silentLogger } from '../runtime/logger.ts'
import { put } from '../store/store.ts'
import { ManualJournal } from './fixtures/manual-journal.ts'
import { loadPostboxes } from './load-postboxes.ts'
import type { Line } from './flow.ts'
import { Postbox, type PostboxOptions } from './postbox.ts'

const options = (journal: ManualJournal, mark = 'm'): PostboxOptions => ({
  role: 'o',
  journal,
  store: journal.store,
  logger: silentLogger,
  mark,
})

/** A line that writes down what goes over it. */
function openLine() {
  const sent: (string | number)[] = []
  const failures: Error[] = []
  const line: Line<string> = {
    parcel: (seq, _, messages) => void sent.push(`${seq}:${messages.join(',')}`),
    ack: (seq) => void sent.push(seq),
    fail: (error) => void failures.push(error),
  }
  return { line, sent, failures }
}

/** A postbox in the middle of a conversation, and its line. */
function begin(journal = new ManualJournal()) {
  const box = new Postbox<string>('QmPeer', options(journal))
  box.reset('c-1', 'g-1')
  box.record()
  journal.write()
  const open = openLine()
  box.connect(open.line)
  box.flow()
  return { box, journal, ...open }
}

const parcel = (seq: number, ...messages: string[]) => ({ seq, mark: 'p', messages })
const reload = async (journal: ManualJournal): Promise<Postbox<string>> => {
  const box = (await loadPostboxes<string>(options(journal, 'later'))).get('QmPeer')
  assert.ok(box !== undefined)
  return box
}

describe('what a postbox sends', () => {
  test('is durable first, and leaves as one parcel a unit', () => {
    const { box, journal, sent } = begin()
    box.post('a')
    box.post('b')
    journal.take()
    box.post('c')
    assert.deepEqual(sent, [])
    journal.land()
    assert.deepEqual(sent, ['1:a,b'])
    journal.write()
    assert.deepEqual(sent, ['1:a,b', '2:c'])
    assert.deepEqual([...journal.rows('link-out').keys()], ['o/QmPeer/0000000000000001', 'o/QmPeer/0000000000000002'])
  })

  test('stays until it is acknowledged, and goes from the store with the next unit', () => {
    const { box, journal } = begin()
    box.post('a')
    journal.write()
    assert.equal(box.backlog.messages, 1)
    assert.ok(box.acknowledge(1))
    assert.equal(box.backlog.messages, 0)
    assert.equal(journal.rows('link-out').size, 1)
    box.post('b')
    journal.write()
    assert.deepEqual([...journal.rows('link-out').keys()], ['o/QmPeer/0000000000000002'])
  })

  test('a store does not fill with what was acknowledged, even if nothing else happens', () => {
    const { box, journal } = begin()
    for (let count = 1; count <= 100; count++) {
      box.post('a')
      journal.write()
    }
    box.acknowledge(100)
    journal.write()
    assert.equal(journal.rows('link-out').size, 0)
  })

  test('an acknowledgement of what is not durable is none', () => {
    const { box, journal } = begin()
    box.post('a')
    assert.equal(box.acknowledge(1), false)
    journal.take()
    assert.equal(box.acknowledge(1), false)
    journal.land()
    assert.equal(box.acknowledge(1), true)
    assert.equal(box.acknowledge(1), true)
  })

  test('waits at a full window, of parcels or of bytes, and goes on with each acknowledgement', () => {
    const { box, journal, sent } = begin()
    for (let count = 1; count <= LIMITS.linkWindowParcels + 2; count++) {
      box.post(String(count))
      journal.write()
    }
    assert.equal(sent.length, LIMITS.linkWindowParcels)
    box.acknowledge(1)
    assert.equal(sent.length, LIMITS.linkWindowParcels + 1)
    box.acknowledge(LIMITS.linkWindowParcels + 1)
    assert.equal(sent.length, LIMITS.linkWindowParcels + 2)

    const large = begin()
    const half = 'x'.repeat(LIMITS.linkWindow / 2 - 100)
    for (const message of [half, half, half, 'x'.repeat(2 * LIMITS.linkWindow)]) large.box.post(message)
    large.journal.write()
    assert.equal(large.sent.length, 2)
    large.box.acknowledge(2)
    assert.equal(large.sent.length, 3)
    // Larger than the window, but alone.
    large.box.acknowledge(3)
    assert.equal(large.sent.length, 4)
  })

  test('is sent again after what the peer has, over the next line', async () => {
    const { box, journal, line, sent } = begin()
    for (const message of ['a', 'b', 'c']) {
      box.post(message)
      journal.write()
    }
    box.disconnect(line)
    box.resume({ seq: 1, mark: 'm' })
    const next = openLine()
    box.connect(next.line)
    assert.deepEqual(next.sent, [])
    box.flow()
    assert.deepEqual(next.sent, ['2:b', '3:c'])
    assert.equal(sent.length, 3)
    const later = await reload(journal)
    later.resume({ seq: 2, mark: 'm' })
    const last = openLine()
    later.connect(last.line)
    later.flow()
    later.post('d')
    journal.write()
    assert.deepEqual(last.sent, ['3:c', '4:d'])
  })

  test('an acknowledgement may name what only an earlier line has sent', () => {
    const { box, journal, line } = begin()
    for (let count = 1; count <= LIMITS.linkWindowParcels * 2; count++) {
      box.post(String(count))
      journal.write()
      box.acknowledge(count - LIMITS.linkWindowParcels)
    }
    box.disconnect(line)
    const acked = LIMITS.linkWindowParcels
    box.resume({ seq: acked, mark: 'm' })
    const next = openLine()
    box.connect(next.line)
    assert.ok(box.acknowledge(acked + 10))
    box.flow()
    assert.equal(next.sent[0], `${acked + 11}:${acked + 11}`)
  })

  test('a paused line carries nothing; what was posted meanwhile follows', () => {
    const { box, journal, sent } = begin()
    box.pause()
    box.post('a')
    journal.write()
    assert.deepEqual(sent, [])
    box.flow()
    assert.deepEqual(sent, ['1:a'])
  })
})

describe('what a postbox receives', () => {
  test('takes effect once, in order, and is acknowledged when that is durable', () => {
    const { box, journal, sent } = begin()
    const heard: string[] = []
    const deliver = (message: string) => void heard.push(message)
    assert.ok(box.receive(parcel(1, 'a', 'b'), deliver))
    journal.take()
    assert.ok(box.receive(parcel(2, 'c'), deliver))
    assert.deepEqual(sent, [])
    journal.land()
    assert.deepEqual(sent, [1])
    journal.write()
    assert.deepEqual(
      [sent, heard],
      [
        [1, 2],
        ['a', 'b', 'c'],
      ],
    )
  })

  test('again is acknowledged again, as far as it is durable, without effect', () => {
    const { box, journal, sent } = begin()
    box.receive(parcel(1, 'a'), () => undefined)
    journal.write()
    box.receive(parcel(2, 'b'), () => undefined)
    const again = (seq: number) => box.receive(parcel(seq, 'x'), () => assert.fail('it had its effect'))
    assert.ok(again(1) && again(2))
    assert.deepEqual(sent, [1, 1, 1])
  })

  test('with a gap is not taken', () => {
    const { box } = begin()
    assert.equal(
      box.receive(parcel(2, 'b'), () => assert.fail('too early')),
      false,
    )
  })

  test('a fault in one message keeps neither the others nor the number from counting', () => {
    const { box, journal, sent } = begin()
    const heard: string[] = []
    box.receive(parcel(1, 'a', 'b', 'c'), (message) => {
      if (message === 'b') throw new Error('a fault of the program')
      heard.push(message)
    })
    journal.write()
    assert.deepEqual([heard, sent], [['a', 'c'], [1]])
  })

  test('counts in a claim, and across a crash, only when it is durable', async () => {
    const { box, journal } = begin()
    box.receive(parcel(1, 'a'), () => undefined)
    journal.write()
    box.receive(parcel(2, 'b'), () => undefined)
    const claim = { id: 'c-1', received: { seq: 1, mark: 'p' } }
    assert.deepEqual(box.claim, claim)
    assert.deepEqual((await reload(journal)).claim, claim)
  })

  test('before both sides have agreed nothing is acknowledged; then what is durable is', () => {
    const { box, journal, line } = begin()
    box.receive(parcel(1, 'a'), () => undefined)
    box.disconnect(line)
    const next = openLine()
    box.connect(next.line)
    journal.write()
    assert.deepEqual(next.sent, [])
    box.flow()
    assert.deepEqual(next.sent, [1])
  })
})

describe('a conversation that begins anew', () => {
  test('leaves nothing of the old one, neither in the store nor under way', () => {
    const { box, journal, sent } = begin()
    box.post('old')
    box.receive(parcel(1, 'a'), () => undefined)
    journal.take()
    box.reset('c-2', 'g-1', ['kept'])
    box.record()
    journal.land()
    assert.deepEqual(sent, [], 'what became durable belongs to the old one')
    assert.deepEqual(box.claim, { id: 'c-2', received: { seq: 0, mark: '' } })
    journal.write()
    assert.deepEqual(sent, ['1:kept'])
    assert.equal(journal.rows('link-out').size, 1)
  })

  test('is forgotten altogether with its rows', async () => {
    const { box, journal } = begin()
    box.post('a')
    journal.write()
    box.forget()
    journal.write()
    assert.deepEqual([journal.rows('link-in').size, journal.rows('link-out').size], [0, 0])
  })

  test('does so when a row of the outbox is missing, broken or too much', async () => {
    for (const [key, value] of [
      ['o/QmPeer/0000000000000009', { mark: 'm', bytes: 3, messages: ['x'] }],
      ['o/QmPeer/0000000000000002', { mark: 'm' }],
    ] as const) {
      const { box, journal } = begin()
      box.post('a')
      journal.write()
      await journal.store.commit([put('link-out', key, value)])
      assert.equal((await reload(journal)).claim, undefined, key)
    }
  })

  test('does so when its own row cannot be read; rows of nobody are cleared away', async () => {
    const { box, journal } = begin()
    box.post('a')
    journal.write()
    const nobody = { mark: 'm', bytes: 1, messages: ['x'] }
    await journal.store.commit([put('link-in', 'o/QmPeer', 5), put('link-out', 'o/QmNobody/0000000000000001', nobody)])
    assert.equal((await reload(journal)).claim, undefined)
    assert.deepEqual([...journal.rows('link-out').keys()], ['o/QmPeer/0000000000000001'])
  })

  test('one role of a node does not see the rows of the other', async () => {
    const { journal } = begin()
    assert.equal((await loadPostboxes({ ...options(journal), role: 'c' })).size, 0)
  })
})

describe('much that waits for a peer that is away', () => {
  const megabyte = 'x'.repeat(1024 * 1024)
  const waiting = LIMITS.linkWindow / megabyte.length + 12

  /** What of the messages is in memory. */
  const inMemory = (box: Postbox<string>) => box.waiting.filter(({ messages }) => messages !== undefined).length

  const fill = () => {
    const { box, journal, line } = begin()
    box.disconnect(line)
    for (let count = 0; count < waiting; count++) {
      box.post(megabyte + count)
      journal.write()
    }
    return { box, journal }
  }

  test('waits in the store, and is read and sent in order when the peer is back', async () => {
    const { box, journal } = fill()
    for (const each of [box, await reload(journal)]) {
      assert.ok(inMemory(each) <= LIMITS.linkWindow / megabyte.length, String(inMemory(each)))
      assert.equal(each.backlog.messages, waiting)
      const heads: string[] = []
      each.connect({
        parcel: (seq, _, messages) => {
          heads.push(messages.map((message) => message.slice(megabyte.length)).join())
          setImmediate(() => each.acknowledge(seq))
        },
        ack: () => undefined,
        fail: assert.ifError,
      })
      each.resume({ seq: 0, mark: '' })
      each.flow()
      while (each.backlog.messages > 0) await new Promise((resolve) => setImmediate(resolve))
      assert.deepEqual(
        heads,
        Array.from({ length: waiting }, (_, index) => String(index)),
      )
    }
  })

  test('what is in memory when a link breaks goes too', () => {
    const { box, journal, line } = begin()
    for (let count = 0; count < waiting; count++) box.post(megabyte)
    journal.write()
    assert.equal(inMemory(box), waiting)
    box.disconnect(line)
    assert.ok(inMemory(box) <= LIMITS.linkWindow / megabyte.length)
  })

  test('can be had in memory as a whole', async () => {
    const { box } = fill()
    box.connect(openLine().line)
    await box.loaded()
    assert.equal(inMemory(box), waiting)
  })

  test('a conversation that begins anew while it is read is not hurt by that', async () => {
    const { box, journal } = fill()
    const reading = box.loaded()
    box.reset('c-2', 'g-1', ['kept'])
    box.record()
    journal.write()
    await reading
    const { line, sent } = openLine()
    box.connect(line)
    box.flow()
    assert.deepEqual([sent, box.conversation], [['1:kept'], 'c-2'])
  })

  test('a row that is gone ends the line, and the conversation begins anew', async () => {
    const { box, journal } = fill()
    for (const key of journal.rows('link-out').keys())
      await journal.store.commit([{ op: 'delete', table: 'link-out', key }])
    await assert.rejects(box.loaded(), /lost a message/)
    assert.equal(box.claim, undefined)
    const { line, failures } = openLine()
    box.connect(line)
    box.resume({ seq: 3, mark: 'm' })
    box.flow()
    await new Promise((resolve) => setImmediate(resolve))
    assert.match(String(failures[0]), /lost a message/)
  })
})
