import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readQuery } from './query.ts'

const bad = (message: RegExp) => ({ code: 'BadRequest', message })

describe('query', () => {
  test('empty and absent are the same', () => {
    const query = readQuery({ limit: '', reverse: '', name: '', kind: '' })
    assert.equal(query.count('limit'), 0)
    assert.equal(query.flag('reverse'), false)
    assert.equal(query.text('name'), undefined)
    assert.equal(query.word('kind', ['a']), undefined)
    assert.equal(query.count('missing'), 0)
    assert.equal(query.has('name'), true)
    assert.equal(query.has('missing'), false)
  })

  test('flags are read as Go does', () => {
    for (const value of ['true', 'True', 'TRUE', 't', '1']) assert.equal(readQuery({ f: value }).flag('f'), true, value)
    for (const value of ['false', 'False', 'F', '0']) assert.equal(readQuery({ f: value }).flag('f'), false, value)
    assert.throws(() => readQuery({ f: 'yes' }).flag('f'), bad(/'f' must be true or false/))
  })

  test('numbers are whole and bounded', () => {
    assert.equal(readQuery({ n: '4294967295' }).count('n'), 4_294_967_295)
    for (const value of ['-1', '1.5', '1e3', '0x10', ' 1', '4294967296', '9'.repeat(30), 'NaN']) {
      assert.throws(() => readQuery({ n: value }).count('n'), bad(/'n' must be a whole number/), value)
    }
    assert.throws(() => readQuery({ n: '61' }).count('n', 60), bad(/from 0 to 60/))
  })

  test('words are known, whatever their case', () => {
    assert.equal(readQuery({ w: 'JOB' }).word('w', ['all', 'job']), 'job')
    assert.throws(() => readQuery({ w: 'jobs' }).word('w', ['all', 'job']), bad(/must be one of all, job/))
  })

  test('what is given twice is refused', () => {
    assert.throws(() => readQuery({ n: ['1', '2'] }).text('n'), bad(/more than once/))
  })

  test('long values are refused', () => {
    assert.throws(() => readQuery({ n: 'x'.repeat(256) }).text('n', 255), bad(/longer than 255/))
  })

  test('takes nothing for an empty query', () => {
    assert.equal(readQuery(undefined).text('a'), undefined)
    assert.equal(readQuery(null).has('a'), false)
    assert.equal(readQuery({}).text('constructor'), undefined)
  })
})
