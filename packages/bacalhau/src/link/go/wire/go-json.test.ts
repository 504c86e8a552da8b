import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { z } from 'zod'
import { encodeGo, goFlag, goName, goObject, goText, goWhole } from './go-json.ts'

describe('writing', () => {
  const cases: [value: string, written: string][] = [
    ['<a href="x">&', '\\u003ca href=\\"x\\"\\u003e\\u0026'],
    ['\u2028\u2029', '\\u2028\\u2029'],
    ['\b\f\n\r\t\0\x1b', '\\u0008\\u000c\\n\\r\\t\\u0000\\u001b'],
    ['\\b \\\\f \\u0008', '\\\\b \\\\\\\\f \\\\u0008'],
    ['é😀', 'é😀'],
  ]
  for (const [value, written] of cases)
    test(JSON.stringify(value), () => assert.equal(encodeGo({ v: value }).toString(), `{"v":"${written}"}`))

  test('whatever is written reads back as it was, without what a page could take for markup', () => {
    const text = fc.string({
      unit: fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('\\', '<', '\b', '\u2028', '"')),
    })
    fc.assert(
      fc.property(fc.dictionary(text, fc.oneof(text, fc.array(text), fc.integer())), (value) => {
        const written = encodeGo(value).toString()
        assert.deepEqual(JSON.parse(written), JSON.parse(JSON.stringify(value)))
        assert.doesNotMatch(written, /[<>&\u2028\u2029]|(?<!\\)(?:\\\\)*\\[bf]/)
      }),
    )
  })

  test('fields keep their order, and what is not there is left out', () => {
    assert.equal(encodeGo({ b: 1, a: undefined, c: { z: null, y: [] } }).toString(), '{"b":1,"c":{"z":null,"y":[]}}')
  })
})

describe('reading', () => {
  const schema = goObject({
    Name: goName,
    Fine: goFlag,
    Count: goWhole,
    Inner: goObject({ Text: goText }),
    Any: z.unknown().optional(),
  })

  test('keys match in any case, the last spelling counts, and unknown ones are set aside', () => {
    const read = schema.parse({ NAME: 'a', name: 'b', fINE: true, inner: { TEXT: 't', more: 1 }, zzz: 1, __proto__: 1 })
    assert.deepEqual(read, { Name: 'b', Fine: true, Count: 0, Inner: { Text: 't' } })
  })

  test('what is missing or null is the zero value', () => {
    const zero = { Name: '', Fine: false, Count: 0, Inner: { Text: '' } }
    assert.deepEqual(schema.parse({}), zero)
    assert.deepEqual(schema.parse({ Name: null, Fine: null, Count: null, Inner: null, Any: null }), zero)
    assert.deepEqual(schema.parse({ Name: 'a', name: null }), { ...zero, Name: 'a' })
  })

  test('another type is refused, as Go refuses the whole message', () => {
    for (const wrong of [{ Name: 1 }, { Fine: 'true' }, { Count: 1.5 }, { Inner: [] }, { Inner: 'x' }])
      assert.equal(schema.safeParse(wrong).success, false, JSON.stringify(wrong))
    for (const wrong of [[], 'x', 1, true]) assert.equal(schema.safeParse(wrong).success, false)
  })

  test('whatever JSON comes, the answer is an object or problems, never an exception', () => {
    const keys = fc.constantFrom('Name', 'fine', 'COUNT', 'Inner', 'any', '__proto__', 'x')
    fc.assert(fc.property(fc.dictionary(keys, fc.jsonValue()), (value) => void schema.safeParse(value)))
  })
})
