import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { z } from 'zod'
import {
  checkQuery,
  queryCount,
  queryFlag,
  queryNeeded,
  queryNumber,
  queryPresence,
  queryText,
  queryTexts,
  queryWord,
} from './query.ts'

const bad = (message: RegExp) => ({ code: 'BadRequest', message })
/** What a single parameter is read as. */
const read = (schema: z.ZodType, value: unknown) => checkQuery({ p: value }, z.object({ p: schema }))['p']

describe('query', () => {
  test('empty and absent are the same', () => {
    const schema = z.object({ limit: queryCount(), on: queryFlag(), name: queryText(), kind: queryWord(['a']) })
    const nothing = { limit: undefined, on: false, name: undefined, kind: undefined }
    assert.deepEqual({ ...nothing, ...checkQuery({ limit: '', on: '', name: '', kind: '' }, schema) }, nothing)
    for (const none of [undefined, null, {}]) assert.deepEqual({ ...nothing, ...checkQuery(none, schema) }, nothing)
  })

  test('flags are read as Go does', () => {
    for (const value of ['true', 'True', 'TRUE', 't', '1']) assert.equal(read(queryFlag(), value), true, value)
    for (const value of ['false', 'False', 'F', '0']) assert.equal(read(queryFlag(), value), false, value)
    for (const value of ['yes', 'tRUE', ' true', '2']) {
      assert.throws(() => read(queryFlag(), value), bad(/query parameter 'p' must be true or false/), value)
    }
  })

  test('numbers are whole and bounded', () => {
    assert.equal(read(queryCount(), '4294967295'), 4_294_967_295)
    for (const value of ['-1', '1.5', '1e3', '0x10', ' 1', '4294967296', '9'.repeat(30), 'NaN']) {
      assert.throws(() => read(queryCount(), value), bad(/'p' must be a whole number/), value)
    }
    assert.throws(() => read(queryCount(60), '61'), bad(/from 0 to 60/))
    assert.equal(read(queryNumber(), '18446744073709551615'), Number.MAX_SAFE_INTEGER)
    assert.equal(read(queryNumber(), '9'.repeat(400)), Number.MAX_SAFE_INTEGER)
    assert.throws(() => read(queryNumber(), '-1'), bad(/from 0 on/))
  })

  test('words are known, whatever their case', () => {
    assert.equal(read(queryWord(['all', 'job']), 'JOB'), 'job')
    assert.throws(() => read(queryWord(['all', 'job']), 'jobs'), bad(/must be one of all, job/))
  })

  test('what is given twice is refused, but where it may be', () => {
    assert.throws(() => read(queryText(), ['1', '2']), bad(/more than once/))
    assert.deepEqual(read(queryTexts(), ['1', '', '2']), ['1', '2'])
    assert.deepEqual([read(queryTexts(), '1'), read(queryTexts(), undefined)], [['1'], []])
  })

  test('long values are refused', () => {
    assert.throws(() => read(queryText(255), 'x'.repeat(256)), bad(/longer than 255/))
    assert.throws(() => read(queryTexts(255), ['a', 'x'.repeat(256)]), bad(/longer than 255/))
  })

  test('some cannot be left out', () => {
    assert.equal(read(queryNeeded('a name'), 'x'), 'x')
    for (const nothing of ['', undefined]) {
      assert.throws(() => read(queryNeeded('a name'), nothing), bad(/'p' is missing: a name/))
    }
    assert.throws(() => checkQuery({}, z.object({ q: queryNeeded('a name') })), bad(/'q' is missing: a name/))
    assert.throws(() => read(queryNeeded('a name', 3), 'long'), bad(/longer than 3/))
    assert.throws(() => read(queryNeeded('a name'), ['a', 'b']), bad(/more than once/))
    assert.deepEqual(z.toJSONSchema(z.object({ q: queryNeeded('a') }), { io: 'input' }).required, ['q'])
  })

  test('of some parameters only the presence counts', () => {
    assert.deepEqual([read(queryPresence(), ''), read(queryPresence(), undefined)], [true, false])
  })

  test('unknown parameters are ignored', () => {
    assert.deepEqual(checkQuery({ b: '1' }, z.object({})), {})
    assert.deepEqual(checkQuery({ b: '1' }, undefined), {})
  })

  test('a schema documents what it accepts', () => {
    const schema = z.object({ limit: queryCount(10), kind: queryWord(['a']), labels: queryTexts(5), on: queryFlag() })
    const document = z.toJSONSchema(schema, { io: 'input' })
    const empty = { type: 'string', maxLength: 0 }
    assert.equal(document.required, undefined)
    assert.deepEqual(document.properties?.['limit'], { anyOf: [{ type: 'integer', minimum: 0, maximum: 10 }, empty] })
    assert.deepEqual(document.properties?.['kind'], { anyOf: [{ type: 'string', enum: ['a'] }, empty] })
    assert.deepEqual(document.properties?.['labels'], { type: 'array', items: { type: 'string', maxLength: 5 } })
    assert.deepEqual(Object.keys(document.properties?.['on'] ?? {}), ['anyOf'])
  })
})
