import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { handClock } from '../../network/fixtures/hand-clock.ts'
import { memoryStreamPair } from '../../network/fixtures/memory-stream.ts'
import { LIMITS } from '../../runtime/limits.ts'
import { silentLogger } from '../../runtime/logger.ts'
import { createByteReader } from '../byte-reader.ts'
import type { Selection } from '../selection.ts'
import { nodeBlock, putAll, rawBlock, storeAll, type TestBlock } from '../testing/blocks.ts'
import { temporaryStore } from '../testing/temporary.ts'
import { createBitswapClient } from './bitswap-client.ts'
import { type BitswapMessage, decodeBitswap, type Want } from './bitswap-message.ts'
import { createOutbox, type Outbox } from './bitswap-outbox.ts'
import { createBitswapServer } from './bitswap-server.ts'

const leaves = Array.from({ length: 100 }, (_, index) => rawBlock(`leaf ${index} ${'x'.repeat(2_000)}`))
const root = nodeBlock(...leaves)
const tree = [root, ...leaves]
const selection: Selection = { cid: root.cid, path: [], scope: 'all' }
const options = { signal: new AbortController().signal, maxBytes: 10_000_000 }

const want = (block: TestBlock, change: Partial<Want> = {}): Want => ({
  cid: block.cid,
  cancel: false,
  haveOnly: false,
  sendDontHave: true,
  ...change,
})

/** An outbox that hands over each message at once. */
const delivering = (deliver: (message: Partial<BitswapMessage>) => Promise<void> | void): Outbox => ({
  send: async (message) => deliver(message),
  stop: () => {},
})

describe('the server', () => {
  async function serving(context: TestContext, blocks: readonly TestBlock[]) {
    const store = await temporaryStore(context)
    await storeAll(store, blocks)
    const sent: Partial<BitswapMessage>[] = []
    const server = createBitswapServer(store, () => delivering((message) => void sent.push(message)), silentLogger)
    /** What was sent, once all wants are answered. */
    const answers = async (expected: number) => {
      const count = () => sent.flatMap(({ blocks = [], presences = [] }) => [...blocks, ...presences]).length
      while (count() < expected) await turn()
      await turn()
      assert.equal(count(), expected)
      return {
        messages: sent.length,
        blocks: sent.flatMap(({ blocks = [] }) => blocks.map(({ cid }) => cid.toString())),
        has: sent.flatMap(({ presences = [] }) => presences.map(({ cid, has }) => [cid.toString(), has])),
      }
    }
    return { server, answers }
  }

  const [small, big] = [rawBlock('small'), rawBlock('big'.repeat(1_000))]

  test('sends what it has, and says what it has not', async (context) => {
    const { server, answers } = await serving(context, [big])
    server.receive('peer', [want(big), want(small)], false)
    const { blocks, has } = await answers(2)
    assert.deepEqual([blocks, has], [[big.cid.toString()], [[small.cid.toString(), false]]])
  })

  test('says that it has a block, and sends it at once when it is small', async (context) => {
    const { server, answers } = await serving(context, [small, big])
    server.receive('peer', [want(small, { haveOnly: true }), want(big, { haveOnly: true })], false)
    const { blocks, has } = await answers(2)
    assert.deepEqual([blocks, has], [[small.cid.toString()], [[big.cid.toString(), true]]])
  })

  test('is silent about what is missing unless it is asked to tell', async (context) => {
    const { server, answers } = await serving(context, [big])
    server.receive('peer', [want(small, { sendDontHave: false }), want(big)], false)
    const { blocks, has } = await answers(1)
    assert.deepEqual([blocks, has], [[big.cid.toString()], []])
  })

  test('drops wants that are cancelled or replaced', async (context) => {
    const { server, answers } = await serving(context, [small, big])
    server.receive('peer', [want(small), want(small, { cancel: true }), want(big)], false)
    assert.deepEqual((await answers(1)).blocks, [big.cid.toString()])
    // The first one is being answered already when the others are replaced by none.
    server.receive('peer', [want(big), want(small), want(small)], false)
    server.receive('peer', [], true)
    assert.equal((await answers(2)).blocks.length, 2)
  })

  test('sends many blocks in messages of bounded size', async (context) => {
    const blocks = Array.from({ length: 20 }, (_, index) => rawBlock(Buffer.alloc(200_000, index + 1)))
    const { server, answers } = await serving(context, blocks)
    server.receive(
      'peer',
      blocks.map((block) => want(block)),
      false,
    )
    const { messages } = await answers(20)
    assert.ok(messages >= 6, `${messages} messages`)
  })

  test('answers wants whenever they come', async (context) => {
    const { server, answers } = await serving(context, [small])
    for (let microtasks = 0; microtasks < 30; microtasks += 1) {
      server.receive('peer', [want(small)], false)
      for (let count = 0; count < microtasks; count += 1) await Promise.resolve()
      server.receive('peer', [want(big)], false)
      await answers(2 * (microtasks + 1))
    }
  })

  test('takes a bounded number of wants', async (context) => {
    const { server, answers } = await serving(context, [])
    const wants = Array.from({ length: 10_000 }, (_, index) => want(rawBlock(String(index))))
    server.receive('peer', wants, false)
    assert.equal((await answers(4_096)).has.length, 4_096)
  })
})

