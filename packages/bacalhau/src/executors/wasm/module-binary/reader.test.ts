import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { ModuleError } from './module-error.ts'
import { createReader } from './reader.ts'
import { concat, name, u32 } from './writer.ts'

const reading = (...bytes: number[]) => createReader(Uint8Array.from(bytes))

describe('numbers', () => {
  test('are read as they were written (property)', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 2 ** 32 - 1 })), (values) => {
        const reader = createReader(concat(values.map(u32)))
        assert.deepEqual(
          values.map(() => reader.u32()),
          values,
        )
        assert.ok(reader.done())
      }),
    )
  })

  test('may be longer than needed, up to five bytes', () => {
    assert.equal(reading(0x85, 0x80, 0x80, 0x80, 0x00).u32(), 5)
    assert.equal(reading(0xff, 0xff, 0xff, 0xff, 0x0f).u32(), 2 ** 32 - 1)
  })

  test('that overflow or do not end are refused', () => {
    for (const bytes of [[0xff, 0xff, 0xff, 0xff, 0x1f], [0x80, 0x80, 0x80, 0x80, 0x80, 0x00], [0x80], []])
      assert.throws(() => reading(...bytes).u32(), ModuleError)
    assert.throws(() => reading(0x80, 0x80, 0x80).skipLeb(2), ModuleError)
  })
})

describe('bytes and names', () => {
  test('are never read beyond the end', () => {
    assert.throws(() => reading(1, 2).bytes(3), ModuleError)
    assert.throws(() => reading(1, 2).skip(2 ** 32 - 1), ModuleError)
    assert.throws(() => reading(5, 0x61).name(), ModuleError)
    assert.throws(() => createReader(Uint8Array.of(1, 2, 3), 1, 2).bytes(2), ModuleError)
  })

  test('names are UTF-8, and nothing is left out of them', () => {
    assert.equal(createReader(Uint8Array.from(name('\u{feff}ünï\0'))).name(), '\u{feff}ünï\0')
    assert.throws(() => reading(1, 0xff).name(), /name that is not UTF-8 at byte 2/)
  })

  test('positions count from the start of the module', () => {
    const reader = createReader(Uint8Array.of(9, 9, 0x82, 0x01, 7), 2)
    reader.u32()
    assert.equal(reader.position(), 4)
    assert.equal(reader.byte(), 7)
    assert.ok(reader.done())
  })
})
