import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import type { ByteStream } from '../../network/byte-stream.ts'
import { handClock } from '../../network/fixtures/hand-clock.ts'
import { memoryStreamPair } from '../../network/fixtures/memory-stream.ts'
import { systemClock } from '../../runtime/clock.ts'
import { LIMITS } from '../../runtime/limits.ts'
import { encodeCarHeader, encodeCarSection } from '../car.ts'
import type { Selection } from '../selection.ts'
import { nodeBlock, putAll, rawBlock, type TestBlock } from '../testing/blocks.ts'
import { gather, temporaryStore } from '../testing/temporary.ts'
import { createCarClient } from './car-client.ts'
import { ANSWER, type CarRequest, decodeCarRequest } from './car-protocol.ts'

const [a, b, c] = [rawBlock('a'), rawBlock('b'), rawBlock('c')]
const inner = nodeBlock(b, c)
const root = nodeBlock(a, inner, b)
/** In the order in which they are sent: depth first, each once. */
const tree = [root, a, inner, b, c]
const selection: Selection = { cid: root.cid, path: [], scope: 'all' }
const options = { signal: new AbortController().signal, maxBytes: 1_000_000 }

const section = ({ cid, block }: TestBlock) => Buffer.concat([encodeCarSection(cid, block.length), block])
const found = (...blocks: TestBlock[]) =>
  Buffer.concat([Uint8Array.of(ANSWER.found), encodeCarHeader(root.cid), ...blocks.map(section)])

/** A peer that does with each stream what the test says, and what it was asked. */
function peer(serve: (stream: ByteStream, request: CarRequest) => Promise<void>) {
  const requests: CarRequest[] = []
  const dial = async () => {
    const [ours, theirs] = memoryStreamPair('us', 'peer')
    void (async () => {
      const request = decodeCarRequest(await gather(theirs.receive()))
      requests.push(request)
      await serve(theirs, request)
    })().catch((error: Error) => theirs.abort(error))
    return ours
  }
  return { dial, requests }
}

/** A peer that answers with these bytes and ends. */
const answering = (bytes: Uint8Array) =>
  peer(async (stream) => {
    await stream.send(bytes)
    await stream.close()
  })

async function download(context: TestContext, dial: () => Promise<ByteStream>, present: readonly TestBlock[] = []) {
  const batch = (await temporaryStore(context)).begin()
  context.after(() => batch.discard())
  await putAll(batch, present)
  const outcome = await createCarClient(dial, systemClock)
    .download('peer', selection, batch, options)
    .catch((error: unknown) => error)
  return { outcome, has: tree.map(({ cid }) => batch.has(cid)), size: batch.size }
}