describe('the client', () => {
  /** A client whose peer answers each want by `answer`; answers come a turn later. */
  function clientOf(answer: (cid: string) => Uint8Array | boolean | undefined, clock = handClock()) {
    const blocks = new Map([...tree, nodeBlock(root)].map(({ cid, block }) => [cid.toString(), block]))
    let underWay = 0
    let most = 0
    const client = createBitswapClient(
      () =>
        delivering(async ({ wants = [] }) => {
          underWay += wants.length
          most = Math.max(most, underWay)
          for (const { cid, haveOnly } of wants) {
            const said = answer(cid.toString())
            setImmediate(() => {
              underWay -= 1
              if (said === true && !haveOnly) {
                client.receive('peer', message({ blocks: [{ cid, block: blocks.get(cid.toString()) ?? Buffer.of() }] }))
              } else if (said instanceof Uint8Array) client.receive('peer', message({ blocks: [{ cid, block: said }] }))
              else if (said !== undefined) client.receive('peer', message({ presences: [{ cid, has: said }] }))
            })
          }
        }),
      clock,
    )
    return { client, clock, most: () => most }
  }

  const message = (change: Partial<BitswapMessage>): BitswapMessage => ({
    full: false,
    wants: [],
    blocks: [],
    presences: [],
    ...change,
  })

  test('brings a tree, asking ahead within bounds', async (context) => {
    const batch = (await temporaryStore(context)).begin()
    context.after(() => batch.discard())
    const { client, most } = clientOf(() => true)
    await client.download('peer', selection, batch, options)
    assert.ok(tree.every(({ cid }) => batch.has(cid)))
    assert.ok(most() > 8 && most() <= 32, `${most()} at once`)
  })

  test('asks only for what is missing', async (context) => {
    const batch = (await temporaryStore(context)).begin()
    context.after(() => batch.discard())
    await putAll(batch, [root, ...leaves.slice(0, 99)])
    const asked: string[] = []
    const { client } = clientOf((cid) => {
      asked.push(cid)
      return true
    })
    await client.download('peer', selection, batch, options)
    assert.deepEqual(asked, [leaves[99]!.cid.toString()])
  })

  test('fails when the peer lacks a block, and keeps the others', async (context) => {
    const batch = (await temporaryStore(context)).begin()
    context.after(() => batch.discard())
    const { client } = clientOf((cid) => cid !== leaves[50]!.cid.toString())
    await assert.rejects(client.download('peer', selection, batch, options), { code: 'ContentNotFound' })
    assert.equal(batch.size, 51)
  })

  test('fails when the peer falls silent', async (context) => {
    const batch = (await temporaryStore(context)).begin()
    context.after(() => batch.discard())
    const { client, clock } = clientOf((cid) => (cid === root.cid.toString() ? true : undefined))
    const downloading = assert.rejects(client.download('peer', selection, batch, options), { code: 'ContentNotFound' })
    while (batch.size === 0) await turn()
    await clock.advance(LIMITS.contentStall)
    await downloading
  })

  test('fails when it is aborted', async (context) => {
    const batch = (await temporaryStore(context)).begin()
    context.after(() => batch.discard())
    const controller = new AbortController()
    const { client } = clientOf(() => undefined)
    const downloading = client.download('peer', selection, batch, { ...options, signal: controller.signal })
    controller.abort(new Error('enough'))
    await assert.rejects(downloading, /enough/)
  })

  test('ends when there is more than allowed', async (context) => {
    const batch = (await temporaryStore(context)).begin()
    context.after(() => batch.discard())
    const { client } = clientOf(() => true)
    const limited = client.download('peer', selection, batch, { ...options, maxBytes: 50_000 })
    await assert.rejects(limited, { code: 'ContentTooLarge' })
  })

  test('ignores blocks and peers that it did not ask for', async (context) => {
    const batch = (await temporaryStore(context)).begin()
    context.after(() => batch.discard())
    const { client } = clientOf(() => true)
    client.receive('peer', message({ blocks: [rawBlock('unasked')] }))
    const downloading = client.download('peer', selection, batch, options)
    client.receive('stranger', message({ presences: [{ cid: root.cid, has: false }] }))
    await downloading
    assert.equal(batch.size, tree.length)
  })

  for (const [answer, expected] of [
    [true, true],
    [false, false],
    [Buffer.from(root.block), true],
  ] as const) {
    test(`takes ${answer instanceof Uint8Array ? 'the block' : answer} for ${expected}`, async () => {
      assert.equal(await clientOf(() => answer).client.ask('peer', selection, options.signal), expected)
    })
  }

  test('takes silence for no', async () => {
    const { client, clock } = clientOf(() => undefined)
    const asking = client.ask('peer', selection, options.signal)
    await clock.advance(LIMITS.contentAnswer)
    assert.equal(await asking, false)
  })
})

