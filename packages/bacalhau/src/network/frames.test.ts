import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { LIMITS } from '../runtime/limits.ts'
import { handClock, settle } from './fixtures/hand-clock.ts'
import { createFrameDecoder, encodeFrameHeader } from './frame-decoder.ts'
import { frames } from './frames.ts'
import { memoryStreamPair } from './fixtures/memory-stream.ts'

const encode = (payloads: Uint8Array[]) =>
  Buffer.concat(payloads.flatMap((one) => [encodeFrameHeader(one.length), one]))

/** Buffer and Uint8Array do not compare equal. */
const plain = (bytes: Uint8Array) => Buffer.from(bytes)

/** Cuts `bytes` at `cuts`, in any order. */
function chop(bytes: Uint8Array, cuts: number[]): Uint8Array[] {
  const points = [...new Set([0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])].sort((a, b) => a - b)
  return points.slice(1).map((point, index) => bytes.slice(points[index], point))
}

const payloads = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 })
const cuts = fc.array(fc.nat(10_000), { maxLength: 50 })

describe('frame decoder', () => {
  test('gives back every frame wherever the flow is cut', () => {
    fc.assert(
      fc.property(payloads, cuts, (sent, at) => {
        const decoder = createFrameDecoder(300)
        const got = chop(encode(sent), at).flatMap((chunk) => decoder.push(chunk))
        assert.deepEqual(got.map(plain), sent.map(plain))
        assert.equal(decoder.partial, false)
      }),
    )
  })

  test('gives back every frame from single bytes, the largest included', () => {
    const large = new Uint8Array(10_000).fill(7)
    const decoder = createFrameDecoder(10_000)
    const got = [...encode([large, new Uint8Array(0), large])].flatMap((byte) => decoder.push(Uint8Array.of(byte)))
    assert.deepEqual(
      got.map((frame) => frame.length),
      [10_000, 0, 10_000],
    )
    assert.deepEqual(got[0], large)
  })

  test('knows of an unfinished frame', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 300 }), fc.nat(), (payload, cut) => {
        const whole = encode([payload])
        const decoder = createFrameDecoder(300)
        const length = 1 + (cut % (whole.length - 1))
        assert.deepEqual(decoder.push(whole.subarray(0, length)), [])
        assert.equal(decoder.partial, true)
      }),
    )
  })

  test('refuses a frame beyond the bound as soon as it is announced', () => {
    fc.assert(
      fc.property(fc.integer({ min: 301, max: 2 ** 32 - 1 }), (length) => {
        assert.throws(() => createFrameDecoder(300).push(encodeFrameHeader(length)), {
          code: 'PayloadTooLarge',
          message: new RegExp(`${length} bytes; 300`),
        })
      }),
    )
  })

  test('takes any bytes without running away', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 64 })), (chunks) => {
        const decoder = createFrameDecoder(64)
        try {
          for (const frame of chunks.flatMap((chunk) => decoder.push(chunk))) assert.ok(frame.length <= 64)
        } catch (error) {
          assert.equal((error as { code?: string }).code, 'PayloadTooLarge')
        }
      }),
    )
  })
})

describe('frame stream', () => {
  test('carries frames in order, whoever sends at once', async () => {
    await fc.assert(
      fc.asyncProperty(payloads, async (sent) => {
        const [left, right] = memoryStreamPair()
        const sender = frames(left)
        await Promise.all(sent.map((payload) => sender.send(payload)))
        await sender.close()
        const got = await Array.fromAsync(frames(right).receive())
        assert.deepEqual(got.map(plain), sent.map(plain))
      }),
      { numRuns: 50 },
    )
  })

  test('sends a frame of the largest size and refuses a larger one before sending any of it', async () => {
    const [left, right] = memoryStreamPair()
    const sender = frames(left)
    await assert.rejects(sender.send(new Uint8Array(LIMITS.frame + 1)), { code: 'PayloadTooLarge' })
    const receiving = frames(right).receive().next()
    await sender.send(new Uint8Array(LIMITS.frame))
    assert.equal((await receiving).value?.length, LIMITS.frame)
  })

  test('fails, for both sides, when the peer announces too much', async () => {
    const [left, right] = memoryStreamPair()
    await left.send(encodeFrameHeader(LIMITS.frame + 1))
    await assert.rejects(frames(right).receive().next(), { code: 'PayloadTooLarge' })
    await assert.rejects(left.send(Uint8Array.of(1)))
  })

  test('fails when the peer ends in the middle of a frame', async () => {
    const [left, right] = memoryStreamPair()
    await left.send(encode([Uint8Array.of(1, 2, 3)]).subarray(0, 6))
    await left.close()
    await assert.rejects(frames(right).receive().next(), /middle of a frame/)
  })

  test('fails when a frame dribbles in for too long, however often a byte comes', async () => {
    const clock = handClock()
    const [left, right] = memoryStreamPair()
    const receiving = frames(right, { clock }).receive().next()
    const outcome = assert.rejects(receiving, { code: 'TimeOut' })
    await left.send(encodeFrameHeader(1000))
    for (let second = 0; second < LIMITS.frameArrival / 1000; second++) {
      await settle()
      await left.send(Uint8Array.of(0)).catch(() => {})
      await settle()
      await clock.advance(1000)
    }
    await outcome
  })

  test('waits for ever between frames, and does not count the time of its own reader', async () => {
    const clock = handClock()
    const [left, right] = memoryStreamPair()
    const receiver = frames(right, { clock }).receive()
    const first = receiver.next()
    await settle()
    await clock.advance(10 * LIMITS.frameArrival)
    const two = encode([Uint8Array.of(1), Uint8Array.of(2)])
    await left.send(two.subarray(0, two.length - 1))
    assert.deepEqual((await first).value, Buffer.of(1))
    // The second frame has begun, but now it is we who take our time.
    await clock.advance(10 * LIMITS.frameArrival)
    const second = receiver.next()
    await settle()
    await clock.advance(LIMITS.frameArrival - 1)
    await left.send(two.subarray(two.length - 1))
    assert.deepEqual(Buffer.from((await second).value ?? []), Buffer.of(2))
    assert.equal(clock.pending, 0)
  })

  test('aborts when the reader leaves', async () => {
    const [left, right] = memoryStreamPair()
    await left.send(encode([Uint8Array.of(1)]))
    for await (const _ of frames(right).receive()) break
    await assert.rejects(left.send(Uint8Array.of(1)))
  })
})
