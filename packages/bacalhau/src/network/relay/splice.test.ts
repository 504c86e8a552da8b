import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { peerIdFromString } from '@libp2p/peer-id'
import { LIMITS } from '../../runtime/limits.ts'
import { silentLogger } from '../../runtime/logger.ts'
import { type ByteStream, sendAll } from '../byte-stream.ts'
import { settle } from '../fixtures/hand-clock.ts'
import { fixtureKey } from '../fixtures/keys.ts'
import { startTestHost } from '../fixtures/test-host.ts'
import { handleProtocol, openStream } from '../protocol.ts'
import { type Splice, splice } from './splice.ts'

/** A stream to a node that joins it to one to a third node, and the two of them there. */
async function joined(t: TestContext, handler: (stream: ByteStream) => Promise<void>, most = Number.MAX_SAFE_INTEGER) {
  const [middle, far, near] = await Promise.all([startTestHost(t, 0), startTestHost(t, 1), startTestHost(t, 2)])
  await handleProtocol(far, '/test/far', handler, { logger: silentLogger })
  await middle.dial(far.getMultiaddrs())
  const made = Promise.withResolvers<Splice>()
  await middle.handle('/test/middle', async (stream) => {
    const [connection] = middle.getConnections(peerIdFromString(fixtureKey(1).peerId))
    assert.ok(connection !== undefined)
    made.resolve(splice(stream, await connection.newStream('/test/far'), most))
  })
  await near.dial(middle.getMultiaddrs())
  const stream = await openStream(near, fixtureKey(0).peerId, '/test/middle')
  return { stream, splice: made.promise }
}

describe('two streams that are joined', () => {
  test('carry both ways, each with its own end, and count', async (t) => {
    const { stream, splice } = await joined(t, (far) => sendAll(far, far.receive()))
    const bytes = Buffer.alloc(3 * LIMITS.streamWindow, 'there and back ')
    const answer = Array.fromAsync(stream.receive())
    await sendAll(stream, [bytes])
    assert.ok(bytes.equals(Buffer.concat(await answer)))
    const made = await splice
    await made.ended
    assert.equal(made.bytes(), 2 * bytes.length)
  })

  test('end with an error when more goes through than is allowed', async (t) => {
    const { stream, splice } = await joined(t, (far) => sendAll(far, far.receive()), 100_000)
    const reading = Array.fromAsync(stream.receive())
    reading.catch(() => undefined)
    await stream.send(Buffer.alloc(60_000)).catch(() => undefined)
    await assert.rejects(reading)
    await (
      await splice
    ).ended
  })

  test('an abort on one side is one on the other', async (t) => {
    const broken = Promise.withResolvers<unknown>()
    const { stream, splice } = await joined(t, async (far) => {
      await Array.fromAsync(far.receive()).catch((error: unknown) => broken.resolve(error))
    })
    await stream.send(Buffer.from('x'))
    await splice
    stream.abort(new Error('enough'))
    assert.ok((await broken.promise) instanceof Error)
  })

  test('who does not read makes the other side wait, and what lies between is bounded', async (t) => {
    const read = Promise.withResolvers<void>()
    const { stream } = await joined(t, async (far) => {
      await read.promise
      await sendAll(far, far.receive())
    })
    let sent = 0
    const all = 6 * LIMITS.streamWindow
    const answer = (async () => {
      let length = 0
      for await (const chunk of stream.receive()) length += chunk.length
      return length
    })()
    const chunk = Buffer.alloc(256 * 1024)
    const sending = (async () => {
      for (; sent < all; sent += chunk.length) await stream.send(chunk)
      await stream.close()
    })()
    for (let before = -1; before !== sent;) {
      before = sent
      for (let turn = 0; turn < 300; turn++) await settle()
    }
    assert.ok(sent < 4 * LIMITS.streamWindow, `${sent} bytes went off while nobody read`)
    read.resolve()
    await sending
    assert.equal(await answer, all)
  })
})
