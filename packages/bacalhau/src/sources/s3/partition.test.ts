import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { datePattern } from './go-date.ts'
import { parsePartitioning, partitionSchema, partOf } from './partition.ts'
import { parsePattern } from './pattern.ts'

const keysBy = (params: object, ...rests: string[]) => {
  const keys = rests.map((rest) => ({ whole: `prefix/${rest}`, rest }))
  return parsePartitioning(partitionSchema.parse(params))?.(keys)
}

describe('what parts objects', () => {
  test('is FNV-1a, as published', () => {
    // From the reference vectors of the hash.
    for (const [text, hash] of [
      ['', 0x811c9dc5],
      ['a', 0xe40c292c],
      ['foobar', 0xbf9cf968],
    ] as const) {
      assert.equal(partOf(text, 2 ** 32), hash)
    }
    assert.equal(partOf(undefined, 7), 0)
  })

  test('is always one of the parts', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 1, max: 1_000_000 }), (key, count) => {
        const part = partOf(key, count)
        assert.ok(Number.isInteger(part) && part >= 0 && part < count)
      }),
    )
  })

  test('is the whole key, the groups of a pattern, some characters, or a date', () => {
    assert.deepEqual(keysBy({ Type: 'object' }, 'a'), ['prefix/a'])
    assert.deepEqual(keysBy({ Type: 'regex', Pattern: 'a.' }, 'xab', 'x'), ['ab', undefined])
    assert.deepEqual(keysBy({ Type: 'REGEX', Pattern: '(a)?(b)' }, 'ab', 'b'), ['a\u001Fb', 'b'])
    assert.deepEqual(keysBy({ Type: 'regex', Pattern: 'x*' }, 'b'), [undefined])
    assert.deepEqual(keysBy({ Type: 'substring', StartIndex: 1, EndIndex: 3 }, 'aä€b', 'ab'), ['ä€', undefined])
    assert.deepEqual(keysBy({ Type: 'date', DateFormat: '2006-01-02' }, '2024-02-29/x', '2023-02-29/x', 'x'), [
      '2024-02-29',
      undefined,
      undefined,
    ])
    assert.equal(keysBy({ Type: 'none' }, 'a'), undefined)
  })
})

describe('layouts of dates', () => {
  for (const [layout, good, bad] of [
    ['2006/01/02', '2024/12/31', '2024/12/32'],
    ['20060102T1504', '20240101T2359', '20240101T2460'],
    ['Jan 2006', 'Feb 2024', 'Fab 2024'],
    ['January.06', 'May.24', 'Mayx24'],
  ] as const) {
    test(`${layout} is ${good}`, () => {
      assert.equal(datePattern(layout)(good), true)
      assert.equal(datePattern(layout)(bad), false)
    })
  }

  test('need a part, and each once', () => {
    for (const layout of ['', 'day', '2006 2006']) assert.throws(() => datePattern(layout), { code: 'ValidationError' })
  })
})

describe('patterns', () => {
  test('may be written as for Go', () => {
    assert.deepEqual(parsePattern('(?i)(?P<x>A)').match(['ba', 'c']), [['a', 'a'], null])
    assert.deepEqual(parsePattern(String.raw`a\-b`).match(['a-b']), [['a-b']])
  })

  test('that never come to an end are stopped', () => {
    const pattern = parsePattern('^(a+)+$')
    assert.throws(() => pattern.match([`${'a'.repeat(40)}b`]), { code: 'InputFailed', message: /takes too long/ })
  })

  test('that are none are refused', () => {
    for (const text of ['(', '[', '(?', '*']) assert.throws(() => parsePattern(text), { code: 'ValidationError' })
  })
})
