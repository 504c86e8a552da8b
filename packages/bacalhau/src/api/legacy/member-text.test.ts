import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { memberText } from './member-text.ts'

describe('text of a member', () => {
  const KNOWN: readonly [json: string, text: string | undefined][] = [
    ['{"payload":{"a":1.0},"b":2}', '{"a":1.0}'],
    [' { "b" : [1,{"payload":9}] , "payload" : [ 1 , "}," ] } ', '[ 1 , "}," ]'],
    ['{"payload":"\\"payload\\":1"}', '"\\"payload\\":1"'],
    ['{"a":"payload","payload":null}', 'null'],
    ['{"pay\\u006coad":1e3}', '1e3'],
    ['{"a":{"payload":1}}', undefined],
    ['["payload",1]', undefined],
    ['{}', undefined],
    ['"payload"', undefined],
  ]
  for (const [json, text] of KNOWN) test(json, () => assert.equal(memberText(json, ['payload']), text))

  test('is what was written, whatever surrounds it', () => {
    const anyObject = fc.dictionary(fc.string(), fc.jsonValue()).map((value) => ({ ...value }))
    fc.assert(
      fc.property(anyObject, fc.jsonValue(), fc.constantFrom(0, 2), (others, value, indent) => {
        const document = { ...others, payload: value, signature: 'x' }
        const json = JSON.stringify(document, undefined, indent)
        assert.deepEqual(JSON.parse(memberText(json, ['payload']) ?? ''), JSON.parse(JSON.stringify(value)))
      }),
    )
  })
})
