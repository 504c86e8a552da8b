import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { nearest } from './nearest.ts'

const FIELDS = ['Name', 'Namespace', 'Type', 'Priority', 'Count', 'Constraints', 'Meta', 'Labels', 'Tasks']

describe('nearest', () => {
  test('finds the word behind a slip', () => {
    const slips = {
      Tsks: 'Tasks',
      taks: 'Tasks',
      Taskss: 'Tasks',
      Tyep: 'Type',
      Nmae: 'Name',
      Contraints: 'Constraints',
      Prioritie: 'Priority',
      'name-space': 'Namespace',
    }
    for (const [slip, word] of Object.entries(slips)) assert.equal(nearest(slip, FIELDS), word, slip)
  })

  test('stays silent where nothing is close', () => {
    for (const word of ['', 'x', 'Engine', 'foo', 'Nope', '日本語', 'a'.repeat(65)]) {
      assert.equal(nearest(word, FIELDS), undefined, word)
    }
    assert.equal(nearest('Tasks', []), undefined)
  })

  test('one letter is never corrected into another', () => assert.equal(nearest('>', ['=', '!', 'in']), undefined))

  test('of several, the closest wins, and of equals the first', () => {
    assert.equal(nearest('Names', ['Namespace', 'Name']), 'Name')
    assert.equal(nearest('bat', ['cat', 'rat']), 'cat')
  })

  test('a word of the list is found in any case', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.stringMatching(/^[a-z]{1,12}$/), { minLength: 1 }), fc.nat(), (words, pick) => {
        const word = words[pick % words.length] ?? ''
        assert.equal(nearest(word.toUpperCase(), words), word)
      }),
    )
  })

  test('the answer is always one of the list, whatever is asked', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.array(fc.string()), (word, list) => {
        const found = nearest(word, list)
        assert.ok(found === undefined || list.includes(found))
      }),
    )
  })
})