describe('the outbox', () => {
  function recorder() {
    const clock = handClock()
    const streams: { messages: BitswapMessage[]; ended: boolean }[] = []
    const outbox = createOutbox(async () => {
      const [ours, theirs] = memoryStreamPair()
      const stream = { messages: [] as BitswapMessage[], ended: false }
      streams.push(stream)
      void (async () => {
        const reader = createByteReader(theirs.receive())
        for (let length = await reader.varint(); length !== undefined; length = await reader.varint()) {
          stream.messages.push(decodeBitswap(await reader.read(length)))
        }
        stream.ended = true
      })().catch(() => {})
      return ours
    }, clock)
    return { outbox, clock, streams }
  }

  test('sends messages one after the other on one stream, and closes it when it was idle', async () => {
    const { outbox, clock, streams } = recorder()
    await Promise.all([0, 1, 2].map((index) => outbox.send({ wants: [want(leaves[index]!)] })))
    await clock.advance(4_999)
    assert.deepEqual([streams.length, streams[0]?.ended], [1, false])
    await clock.advance(1)
    await turn()
    assert.equal(streams[0]?.ended, true)
    assert.deepEqual(
      streams[0].messages.map(({ wants }) => wants[0]?.cid.toString()),
      leaves.slice(0, 3).map(({ cid }) => cid.toString()),
    )
    await outbox.send({ wants: [want(root)] })
    assert.equal(streams.length, 2)
  })

  test('opens another stream after one has failed', async () => {
    let opened = 0
    const outbox = createOutbox(async () => {
      const [ours, theirs] = memoryStreamPair()
      opened += 1
      if (opened === 1) theirs.abort(new Error('broken'))
      return ours
    }, handClock())
    await assert.rejects(outbox.send({ full: true }), /broken/)
    await outbox.send({ full: true })
    assert.equal(opened, 2)
  })

  test('sends nothing after it was stopped', async () => {
    const { outbox, streams } = recorder()
    outbox.stop()
    await assert.rejects(outbox.send({ full: true }))
    assert.equal(streams.length, 0)
  })
})
