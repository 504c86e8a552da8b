import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { pageOf, shaped, text } from './shape.ts'

interface Thing {
  Name: string
  Size: number
  Parts: string[]
  Inner: object
}
const thing = shaped<Thing>({ Name: 'string', Size: 'number', Parts: 'array', Inner: 'object' })
const good = { Name: 'a', Size: 1, Parts: [], Inner: {} }
const bad = { name: 'ApiError', code: 'BadAnswer' }

describe('shape of an answer', () => {
  test('is checked where it matters, and free elsewhere', () => {
    assert.deepEqual(thing({ ...good, More: null }), { ...good, More: null })
  })

  test('names what is missing or of another kind', () => {
    for (const [name, value] of [
      ['Name', 5],
      ['Size', '1'],
      ['Parts', {}],
      ['Inner', []],
      ['Inner', null],
      ['Name', undefined],
    ] as const) {
      assert.throws(() => thing({ ...good, [name]: value }), { ...bad, message: new RegExp(name) })
    }
    for (const value of [undefined, null, [], 'text', 5]) assert.throws(() => thing(value), bad)
  })

  test('of pages takes null for nothing', () => {
    const page = pageOf(text)
    assert.deepEqual(page({ NextToken: 't', Items: ['a'] }), { NextToken: 't', Items: ['a'] })
    assert.deepEqual(page({ Items: null }), { NextToken: '', Items: [] })
    assert.deepEqual(page({}), { NextToken: '', Items: [] })
    for (const value of [{ Items: {} }, { Items: [1] }, [], null]) assert.throws(() => page(value), bad)
  })
})
