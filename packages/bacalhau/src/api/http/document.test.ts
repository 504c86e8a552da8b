import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { LIMITS } from '../../runtime/limits.ts'
import { depthOf, isJsonType, parseJson } from './document.ts'

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
    ['far too deep', bytes('[{"a":'.repeat(1_000_000)), /deeper than 64/],
  ]
  for (const [name, body, message] of BAD) {
    test(`${name}: BadRequest`, () => assert.throws(() => parseJson(body), { code: 'BadRequest', message }))
  }

  test('may nest up to the limit', () => {
    parse('['.repeat(LIMITS.jsonDepth) + ']'.repeat(LIMITS.jsonDepth))
  })
})

describe('depth of JSON', () => {
  const depthOfValue = (value: unknown): number =>
    typeof value === 'object' && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depthOfValue)) : 0

  test('is that of the parsed value, whatever the strings hold', () => {
    const text = fc.array(fc.constantFrom('[', '{', '"', '\\', ']', '}', 'a', 'é')).map((letters) => letters.join(''))
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof({ maxDepth: 8 }, text, fc.array(tie('tree')), fc.dictionary(text, tie('tree'))),
    }))
    fc.assert(
      fc.property(tree, (value) => {
        assert.equal(depthOf(bytes(JSON.stringify(value)), 1_000), depthOfValue(value))
      }),
    )
  })

  test('is counted for any bytes', () => {
    fc.assert(fc.property(fc.uint8Array(), (body) => assert.ok(depthOf(body, 10) <= 11)))
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
