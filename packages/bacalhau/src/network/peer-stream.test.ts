import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { silentLogger } from '../runtime/logger.ts'
import { type ByteStream, sendAll } from './byte-stream.ts'
import { startTestHosts } from './fixtures/test-host.ts'
import { handleProtocol, openStream } from './protocol.ts'
import { memoryStreamPair } from './fixtures/memory-stream.ts'

/** Two connected ends: ours, and the one that a peer's handler got. */
interface Pair {
  readonly ours: ByteStream
  readonly theirs: ByteStream
  /** Takes the connection away under the streams. */
  readonly sever: () => void
}

async function libp2pPair(t: TestContext): Promise<Pair> {
  const [server, client] = await startTestHosts(t, 2)
  assert.ok(client)
  const { promise, resolve } = Promise.withResolvers<ByteStream>()
  const held = Promise.withResolvers<void>()
  t.after(() => held.resolve())
  await handleProtocol(server, '/test/1.0.0', (stream) => (resolve(stream), held.promise), { logger: silentLogger })
  const ours = await openStream(client, server.peerId.toString(), '/test/1.0.0')
  return {
    ours,
    theirs: await promise,
    sever: () => client.getConnections().forEach((connection) => connection.abort(new Error('cut'))),
  }
}

async function memoryPair(): Promise<Pair> {
  const [ours, theirs] = memoryStreamPair()
  return { ours, theirs, sever: () => ours.abort(new Error('severed')) }
}

const read = async (stream: ByteStream) => Buffer.concat(await Array.fromAsync(stream.receive()))
const bytes = (length: number, seed = 0) => Uint8Array.from({ length }, (_, index) => (index * 31 + seed) % 251)

for (const [name, connect] of [
  ['over libp2p', libp2pPair],
  ['in memory', memoryPair],
] as const) {
  describe(`byte stream ${name}`, () => {
    test('carries both directions, each with its own end', async (t) => {
      const { ours, theirs } = await connect(t)
      await sendAll(ours, [bytes(3), bytes(0), bytes(70_000, 1)])
      assert.deepEqual(await read(theirs), Buffer.concat([bytes(3), bytes(70_000, 1)]))
      await sendAll(theirs, [bytes(5, 2)])
      assert.deepEqual(await read(ours), Buffer.from(bytes(5, 2)))
    })

    test('loses nothing that was sent and ended before anyone read', async (t) => {
      const { ours, theirs } = await connect(t)
      await Promise.all([sendAll(ours, [bytes(100)]), sendAll(theirs, [bytes(200)])])
      assert.deepEqual(await read(theirs), Buffer.from(bytes(100)))
      assert.deepEqual(await read(ours), Buffer.from(bytes(200)))
    })

    test('makes the sender wait for a reader that does not read, and goes on when it does', async (t) => {
      const { ours, theirs } = await connect(t)
      const chunk = bytes(256 * 1024)
      let sent = 0
      const total = 160
      const source = function* () {
        for (; sent < total; sent++) yield chunk
      }
      const sending = sendAll(ours, source())
      let received = 0
      let checked = false
      for await (const part of theirs.receive()) {
        received += part.length
        if (!checked) {
          // Let the sender run as far as it can; what is under way is bounded by windows, not by what there is to send.
          for (let before = -1; before !== sent;) {
            before = sent
            for (let turn = 0; turn < 200; turn++) await new Promise(setImmediate)
          }
          assert.ok(sent < total / 2, `${sent} chunks went out while nobody read`)
          checked = true
        }
      }
      await sending
      assert.equal(received, total * chunk.length)
    })

    test('tells the reader of an abort by the other side, after what came before', async (t) => {
      const { ours, theirs } = await connect(t)
      await ours.send(bytes(10))
      const reader = theirs.receive()
      assert.equal((await reader.next()).value?.length, 10)
      ours.abort(new Error('no more'))
      await assert.rejects(reader.next())
    })

    test('does not take a lost connection for a proper end', async (t) => {
      const { ours, theirs, sever } = await connect(t)
      await ours.send(bytes(10))
      const reader = theirs.receive()
      await reader.next()
      const ending = reader.next()
      sever()
      await assert.rejects(ending)
      await assert.rejects(read(ours))
    })

    test('aborts when the reader leaves early', async (t) => {
      const { ours, theirs } = await connect(t)
      await ours.send(bytes(10))
      for await (const _ of theirs.receive()) break
      await assert.rejects(read(ours))
      await assert.rejects(ours.send(bytes(1)))
    })

    test('refuses to send after its close', async (t) => {
      const { ours } = await connect(t)
      await ours.close()
      await assert.rejects(ours.send(bytes(1)))
    })

    test('stops waiting to send when the signal aborts', async (t) => {
      const { ours } = await connect(t)
      const abort = new AbortController()
      const sending = (async () => {
        for (;;) await ours.send(bytes(256 * 1024), { signal: abort.signal })
      })()
      setImmediate(() => abort.abort(new Error('enough')))
      await assert.rejects(sending, /enough/)
    })

    test('aborts when the source of what it sends fails', async (t) => {
      const { ours, theirs } = await connect(t)
      const source = async function* () {
        yield bytes(10)
        throw new Error('the disk broke')
      }
      await assert.rejects(sendAll(ours, source()), /the disk broke/)
      await assert.rejects(read(theirs))
    })
  })
}

test('a reader that stops in the middle makes the peer wait, and finds everything when it goes on', async (t) => {
  const [server, client] = await startTestHosts(t, 2)
  assert.ok(client)
  const total = 64 * 1024 * 1024
  let sent = 0
  await handleProtocol(
    server,
    '/test/flood',
    async (stream) => {
      const chunk = bytes(1024 * 1024)
      for (; sent < total; sent += chunk.length) await stream.send(chunk)
    },
    { logger: silentLogger },
  )
  const untilQuiet = async () => {
    for (let before = -1; before !== sent;) {
      before = sent
      for (let turn = 0; turn < 500; turn++) await new Promise(setImmediate)
    }
  }
  const stream = await openStream(client, server.peerId.toString(), '/test/flood')
  let received = 0
  let reads = 0
  for await (const chunk of stream.receive()) {
    received += chunk.length
    if (++reads <= 4) await untilQuiet()
    assert.ok(sent - received < 16 * 1024 * 1024, `${sent - received} bytes lie between`)
  }
  assert.equal(received, total)
})
