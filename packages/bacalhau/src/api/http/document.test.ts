import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { LIMITS } from '../../runtime/limits.ts'
import { isJsonType, measure, parseJson } from './document.ts'

const bytes = (text: string) => Buffer.from(text)
const parse = (text: string) => parseJson(bytes(text))

describe('JSON bodies', () => {
  test('are what JSON.parse makes of them', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 20 }), (value) => {
        const text = JSON.stringify(value)
        assert.deepEqual(parse(text), JSON.parse(text))
      }),
    )
  })

  test('may begin with a byte order mark', () => assert.deepEqual(parse('\uFEFF{"a":1}'), { a: 1 }))

  const BAD: readonly [string, Uint8Array, RegExp][] = [
    ['nothing', bytes(''), /empty/],
    ['only space', bytes(' \n'), /empty/],
    ['a broken object', bytes('{"a":'), /not valid JSON/],
    ['two documents', bytes('{}{}'), /not valid JSON/],
    ['a form', bytes('a=1&b=2'), /not valid JSON/],
    ['an unfinished string', bytes('["\\'), /not valid JSON/],
    ['other bytes than UTF-8', Buffer.from([0x22, 0xff, 0x22]), /not UTF-8/],
    ['too deep', bytes('['.repeat(LIMITS.jsonDepth + 1) + ']'.repeat(LIMITS.jsonDepth + 1)), /deeper than 64/],
    ['a million small objects', bytes(`[${'{},'.repeat(1_000_000)}0]`), /more than 200000 values/],
    ['a million keys', bytes(`{${'"a":0,'.repeat(1_000_000)}"b":1}`), /more than 200000 values/],
    ['far too deep', bytes('[{"a":'.repeat(1_000_000)), /deeper than 64/],
  ]
  for (const [name, body, message] of BAD) {
    test(`${name}: BadRequest`, () => assert.throws(() => parseJson(body), { code: 'BadRequest', message }))
  }

  test('may hold values up to the limit', () => {
    assert.equal(
      Object(parse(`[${'0,'.repeat(LIMITS.jsonValues - 3)}"${','.repeat(100)}"]`)).length,
      LIMITS.jsonValues - 2,
    )
  })

  test('may nest up to the limit', () => {
    parse('['.repeat(LIMITS.jsonDepth) + ']'.repeat(LIMITS.jsonDepth))
  })
})

describe('the measure of JSON', () => {
  const isContainer = (value: unknown): value is object => typeof value === 'object' && value !== null
  const depthOf = (value: unknown): number =>
    isContainer(value) ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0
  const count = (value: unknown): number => {
    if (!isContainer(value)) return 1
    const children = Object.values(value)
    return children.length === 0 ? 2 : children.reduce((sum: number, child) => sum + count(child), 1)
  }

  test('is that of the parsed value, whatever the strings hold', () => {
    const text = fc
      .array(fc.constantFrom('[', '{', '"', '\\', ']', '}', ',', 'a', 'é'))
      .map((letters) => letters.join(''))
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof({ maxDepth: 8 }, text, fc.array(tie('tree')), fc.dictionary(text, tie('tree'))),
    }))
    fc.assert(
      fc.property(tree, (value) => {
        const { depth, values } = measure(bytes(JSON.stringify(value)))
        assert.deepEqual([depth, values], [depthOf(value), count(value)])
      }),
    )
  })

  test('is taken of any bytes', () => {
    fc.assert(fc.property(fc.uint8Array(), (body) => assert.ok(measure(body).depth <= body.length)))
  })
})

describe('content type', () => {
  test('of JSON', () => {
    for (const type of ['application/json', 'Application/JSON; charset=utf-8', 'application/merge-patch+json']) {
      assert.equal(isJsonType(type), true, type)
    }
    for (const type of [undefined, '', 'text/json', 'application/jsonp', 'application/x-www-form-urlencoded']) {
      assert.equal(isJsonType(type), false, String(type))
    }
  })
})
