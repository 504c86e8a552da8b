import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { parseTarHeader, recordsIn, TAR_BLOCK } from './tar-fields.ts'
import { tarHeader } from './tar-header.ts'

/** The header of a file of 5 bytes, changed at some place, with a sum that is right again. */
function changed(change: (block: Buffer) => void): Buffer {
  const block = Buffer.from(tarHeader({ name: 'name', type: 'file', size: 5 }))
  change(block)
  block.fill(' ', 148, 156)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}

describe('a header of a tar archive', () => {
  test('says what it was written with', () => {
    assert.deepEqual(parseTarHeader(changed(() => undefined)), { path: 'name', type: 'file', link: '', size: 5 })
  })

  test('may have a size in binary, a prefix, or be of the time before ustar', () => {
    const binary = changed(
      (block) => block.fill(0, 124, 136).writeUInt8(0x80, 124) && block.writeUInt32BE(2 ** 31, 132),
    )
    assert.equal(parseTarHeader(binary).size, 2 ** 31)
    const prefixed = changed((block) => block.write('some/folder', 345))
    assert.equal(parseTarHeader(prefixed).path, 'some/folder/name')
    const old = changed((block) => block.fill(0, 257, 265) && block.write('folder/', 0))
    assert.deepEqual([parseTarHeader(old).type, parseTarHeader(old).size], ['folder', 0])
  })

  test('is refused where it is damaged', () => {
    const block = changed(() => undefined)
    block[0] = 0x7a
    assert.throws(() => parseTarHeader(block), /damaged/)
    assert.throws(() => parseTarHeader(changed((bytes) => bytes.write('9x', 124))), /a number that is none/)
    assert.throws(() => parseTarHeader(changed((bytes) => bytes.fill(0xff, 124, 136))), /size that cannot be/)
  })

  test('of any bytes is read or refused, and so is what goes before it', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: TAR_BLOCK, maxLength: TAR_BLOCK }), (bytes) => {
        for (const read of [() => parseTarHeader(bytes), () => recordsIn(bytes)]) {
          try {
            read()
          } catch (error) {
            assert.ok(error instanceof Error && /header/.test(error.message), String(error))
          }
        }
      }),
    )
  })

  test('is preceded by records that count their own length in bytes', () => {
    assert.deepEqual(recordsIn(Buffer.from('11 path=ä\n')), { path: 'ä' })
    assert.deepEqual(recordsIn(Buffer.from('10 size=7\n13 mtime=123\n14 linkpath=b\n').subarray(0, 10)), { size: 7 })
    for (const text of ['5 path=a\n', '99 path=a\n', 'path=a\n', '10 path=ab']) {
      assert.throws(() => recordsIn(Buffer.from(text)), /damaged/, text)
    }
  })
})
