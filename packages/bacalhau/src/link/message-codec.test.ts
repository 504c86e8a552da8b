import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { computeMessageSchema, orchestratorMessageSchema } from '@bacalhau/models'
import fc from 'fast-check'
import { z } from 'zod'
import { isBacalhauError } from '../runtime/error.ts'
import { createMessageDecoder, encodeMessages } from './message-codec.ts'

const anything = z.unknown()
const decodeAll = (frames: readonly Uint8Array[], schema: z.ZodType = anything, maxMessage?: number) => {
  const decoder = createMessageDecoder(schema, maxMessage)
  return frames.flatMap((frame) => [...decoder.push(frame)])
}
const failsWith = (code: string, text: RegExp) => (error: unknown) =>
  isBacalhauError(error) && error.code === code && text.test(error.message)
const utf8 = (text: string) => new TextEncoder().encode(text)

/** Any document that JSON can hold, with the letters that are most likely to be cut or mistaken. */
const text = fc.string({ unit: fc.constantFrom('a', '\n', '\r', '\u2028', '"', '\\', 'ü', '\u{1F600}', '\0') })
const document = fc.oneof(fc.jsonValue({ maxDepth: 4 }), text, fc.record({ text, list: fc.array(text) }))

describe('messages in frames', () => {
  test('any messages come back, in frames of any size, and no frame is larger or empty', () => {
    fc.assert(
      fc.property(fc.array(document, { maxLength: 8 }), fc.integer({ min: 1, max: 40 }), (messages, maxFrame) => {
        const frames = encodeMessages(messages, maxFrame)
        assert.ok(frames.every(({ length }) => length > 0 && length <= maxFrame))
        assert.deepEqual(decodeAll(frames), JSON.parse(JSON.stringify(messages)))
      }),
    )
  })

  test('it does not matter where the flow is cut', () => {
    fc.assert(
      fc.property(fc.array(document, { maxLength: 8 }), fc.array(fc.nat()), (messages, cuts) => {
        const flow = Buffer.concat(encodeMessages(messages))
        const places = [0, ...cuts.map((cut) => cut % (flow.length + 1)).sort((a, b) => a - b), flow.length]
        const pieces = places.slice(1).map((end, index) => flow.subarray(places[index], end))
        assert.deepEqual(decodeAll(pieces), JSON.parse(JSON.stringify(messages)))
      }),
    )
  })

  test('many small messages share one frame; a large one takes several', () => {
    const small = Array.from({ length: 1_000 }, (_, index) => ({ index }))
    assert.equal(encodeMessages(small).length, 1)
    const large = { module: 'x'.repeat(3 * 1024 * 1024) }
    const frames = encodeMessages([large, ...small])
    assert.equal(frames.length, 4)
    assert.deepEqual(decodeAll(frames), [large, ...small])
  })

  test('a batch may be larger than any single message', () => {
    const messages = Array.from({ length: 100 }, () => 'x'.repeat(100))
    assert.equal(decodeAll(encodeMessages(messages), anything, 110).length, 100)
  })

  test('no message, no frame', () => {
    assert.deepEqual(encodeMessages([]), [])
    assert.deepEqual(decodeAll([new Uint8Array(0)]), [])
  })
})

describe('what is not right', () => {
  test('a message beyond the bound, before it has arrived in full', () => {
    const decoder = createMessageDecoder(anything, 100)
    assert.deepEqual([...decoder.push(utf8(`"${'x'.repeat(90)}`))], [])
    assert.throws(() => [...decoder.push(utf8('x'.repeat(10)))], failsWith('PayloadTooLarge', /larger than 100 bytes/))
  })

  test('a message of exactly the bound is taken', () => {
    const frames = encodeMessages(['x'.repeat(98)])
    assert.equal(decodeAll(frames, anything, 100).length, 1)
    assert.throws(() => decodeAll(frames, anything, 99), failsWith('PayloadTooLarge', /99/))
  })

  test('no JSON, no line, no UTF-8', () => {
    for (const bytes of [utf8('{\n'), utf8('\n'), Uint8Array.of(0xff, 0xfe, 10), Uint8Array.of(0, 10)]) {
      assert.throws(() => decodeAll([bytes]), failsWith('BadRequest', /not valid JSON/))
    }
  })

  test('any bytes at all give messages or a typed error', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), (frames) => {
        try {
          decodeAll(frames, computeMessageSchema, 64)
        } catch (error) {
          assert.ok(isBacalhauError(error), String(error))
        }
      }),
    )
  })

  test('messages that are not of the vocabulary, named by what is wrong', () => {
    const parcel = { type: 'parcel', seq: 1, mark: 'm' }
    const decode = (schema: z.ZodType, message: unknown) => decodeAll(encodeMessages([message]), schema)
    assert.throws(
      () => decode(computeMessageSchema, { ...parcel, messages: [{ type: 'accepted', executionId: '' }] }),
      failsWith('BadRequest', /messages\[0\]\.executionId/),
    )
    assert.throws(
      () => decode(computeMessageSchema, { type: 'welcome', message: '' }),
      failsWith('BadRequest', /not understood/),
    )
    assert.throws(
      () => decode(orchestratorMessageSchema, { type: 'ack', seq: 1, more: 1 }),
      failsWith('BadRequest', /more/),
    )
    assert.throws(
      () => decode(computeMessageSchema, JSON.parse('['.repeat(2_000) + ']'.repeat(2_000))),
      failsWith('BadRequest', /nested deeper/),
    )
  })

  test('what came before the first wrong message counts', () => {
    const seen: unknown[] = []
    const decoder = createMessageDecoder(z.number())
    assert.throws(() => {
      for (const message of decoder.push(utf8('1\n2\n"three"\n4\n'))) seen.push(message)
    })
    assert.deepEqual(seen, [1, 2])
  })

  test('a message in a million pieces costs memory as it is large', () => {
    const decoder = createMessageDecoder(anything)
    const piece = utf8('x')
    assert.deepEqual([...decoder.push(utf8('"'))], [])
    for (let index = 0; index < 1_000_000; index++) for (const _ of decoder.push(piece)) assert.fail()
    assert.deepEqual([...decoder.push(utf8('"\n'))], ['x'.repeat(1_000_000)])
  })
})
