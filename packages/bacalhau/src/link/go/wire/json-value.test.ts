import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { ByteStream } from '../../../network/byte-stream.ts'
import { isBacalhauError } from '../../../runtime/error.ts'
import { allRecordings, textOf } from '../fixtures/recordings.ts'
import { createRoom, createValueDecoder, readValue, readValues } from './json-value.ts'

/** Cuts `bytes` at the given places, each a fraction of the length. */
function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const at = [0, ...places.map((place) => Math.floor(place * bytes.length)).toSorted((a, b) => a - b), bytes.length]
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end))
}

const decode = (chunks: readonly Uint8Array[], most?: number) => {
  const decoder = createValueDecoder(most)
  const values = chunks.flatMap((chunk) => [...decoder.push(chunk)])
  return { values, partial: decoder.partial }
}

const places = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 20 })
const object = fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue())
const space = fc.constantFrom('', '\n', ' \r\n\t')

/** A stream that hands out `chunks` and then ends, or stays open. */
function streamOf(chunks: readonly Uint8Array[], ends: boolean): ByteStream {
  return {
    remotePeer: 'p',
    remoteAddress: '/ip4/127.0.0.1',
    send: () => Promise.resolve(),
    async *receive() {
      yield* chunks
      if (!ends) await new Promise(() => undefined)
    },
    close: () => Promise.resolve(),
    abort: () => undefined,
  }
}
const bytes = (text: string) => Buffer.from(text)
const code = (code: string) => (error: unknown) => isBacalhauError(error) && error.code === code

describe('values of a stream', () => {
  test('come out as they were, wherever the chunks are cut', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(object, space), { maxLength: 5 }), places, (written, at) => {
        const text = written.map(([value, between]) => JSON.stringify(value) + between).join('')
        const { values, partial } = decode(cut(bytes(text), at))
        assert.deepEqual(
          values,
          written.map(([value]) => JSON.parse(JSON.stringify(value))),
        )
        assert.equal(partial, false)
      }),
    )
  })

  test('every recorded message is one value, also byte by byte', () => {
    for (const { messages } of allRecordings()) {
      for (const message of messages) {
        const text = bytes(textOf(message))
        assert.deepEqual(decode(Array.from(text, (byte) => Uint8Array.of(byte))).values, [JSON.parse(text.toString())])
      }
    }
  })

  test('a value that is cut off is not there, and leaves the decoder within it', () => {
    fc.assert(
      fc.property(object, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (value, part) => {
        const whole = bytes(JSON.stringify(value))
        const sent = whole.subarray(0, Math.max(1, Math.floor(part * whole.length)))
        if (sent.length < whole.length) assert.deepEqual(decode([sent]), { values: [], partial: true })
      }),
    )
  })

  test('whatever bytes come, the answer is values or an error of ours', () => {
    const noise = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc
        .string({ unit: fc.constantFrom('{', '}', '[', ']', '"', '\\', ',', ':', '1', ' ', 'é') })
        .map((text) => bytes(`{${text}`)),
    )
    fc.assert(
      fc.property(noise, places, (garbage, at) => {
        try {
          decode(cut(garbage, at))
        } catch (error) {
          assert.ok(isBacalhauError(error), String(error))
        }
      }),
      { numRuns: 500 },
    )
  })
})

describe('bounds', () => {
  test('a value that is too long is refused before it is whole, however it comes', () => {
    const endless = bytes(`{"a":"${'x'.repeat(50)}`)
    assert.throws(() => decode([endless, endless], 100), code('PayloadTooLarge'))
    assert.throws(() => decode([bytes(`{"a":"${'x'.repeat(200)}"}`)], 100), code('PayloadTooLarge'))
    assert.equal(decode([bytes('{"a":"x"}'.repeat(100))], 9).values.length, 100, 'each value counts by itself')
  })

  test('nesting and the number of values are bounded before anything is parsed', () => {
    assert.throws(() => decode([bytes('{"a":' + '['.repeat(10_000))]), /nested deeper than 64 levels/)
    assert.throws(() => decode([bytes('{"a":[' + '1,'.repeat(300_000))]), /holds more than 200000 values/)
    assert.deepEqual(decode([bytes('{"a":"[[[[,,,,"}')]).values, [{ a: '[[[[,,,,' }])
  })

  test('something other than an object is refused at its first byte', () => {
    for (const text of ['[', '1', '"', 'null', '\0', '}'])
      assert.throws(() => decode([bytes(text)]), code('BadRequest'))
  })

  test('what counts as under way is given back, whatever becomes of it', async () => {
    const room = createRoom(20)
    assert.deepEqual(await readValue(streamOf([bytes('{"a":'), bytes('1}')], false), { room }), { a: 1 })
    await assert.rejects(readValue(streamOf([bytes('{"a":]}')], true), { room }), code('BadRequest'))
    await assert.rejects(
      readValue(streamOf([bytes(`{"a":"${'x'.repeat(30)}`)], true), { room }),
      code('TooManyRequests'),
    )
    room.take(20)
    assert.throws(() => room.take(1), code('TooManyRequests'))
  })
})

describe('reading', () => {
  test('a value is there although the stream goes on', async () => {
    assert.deepEqual(await readValue(streamOf([bytes('{"a":1}{"b"')], false)), { a: 1 })
  })

  test('values end with the stream; one that is cut off is an error', async () => {
    const values: unknown[] = []
    for await (const value of readValues(streamOf([bytes('{}\n{"a"'), bytes(':2}\n')], true))) values.push(value)
    assert.deepEqual(values, [{}, { a: 2 }])
    await assert.rejects(readValue(streamOf([], true)), /without a message/)
    await assert.rejects(readValue(streamOf([bytes('{"a"')], true)), /in the middle of a message/)
  })

  test('nobody waits longer than its signal', async () => {
    const abort = new AbortController()
    const reading = readValue(streamOf([bytes('{')], false), { signal: abort.signal })
    abort.abort(new Error('late'))
    await assert.rejects(reading, /late/)
  })
})
