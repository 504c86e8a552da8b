import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { Libp2p } from '@libp2p/interface'
import { LIMITS } from '../runtime/limits.ts'
import { type Logger, silentLogger } from '../runtime/logger.ts'
import { type ByteStream, sendAll } from './byte-stream.ts'
import { handClock, settle } from './fixtures/hand-clock.ts'
import { fixtureKey } from './fixtures/keys.ts'
import { startLyingStranger } from './fixtures/lying-stranger.ts'
import { startTestHost, startTestHosts } from './fixtures/test-host.ts'
import { frames } from './frames.ts'
import { handleProtocol, openStream } from './protocol.ts'

const ECHO = '/test/echo/1.0.0'
const echo = (stream: ByteStream) => sendAll(stream, stream.receive())
const text = async (stream: ByteStream) => Buffer.concat(await Array.fromAsync(stream.receive())).toString()

async function pair(t: TestContext): Promise<[Libp2p, Libp2p]> {
  const [server, client] = await startTestHosts(t, 2)
  assert.ok(client)
  return [server, client]
}

test('each side knows the proven identity of the other', async (t) => {
  const [server, client] = await pair(t)
  const seen: string[] = []
  const handler = async (stream: ByteStream) => {
    seen.push(stream.remotePeer, stream.remoteAddress)
    await echo(stream)
  }
  await handleProtocol(server, ECHO, handler, { logger: silentLogger })
  const stream = await openStream(client, fixtureKey(0).peerId, ECHO)
  await sendAll(stream, [Buffer.from('hello')])
  assert.equal(await text(stream), 'hello')
  assert.equal(stream.remotePeer, fixtureKey(0).peerId)
  assert.equal(seen[0], fixtureKey(1).peerId)
  assert.match(seen[1] ?? '', /^\/ip4\/127\.0\.0\.1\/tcp\/\d+/)
})

test('many streams run at once', async (t) => {
  const [server, client] = await pair(t)
  await handleProtocol(server, ECHO, echo, { logger: silentLogger })
  const answers = await Promise.all(
    Array.from({ length: 100 }, async (_, index) => {
      const stream = await openStream(client, fixtureKey(0).peerId, ECHO)
      await sendAll(stream, [Buffer.from(`message ${index}`)])
      return text(stream)
    }),
  )
  assert.deepEqual(
    answers,
    Array.from({ length: 100 }, (_, index) => `message ${index}`),
  )
})

test('frames of every size arrive as they were sent', async (t) => {
  const [server, client] = await pair(t)
  const handler = async (stream: ByteStream) => {
    const echoed = frames(stream)
    for await (const frame of echoed.receive()) await echoed.send(frame)
  }
  await handleProtocol(server, ECHO, handler, { logger: silentLogger })
  const stream = frames(await openStream(client, fixtureKey(0).peerId, ECHO))
  const sizes = [0, 1, 100, 65_535, 65_536, LIMITS.frame, 3, LIMITS.frame, ...Array.from({ length: 200 }, (_, n) => n)]
  const sent = sizes.map((size, index) => Buffer.alloc(size, index))
  const sending = (async () => {
    for (const frame of sent) await stream.send(frame)
    await stream.close()
  })()
  const received = await Array.fromAsync(stream.receive())
  await sending
  assert.equal(received.length, sent.length)
  for (const [index, frame] of received.entries()) assert.equal(Buffer.compare(frame, sent[index] ?? Buffer.of()), 0)
})

test('an answer that comes together with the agreement on the protocol is not lost', async (t) => {
  const [server, client] = await pair(t)
  const sizes = [1, 1000, 300_000, 2_000_000]
  for (const size of sizes) {
    const answer = (stream: ByteStream) => sendAll(stream, [Buffer.alloc(size, 'x')])
    await handleProtocol(server, `/test/${size}`, answer, { logger: silentLogger })
    const stream = await openStream(client, fixtureKey(0).peerId, `/test/${size}`)
    assert.equal((await text(stream)).length, size)
    await stream.close()
  }
})

test('a peer gets no more streams than allowed', async (t) => {
  const [server, client] = await pair(t)
  await handleProtocol(server, ECHO, echo, { logger: silentLogger, maxStreams: 2 })
  const peer = fixtureKey(0).peerId
  const first = [await openStream(client, peer, ECHO), await openStream(client, peer, ECHO)]
  const third = await openStream(client, peer, ECHO)
  await assert.rejects(text(third))
  for (const stream of first) await stream.close()
  assert.deepEqual(await Promise.all(first.map(text)), ['', ''])
})

