import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { type TestContext, describe, test } from 'node:test'
import { LIMITS } from '../../runtime/limits.ts'
import { createVirtualClock } from '../../runtime/virtual-clock.ts'
import { fixtureKey } from '../fixtures/keys.ts'
import { startTestHost } from '../fixtures/test-host.ts'
import { keyProtobuf } from '../identity.ts'
import { type GossipMessage, messageId, openGossip, SETTINGS } from './gossip.ts'
import { createPace } from './pace.ts'
import { peerIdFromString } from '@libp2p/peer-id'

const TOPIC = 'a-topic'

async function startNode(t: TestContext, index: number, accepts: (message: GossipMessage) => boolean = () => true) {
  const host = await startTestHost(t, index, { gossip: [TOPIC] })
  const gossip = openGossip(host)
  const heard: string[] = []
  const waiting = new Map<string, () => void>()
  gossip.subscribe(TOPIC, (message) => {
    const text = Buffer.from(message.data).toString()
    if (!accepts(message)) return false
    heard.push(`${fixtureIndex(message.author)} by ${fixtureIndex(message.via)}: ${text}`)
    waiting.get(text)?.()
    return true
  })
  const ready = new Promise<void>((resolve) => gossip.onSubscriber(TOPIC, () => resolve()))
  const hears = (text: string) => new Promise<void>((resolve) => waiting.set(text, resolve))
  return { host, gossip, heard, hears, ready }
}

const fixtureIndex = (peerId: string) => [0, 1, 2, 3].find((index) => fixtureKey(index).peerId === peerId)

/** Says `text` until the other one has heard it: the way there takes a moment to open. */
async function say(
  speaker: { gossip: { publish(topic: string, data: Uint8Array): Promise<void> } },
  text: string,
  heard: Promise<void>,
) {
  let done = false
  void heard.then(() => (done = true))
  while (!done) {
    await speaker.gossip.publish(TOPIC, Buffer.from(text))
    await Promise.race([heard, new Promise((resolve) => setTimeout(resolve, 50))])
  }
}

describe('gossip', () => {
  test('reaches those who listen over others, and says who spoke', async (t) => {
    const [a, b, c] = [await startNode(t, 0), await startNode(t, 1), await startNode(t, 2)]
    await a.host.dial(b.host.getMultiaddrs())
    await b.host.dial(c.host.getMultiaddrs())
    await Promise.all([a.ready, b.ready, c.ready])
    await say(a, 'hello', c.hears('hello'))
    assert.ok(c.heard.every((line) => line === '0 by 1: hello') && b.heard.every((line) => line === '0 by 0: hello'))
    // Nobody hears itself.
    assert.deepEqual(a.heard, [])
  })

  test('that one refuses goes no further', async (t) => {
    const [a, c] = [await startNode(t, 0), await startNode(t, 2)]
    const b = await startNode(t, 1, ({ data }) => !Buffer.from(data).toString().startsWith('bad'))
    await a.host.dial(b.host.getMultiaddrs())
    await b.host.dial(c.host.getMultiaddrs())
    await Promise.all([a.ready, b.ready, c.ready])
    await say(a, 'first', c.hears('first'))
    await a.gossip.publish(TOPIC, Buffer.from('bad'))
    await say(a, 'last', c.hears('last'))
    assert.ok(!c.heard.some((line) => line.includes('bad')))
  })

  test('that is too large is not taken', async (t) => {
    const [a, b] = [await startNode(t, 0), await startNode(t, 1)]
    await a.host.dial(b.host.getMultiaddrs())
    await Promise.all([a.ready, b.ready])
    await say(a, 'first', b.hears('first'))
    await a.gossip.publish(TOPIC, Buffer.alloc(LIMITS.nodeFacts + 1, 'x'))
    await say(a, 'last', b.hears('last'))
    assert.ok(b.heard.every((line) => line.length < 100))
  })

  test('of which checking the signature would take long is not taken', () => {
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const { n = '' } = publicKey.export({ format: 'jwk' })
    const e = Buffer.alloc(255, 0xff).toString('base64url')
    const slow = createPublicKey({ key: { kty: 'RSA', n, e }, format: 'jwk' }).export({ type: 'spki', format: 'der' })
    const [from, seqno] = [Buffer.from('from'), Buffer.alloc(8)]
    const name = SETTINGS.fastMsgIdFn
    assert.throws(() => name?.({ topic: TOPIC, from, seqno, key: keyProtobuf(0, slow) }), /too long/)
    const usual = publicKey.export({ type: 'spki', format: 'der' })
    assert.ok(name?.({ topic: TOPIC, from, seqno, key: keyProtobuf(0, usual) }))
  })

  test('needs a host that was started with it', async (t) => {
    const host = await startTestHost(t, 0)
    assert.throws(() => openGossip(host), /without gossip/)
  })

  test('messages have the IDs that Go gives them', () => {
    const from = peerIdFromString(fixtureKey(0).peerId)
    // Go: the bytes of the ID, a multihash of 34 bytes for RSA, then the number, its eight bytes in network order.
    const id = messageId({ type: 'signed', from, sequenceNumber: 0x0102030405060708n } as Parameters<
      typeof messageId
    >[0])
    assert.equal(id.length, 42)
    assert.deepEqual([...id.subarray(0, 2), ...id.subarray(34)], [0x12, 0x20, 1, 2, 3, 4, 5, 6, 7, 8])
  })
})

describe('the pace', () => {
  test('bounds each author and all together, for ten seconds at a time', async () => {
    const clock = createVirtualClock()
    const pace = createPace(clock, { perAuthor: 2, total: 3 })
    assert.deepEqual([pace.allows('a'), pace.allows('a'), pace.allows('a')], [true, true, false])
    assert.deepEqual([pace.isSpent('a'), pace.isSpent('b'), pace.isSpent('b')], [true, false, false])
    assert.deepEqual([pace.allows('b'), pace.allows('b'), pace.allows('c')], [true, false, false])
    await clock.advance(10_000)
    assert.deepEqual([pace.allows('a'), pace.allows('c')], [true, true])
  })
})
