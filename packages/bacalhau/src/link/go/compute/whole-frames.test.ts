import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import type { Stream } from '@libp2p/interface'
import { systemClock } from '../../../runtime/clock.ts'
import { arriving, connect, loopbackHost } from '../fixtures/go-host.ts'
import { outletOf, sendWhole } from './whole-frames.ts'

/** A stream of ours, and what arrives of it at the other side, frame by frame. */
async function open(t: TestContext) {
  const [us, reader] = await Promise.all([loopbackHost(t), loopbackHost(t)])
  await connect(us, reader)
  const taken = Promise.withResolvers<Stream>()
  await reader.handle('/logs', (stream) => taken.resolve(stream))
  const [connection] = us.getConnections(reader.peerId)
  assert.ok(connection)
  const stream = await connection.newStream('/logs')
  const far = await taken.promise
  return { stream, far }
}

const entry = (length: number, index: number): Buffer =>
  Buffer.from(`${JSON.stringify({ value: { Type: 1, Line: String(index).padEnd(length, 'x') } })}\n`)

describe('entries of a log', () => {
  test('the multiplexer still has the parts that this rests on', async (t) => {
    const { stream } = await open(t)
    const { writeBufferLength, sendWindowCapacity, maxMessageSize, writableNeedsDrain } = outletOf(stream)
    assert.deepEqual([writeBufferLength, writableNeedsDrain], [0, false])
    assert.ok(sendWindowCapacity > 200_000 && maxMessageSize > 200_000)
    assert.throws(() => outletOf({} as Stream), /the multiplexer has no writeBufferLength/)
  })

  for (const [count, length] of [
    [400, 2_000],
    [400, 20_000],
    [2_000, 200],
  ] as const) {
    test(`${count} of ${length} bytes arrive in a frame each`, async (t) => {
      const { stream, far } = await open(t)
      const arrived = arriving(far)
      for (let index = 0; index < count; index++)
        await sendWhole(stream, entry(length, index), systemClock, AbortSignal.timeout(30_000))
      await stream.close()
      await arrived.end
      assert.equal(arrived.texts.length, count)
      assert.ok(arrived.texts.every((text, index) => text === entry(length, index).toString()))
    })
  }

  test('without this they would not, when the reader is slow', async (t) => {
    const { stream, far } = await open(t)
    const arrived = arriving(far)
    for (let index = 0; index < 400; index++) stream.send(entry(20_000, index))
    await stream.close()
    await arrived.end
    assert.notEqual(arrived.texts.length, 400)
  })

  test('wait for a reader that takes nothing, until it leaves or nobody waits any more', async (t) => {
    const { stream, far } = await open(t)
    far.pause()
    const abort = new AbortController()
    let sent = 0
    const sending = (async () => {
      for (;;) {
        await sendWhole(stream, entry(20_000, sent), systemClock, abort.signal)
        sent += 1
      }
    })()
    sending.catch(() => undefined)
    while (outletOf(stream).sendWindowCapacity > 20_000) await new Promise((resolve) => setImmediate(resolve))
    assert.ok(sent < 20, `${sent} entries`)
    abort.abort(new Error('enough'))
    await assert.rejects(sending, /enough/)
    stream.abort(new Error('over'))
    await assert.rejects(sendWhole(stream, entry(300_000, 0), systemClock, AbortSignal.timeout(5_000)), /has gone/)
  })
})
