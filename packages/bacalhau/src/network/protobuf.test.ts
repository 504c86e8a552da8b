import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { bytesField, readFields, varintField } from './protobuf.ts'
import { decodeVarint, encodeVarint } from './varint.ts'

const number = fc.nat(Number.MAX_SAFE_INTEGER)

describe('varints', () => {
  test('survive being written and read', () => {
    fc.assert(
      fc.property(number, fc.uint8Array(), (value, rest) => {
        const bytes = encodeVarint(value)
        assert.deepEqual(decodeVarint(Buffer.concat([bytes, rest])), { value, length: bytes.length })
      }),
    )
  })

  test('are those of the specification', () => {
    assert.deepEqual([...encodeVarint(0)], [0])
    assert.deepEqual([...encodeVarint(127)], [0x7f])
    assert.deepEqual([...encodeVarint(300)], [0xac, 0x02])
    assert.deepEqual([...encodeVarint(2 ** 35)], [0x80, 0x80, 0x80, 0x80, 0x80, 0x01])
  })

  test('that are cut off are not read', () => {
    assert.equal(decodeVarint(Uint8Array.of(0x80, 0x80)), undefined)
    assert.equal(decodeVarint(new Uint8Array()), undefined)
  })

  test('that never end are refused', () => {
    assert.throws(() => decodeVarint(new Uint8Array(11).fill(0xff)), { code: 'ContentInvalid' })
  })
})

describe('fields', () => {
  test('survive being written and read', () => {
    const field = fc.tuple(fc.integer({ min: 1, max: 1_000_000 }), fc.oneof(number, fc.uint8Array()))
    fc.assert(
      fc.property(fc.array(field), (fields) => {
        const message = fields.map(([number, value]) =>
          typeof value === 'number' ? varintField(number, value) : bytesField(number, value),
        )
        const read = Array.from(readFields(Buffer.concat(message)), ({ number, value }) => [
          number,
          typeof value === 'number' ? value : Uint8Array.from(value),
        ])
        assert.deepEqual(read, fields)
      }),
    )
  })

  test('of other wire types are passed over', () => {
    const message = Buffer.concat([
      Buffer.from([1 * 8 + 1, ...new Uint8Array(8)]),
      Buffer.from([2 * 8 + 5, ...new Uint8Array(4)]),
      varintField(3, 7),
    ])
    assert.deepEqual([...readFields(message)], [{ number: 3, wire: 'varint', value: 7 }])
  })

  for (const [why, bytes] of [
    ['a tag without a value', [0x08]],
    ['bytes beyond the end', [0x0a, 0x05, 0x01]],
    ['an enormous length', [0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]],
    ['a group', [0x0b]],
    ['a cut-off fixed field', [0x09, 0x00]],
  ] as const) {
    test(`refused: ${why}`, () => {
      assert.throws(() => [...readFields(Uint8Array.from(bytes))], { code: 'ContentInvalid' })
    })
  }

  test('of any bytes are read or refused, nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        try {
          for (const field of readFields(bytes)) assert.ok(field.number >= 0)
        } catch (error) {
          assert.equal(Object(error).code, 'ContentInvalid')
        }
      }),
    )
  })
})
