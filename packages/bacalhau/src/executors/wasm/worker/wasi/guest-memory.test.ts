import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { RunEnded } from '../../failure.ts'
import { ERRNO, errnoOf } from './errno.ts'
import { createGuestMemory } from './guest-memory.ts'

const PAGE = 65_536
const errno = (action: () => unknown) => {
  try {
    action()
  } catch (error) {
    return errnoOf(error)
  }
  return 0
}

const newMemory = (pages = 1) => {
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages + 1 })
  return { memory, guest: createGuestMemory(() => memory) }
}

test('numbers are little-endian', () => {
  const { memory, guest } = newMemory()
  guest.setU64(8, 0x0102030405060708n)
  assert.deepEqual([...new Uint8Array(memory.buffer, 8, 8)], [8, 7, 6, 5, 4, 3, 2, 1])
  assert.equal(guest.getU64(8), 0x0102030405060708n)
  guest.setU32(0, 0xfffefdfc)
  assert.deepEqual([guest.getU8(0), guest.getU16(0), guest.getU32(0)], [0xfc, 0xfdfc, 0xfffefdfc])
})

test('nothing beyond the end is touched, whatever pointer and length say (property)', () => {
  const { guest } = newMemory()
  const number = fc.oneof(
    fc.nat(2 * PAGE),
    fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    fc.constantFrom(PAGE, PAGE - 1, 2 ** 32 - 1),
  )
  fc.assert(
    fc.property(number, number, (pointer, length) => {
      const inside = pointer + length <= PAGE
      assert.equal(
        errno(() => guest.bytes(pointer, length)),
        inside ? 0 : ERRNO.fault,
      )
      assert.equal(
        errno(() => guest.getU64(pointer)),
        pointer + 8 <= PAGE ? 0 : ERRNO.fault,
      )
      assert.equal(
        errno(() => guest.setU8(pointer, 1)),
        pointer < PAGE ? 0 : ERRNO.fault,
      )
    }),
  )
})

describe('lists of buffers', () => {
  test('are views of the memory itself', () => {
    const { guest } = newMemory()
    for (const [at, value] of [
      [0, 100],
      [4, 3],
      [8, 200],
      [12, 2],
    ] as const)
      guest.setU32(at, value)
    const [first, second] = guest.vectors(0, 2)
    first?.fill(7)
    assert.deepEqual([guest.getU8(100), guest.getU8(102), guest.getU8(103), second?.length], [7, 7, 0, 2])
  })

  test('with one bad buffer among them are refused', () => {
    const { guest } = newMemory()
    for (const [at, value] of [
      [0, 100],
      [4, 3],
      [8, PAGE],
      [12, 1],
    ] as const)
      guest.setU32(at, value)
    assert.equal(
      errno(() => guest.vectors(0, 2)),
      ERRNO.fault,
    )
    assert.equal(
      errno(() => guest.vectors(PAGE - 8, 2)),
      ERRNO.fault,
    )
    assert.equal(
      errno(() => guest.vectors(0, 1_025)),
      ERRNO.inval,
    )
    assert.deepEqual(guest.vectors(PAGE, 0), [])
  })
})

test('text is UTF-8 or nothing', () => {
  const { guest } = newMemory()
  guest.bytes(0, 5).set([0xef, 0xbb, 0xbf, 0xc3, 0xbc])
  assert.equal(guest.text(0, 5), '\u{feff}ü')
  assert.equal(
    errno(() => guest.text(0, 4)),
    ERRNO.ilseq,
  )
})

test('memory that has grown meanwhile is seen whole', () => {
  const { guest } = newMemory()
  assert.equal(
    errno(() => guest.getU8(PAGE)),
    ERRNO.fault,
  )
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 2 })
  const grown = createGuestMemory(() => memory)
  grown.setU8(0, 9)
  const grow = (memory as unknown as { grow(pages: number): number }).grow.bind(memory)
  grow(1)
  assert.equal(grown.getU8(0), 9)
  grown.setU8(2 * PAGE - 1, 1)
  assert.equal(
    errno(() => grown.setU8(2 * PAGE, 1)),
    ERRNO.fault,
  )
})

test('a module without memory cannot make calls that need one', () => {
  assert.throws(() => createGuestMemory(() => undefined).getU8(0), RunEnded)
})