test('a peer that never ends its side is cut off a while after the answer', async (t) => {
  const [server, client] = await pair(t)
  const clock = handClock()
  await handleProtocol(server, ECHO, (stream) => stream.send(Buffer.from('bye')), { logger: silentLogger, clock })
  const open = () => server.getConnections()[0]?.streams.filter(({ protocol }) => protocol === ECHO).length
  const [patient, stubborn] = [
    await openStream(client, fixtureKey(0).peerId, ECHO),
    await openStream(client, fixtureKey(0).peerId, ECHO),
  ]
  assert.deepEqual([await text(patient), await text(stubborn)], ['bye', 'bye'])
  await patient.close()
  while (open() !== 1) await settle()
  await clock.advance(LIMITS.handshake)
  assert.equal(open(), 0)
  while (clock.pending > 0) await settle()
})

test('an error of a handler reaches the log and aborts only its own stream', async (t) => {
  const [server, client] = await pair(t)
  const lines: object[] = []
  const logger: Logger = { ...silentLogger, debug: (facts) => lines.push(facts) }
  const handler = async (stream: ByteStream) => {
    const [first] = await Array.fromAsync(stream.receive())
    if (first?.[0] === 0) throw new Error('zero is not allowed')
    await sendAll(stream, [Buffer.from('fine')])
  }
  await handleProtocol(server, ECHO, handler, { logger })
  const [bad, good] = await Promise.all([
    openStream(client, fixtureKey(0).peerId, ECHO),
    openStream(client, fixtureKey(0).peerId, ECHO),
  ])
  await Promise.all([sendAll(bad, [Uint8Array.of(0)]), sendAll(good, [Uint8Array.of(1)])])
  await assert.rejects(text(bad), { code: 'PeerUnreachable' })
  assert.equal(await text(good), 'fine')
  assert.deepEqual(lines, [{ protocol: ECHO, peer: fixtureKey(1).peerId, error: 'zero is not allowed' }])
})

test('stopping aborts what is under way and refuses what comes', async (t) => {
  const [server, client] = await pair(t)
  const served = Promise.withResolvers<void>()
  const handler = async (stream: ByteStream) => {
    served.resolve()
    await stream.send(Buffer.from('the first half'))
    await new Promise((_, reject) => void stream.receive().next().catch(reject))
  }
  const service = await handleProtocol(server, ECHO, handler, { logger: silentLogger })
  const stream = await openStream(client, fixtureKey(0).peerId, ECHO)
  await served.promise
  await service.stop()
  await assert.rejects(
    stream.send(Buffer.from('more')).then(() =>
      stream
        .receive()
        .next()
        .then(() => text(stream)),
    ),
  )
  await assert.rejects(openStream(client, fixtureKey(0).peerId, ECHO), {
    code: 'PeerUnreachable',
    message: /does not speak/,
  })
})

test('opening tells when there is no way to the peer', async (t) => {
  const host = await startTestHost(t, 0)
  await assert.rejects(openStream(host, fixtureKey(1).peerId, ECHO), {
    code: 'PeerUnreachable',
    message: new RegExp(fixtureKey(1).peerId),
  })
})

test('opening stops when its signal aborts', async (t) => {
  const [, client] = await pair(t)
  const signal = AbortSignal.abort(new Error('changed my mind'))
  await assert.rejects(openStream(client, fixtureKey(0).peerId, ECHO, { signal }), /changed my mind/)
})

test('nobody is made to knock at a door that a stranger has named', async (t) => {
  const host = await startTestHost(t, 0)
  const { stranger, leave, knocks } = await startLyingStranger(t, host, 1)
  const peer = stranger.peerId.toString()
  await stranger.handle(ECHO, (stream) => void stream.close())
  const stream = await openStream(host, peer, ECHO, { present: true })
  await stream.close()
  await leave()
  await assert.rejects(openStream(host, peer, ECHO, { present: true }), {
    code: 'PeerUnreachable',
    message: /any more/,
  })
  assert.equal(await knocks(), 0)
  // Where this node wants to reach the peer it tries what it was told.
  await assert.rejects(openStream(host, peer, ECHO), { code: 'PeerUnreachable' })
  assert.equal(await knocks(), 1)
})
