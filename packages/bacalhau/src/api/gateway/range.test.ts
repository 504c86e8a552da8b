import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { parseRange } from './range.ts'

const part = (start: number, end: number) => ({ kind: 'part', start, end })
const whole = { kind: 'whole' }
const unsatisfiable = { kind: 'unsatisfiable' }

describe('Range', () => {
  const TABLE: readonly [header: string | undefined, size: number, expected: object][] = [
    [undefined, 10, whole],
    ['bytes=0-0', 10, part(0, 0)],
    ['bytes=2-5', 10, part(2, 5)],
    ['bytes=2-', 10, part(2, 9)],
    ['bytes=2-99', 10, part(2, 9)],
    ['bytes=-3', 10, part(7, 9)],
    ['bytes=-30', 10, part(0, 9)],
    ['Bytes= 2-5 ', 10, part(2, 5)],
    ['bytes=10-', 10, unsatisfiable],
    ['bytes=10-20', 10, unsatisfiable],
    ['bytes=-0', 10, unsatisfiable],
    ['bytes=0-', 0, unsatisfiable],
    ['bytes=-5', 0, unsatisfiable],
    ['bytes=5-2', 10, whole],
    ['bytes=-', 10, whole],
    ['bytes=0-1,3-4', 10, whole],
    ['bytes=a-b', 10, whole],
    ['bytes=0-1x', 10, whole],
    ['lines=0-1', 10, whole],
    ['bytes=0x1-2', 10, whole],
    [`bytes=0-${'9'.repeat(40)}`, 10, whole],
  ]
  for (const [header, size, expected] of TABLE) {
    test(`${header} of ${size} bytes`, () => assert.deepEqual(parseRange(header, size), expected))
  }

  test('whatever the header, a part lies within the file', () => {
    const headers = fc.oneof(
      fc.string(),
      fc.tuple(fc.option(fc.nat()), fc.option(fc.nat())).map(([a, b]) => `bytes=${a ?? ''}-${b ?? ''}`),
    )
    fc.assert(
      fc.property(headers, fc.nat(), (header, size) => {
        const range = parseRange(header, size)
        if (range.kind !== 'part') return
        assert.ok(range.start >= 0 && range.start <= range.end && range.end < size)
      }),
    )
  })

  test('gives exactly the bytes that were asked for', () => {
    fc.assert(
      fc.property(fc.nat({ max: 1_000 }), fc.nat({ max: 1_000 }), fc.nat({ max: 1_000 }), (first, count, more) => {
        const size = first + count + 1 + more
        assert.deepEqual(parseRange(`bytes=${first}-${first + count}`, size), part(first, first + count))
        assert.deepEqual(parseRange(`bytes=-${count + 1}`, size), part(size - count - 1, size - 1))
      }),
    )
  })
})