describe('a download', () => {
  test('brings the whole tree', async (context) => {
    const { dial, requests } = answering(found(...tree))
    const { outcome, has } = await download(context, dial)
    assert.equal(outcome, undefined)
    assert.deepEqual(has, [true, true, true, true, true])
    assert.deepEqual(
      requests.map(({ want, skip, selection }) => [want, skip, selection.cid.toString(), selection.scope]),
      [['blocks', 0, root.cid.toString(), 'all']],
    )
  })

  for (let present = 0; present <= tree.length; present += 1) {
    test(`asks for the rest when ${present} blocks are there`, async (context) => {
      const { dial, requests } = answering(found(...tree.slice(present)))
      const { outcome, has } = await download(context, dial, tree.slice(0, present))
      assert.equal(outcome, undefined)
      assert.deepEqual(has, [true, true, true, true, true])
      assert.deepEqual(
        requests.map(({ skip }) => skip),
        present === tree.length ? [] : [present],
      )
    })
  }

  for (const [why, bytes, code, kept] of [
    ['a block of another tree', found(root, rawBlock('stranger')), 'ContentInvalid', 1],
    ['a block out of turn', found(root, inner, a), 'ContentInvalid', 1],
    ['a block twice', found(root, a, a), 'ContentInvalid', 2],
    ['a wrong block', found(root, { cid: a.cid, block: b.block }), 'ContentInvalid', 1],
    ['another root', found(inner), 'ContentInvalid', 0],
    ['an early end', found(root, a), 'ContentInvalid', 2],
    ['a cut-off block', found(root, a, inner).subarray(0, -3), 'ContentInvalid', 2],
    ['nothing', Buffer.alloc(0), 'ContentInvalid', 0],
    ['missing', Uint8Array.of(ANSWER.missing), 'ContentNotFound', 0],
    ['busy', Uint8Array.of(ANSWER.busy), 'TooManyRequests', 0],
    ['an answer unheard of', Uint8Array.of(77), 'ContentNotFound', 0],
  ] as const) {
    test(`of ${why} fails, and keeps what was right`, async (context) => {
      const { outcome, size } = await download(context, answering(bytes).dial)
      assert.equal(Object(outcome).code, code)
      assert.equal(size, kept)
    })
  }

  test('takes no block after the last', async (context) => {
    const { outcome, size } = await download(context, answering(found(...tree, rawBlock('more'))).dial)
    assert.equal(outcome, undefined)
    assert.equal(size, tree.length)
  })

  test('ends when there is more than allowed', async (context) => {
    const batch = (await temporaryStore(context)).begin()
    context.after(() => batch.discard())
    const client = createCarClient(answering(found(...tree)).dial, systemClock)
    const limited = client.download('peer', selection, batch, { ...options, maxBytes: 100 })
    await assert.rejects(limited, { code: 'ContentTooLarge' })
  })

  test('ends when the peer goes silent', async (context) => {
    const clock = handClock()
    const batch = (await temporaryStore(context)).begin()
    context.after(() => batch.discard())
    const silent = peer((stream) => stream.send(found(root)))
    const downloading = createCarClient(silent.dial, clock).download('peer', selection, batch, options)
    const outcome = assert.rejects(downloading, { code: 'TimeOut' })
    while (batch.size === 0) await turn()
    await clock.advance(LIMITS.contentStall)
    await outcome
    assert.equal(batch.size, 1)
  })

  test('ends when it is aborted', async (context) => {
    const batch = (await temporaryStore(context)).begin()
    context.after(() => batch.discard())
    const controller = new AbortController()
    const silent = peer((stream) => stream.send(found(root)))
    const client = createCarClient(silent.dial, systemClock)
    const downloading = client.download('peer', selection, batch, { ...options, signal: controller.signal })
    const outcome = assert.rejects(downloading)
    while (batch.size === 0) await turn()
    controller.abort(new Error('enough'))
    await outcome
  })

  test('waits for its turn with a peer', async (context) => {
    const store = await temporaryStore(context)
    let open = 0
    let most = 0
    const slow = peer(async (stream) => {
      open += 1
      most = Math.max(most, open)
      for (let index = 0; index < 20; index += 1) await turn()
      open -= 1
      await stream.send(found(...tree))
      await stream.close()
    })
    const client = createCarClient(slow.dial, systemClock)
    const downloads = Array.from({ length: 10 }, async () => {
      const batch = store.begin()
      await client.download('peer', selection, batch, options)
      await batch.discard()
    })
    await Promise.all(downloads)
    assert.equal(most, LIMITS.contentStreamsToPeer)
  })
})

describe('a question', () => {
  const { signal } = options
  for (const [answer, expected] of [
    [[ANSWER.found], true],
    [[ANSWER.missing], false],
    [[ANSWER.busy], false],
    [[], false],
  ] as const) {
    test(`answered with [${answer.join()}] means ${expected}`, async () => {
      const { dial, requests } = answering(Uint8Array.from(answer))
      assert.equal(await createCarClient(dial, systemClock).ask('peer', selection, signal), expected)
      assert.equal(requests[0]?.want, 'have')
    })
  }

  test('to a peer that cannot be reached means no', async () => {
    const dial = () => Promise.reject(new Error('unreachable'))
    assert.equal(await createCarClient(dial, systemClock).ask('peer', selection, signal), false)
  })

  test('that nobody waits for any more is thrown', async () => {
    const dial = () => Promise.reject(new Error('unreachable'))
    const aborted = AbortSignal.abort(new Error('enough'))
    await assert.rejects(createCarClient(dial, systemClock).ask('peer', selection, aborted), /enough/)
  })
})
