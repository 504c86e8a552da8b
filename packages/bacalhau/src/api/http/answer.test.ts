import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { encodeJson } from './answer.ts'

describe('JSON answers', () => {
  test('say the same as JSON.stringify, without a trace of HTML, in one line', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.boolean(), (value, pretty) => {
        const text = encodeJson(value, { pretty })
        assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify(value)))
        assert.doesNotMatch(text, /[<>&\u2028\u2029]/)
        assert.ok(text.endsWith('\n'))
      }),
    )
  })

  test('are byte for byte those of the documented API', () => {
    assert.equal(encodeJson({ a: '<b>&</b>\u2028' }), '{"a":"\\u003cb\\u003e\\u0026\\u003c/b\\u003e\\u2028"}\n')
    assert.equal(encodeJson({ Items: [] }, { pretty: true }), '{\n  "Items": []\n}\n')
    assert.equal(encodeJson({ URL: 'http://a/?b=1&c' }, { plain: true }), '{"URL":"http://a/?b=1&c"}\n')
  })
})
