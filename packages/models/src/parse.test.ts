import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { z } from 'zod'
import { accepted, refused } from '../test/samples.ts'
import { MAX_DEPTH, MAX_VALUES } from './document-size.ts'
import { parseDocument, parseRecord } from './parse.ts'
import { absent, filled, labels, text, word } from './spec-fields.ts'

/** Every construct that the schemas of this package use. */
const leafSchema = z.strictObject({ Deep: text(8).optional(), Count: z.int().min(0).max(9).default(1) })
const schema = z.strictObject({
  Name: filled(8, 'missing name'),
  Kind: word(['Batch', 'Service'], absent('missing kind')).default('Batch'),
  Flag: z.boolean().optional(),
  Labels: labels.default({}),
  Params: z.record(z.string(), z.unknown()).optional(),
  Leaves: z.array(leafSchema).max(3).default([]),
  Inner: z.strictObject({ Leaf: leafSchema.default({ Count: 7 }) }).optional(),
})
const parse = (input: unknown) => parseDocument(schema, input)

/** The same document with the letter case of every key that the schema knows changed. */
function recase(value: unknown, change: (key: string) => string): unknown {
  if (Array.isArray(value)) return value.map((item) => recase(item, change))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [change(key), key === 'Params' ? item : recase(item, change)]),
  )
}

const full = {
  Name: 'a',
  Kind: 'Service',
  Flag: true,
  Params: { Image: 'x', nested: { Deep: null } },
  Leaves: [{ Deep: 'b', Count: 2 }, { Count: 0 }],
  Inner: { Leaf: { Deep: 'c', Count: 3 } },
}

describe('letter case', () => {
  test('keys match in lower, upper and mixed case at every depth', () => {
    const expected = { ...full, Labels: {} }
    for (const change of [
      (key: string) => key,
      (key: string) => key.toLowerCase(),
      (key: string) => key.toUpperCase(),
      (key: string) => key.replace(/^./, (first) => first.toLowerCase()),
    ]) {
      assert.deepEqual(accepted(parse(recase(full, change))), expected)
    }
  })

  test('words match in any case, and are spelled as the schema spells them', () => {
    assert.equal(accepted(parse({ Name: 'a', Kind: ' sErViCe ' })).Kind, 'Service')
  })

  test("a user's own names and what nobody looks into keep their case", () => {
    const document = { name: 'a', labels: { TeAm: 'X', name: 'y' }, params: { Image: 'A', image: 'B', x: null } }
    const { Labels, Params } = accepted(parse(document))
    assert.deepEqual([Labels, Params], [document.labels, document.params])
  })

  test('a field in two spellings is refused, wherever it is', () => {
    assert.deepEqual(refused(parse({ Name: 'a', name: 'b' })), ["'name' repeats 'Name'"])
    assert.deepEqual(refused(parse({ Name: 'a', Leaves: [{}, { count: 1, COUNT: 1 }] })), [
      "Leaves[1]: 'COUNT' repeats 'count'",
    ])
  })
})

describe('null', () => {
  test('means absent for fields and labels', () => {
    const document = {
      Name: 'a',
      Kind: null,
      Flag: null,
      Labels: { a: null, b: 'c' },
      Leaves: null,
      Inner: { leaf: null },
    }
    assert.deepEqual(accepted(parse(document)), {
      Name: 'a',
      Kind: 'Batch',
      Labels: { b: 'c' },
      Leaves: [],
      Inner: { Leaf: { Count: 7 } },
    })
    assert.deepEqual(refused(parse({ Name: null })), ['Name: missing name'])
  })

  test('is no item and no document', () => {
    assert.deepEqual(refused(parse({ Name: 'a', Leaves: [null] })), ['Leaves[0]: expected an object, got null'])
    assert.deepEqual(refused(parse(null)), ['expected an object, got null'])
    assert.deepEqual(refused(parse(undefined)), ['missing'])
  })
})

describe('unknown fields', () => {
  test('are named with the field they were probably meant to be, at their path', () => {
    const document = { Nmae: 'a', Name: 'b', Leaves: [{}, { Cuont: 1 }], Inner: { Leaf: { Deeep: 1, zzz: 2 } }, Foo: 1 }
    assert.deepEqual(refused(parse(document)), [
      "Leaves[1]: unknown field 'Cuont' (did you mean 'Count'?)",
      "Inner.Leaf: unknown field 'Deeep' (did you mean 'Deep'?), unknown field 'zzz'",
      "unknown field 'Nmae' (did you mean 'Name'?), unknown field 'Foo'",
    ])
  })

  test('in great number are counted, not listed', () => {
    const many = Object.fromEntries(Array.from({ length: 50_000 }, (_, index) => [`field-${index}`, 1]))
    const [message, ...others] = refused(parse({ Name: 'a', ...many }))
    assert.deepEqual(others, [])
    assert.match(message ?? '', /^unknown field 'field-0', .*, and 49995 more$/)
  })

  test('with long names are cut', () => {
    const [message] = refused(parse({ Name: 'a', ['x'.repeat(1_000_000)]: 1 }))
    assert.equal(message, `unknown field '${'x'.repeat(64)}…'`)
  })

  test('of the kind that changes prototypes are harmless', () => {
    for (const key of ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty']) {
      const at = (place: string) => JSON.parse(place.replace('KEY', key)) as unknown
      assert.deepEqual(refused(parse(at('{"Name":"a","KEY":{"polluted":1}}'))), [`unknown field '${key}'`])
      assert.deepEqual(refused(parse(at('{"Name":"a","Inner":{"Leaf":{"KEY":1}}}'))), [
        `Inner.Leaf: unknown field '${key}'`,
      ])
      const { Labels, Params } = accepted(
        parse(at('{"Name":"a","Labels":{"KEY":"b"},"Params":{"x":{"KEY":{"polluted":1}}}}')),
      )
      assert.equal(Object.getPrototypeOf(Labels), Object.prototype)
      assert.equal(Object.getPrototypeOf(Params), Object.prototype)
    }
    assert.equal('polluted' in {}, false)
  })
})

describe('messages', () => {
  const manyLabels = Object.fromEntries(Array.from({ length: 1_001 }, (_, index) => [`k${index}`, index]))
  const cases: [document: unknown, problem: string][] = [
    [{}, 'Name: missing name'],
    [{ Name: '  ' }, 'Name: missing name'],
    [{ Name: 5 }, 'Name: expected text, got a number'],
    [{ Name: 'too long for it' }, 'Name: longer than 8 characters'],
    [{ Name: 'a', Flag: 'yes' }, 'Flag: expected true or false, got text'],
    [{ Name: 'a', Kind: 'batsh' }, "Kind: 'batsh' is not one of Batch, Service (did you mean 'Batch'?)"],
    [{ Name: 'a', Kind: 'x'.repeat(99) }, `Kind: '${'x'.repeat(64)}…' is not one of Batch, Service`],
    [{ Name: 'a', Kind: 1 }, "Kind: '1' is not one of Batch, Service"],
    [{ Name: 'a', Kind: {} }, 'Kind: expected one of Batch, Service, got an object'],
    [{ Name: 'a', Kind: '' }, 'Kind: missing kind'],
    [{ Name: 'a', Leaves: {} }, 'Leaves: expected a list, got an object'],
    [{ Name: 'a', Leaves: [{}, {}, {}, {}] }, 'Leaves: more than 3 items'],
    [{ Name: 'a', Leaves: [{ Count: 1.5 }] }, 'Leaves[0].Count: expected a whole number, got 1.5'],
    [{ Name: 'a', Leaves: [{ Count: '1' }] }, 'Leaves[0].Count: expected a number, got text'],
    [{ Name: 'a', Leaves: [{ Count: 10 }] }, 'Leaves[0].Count: must be <= 9'],
    [{ Name: 'a', Leaves: [{ Count: -1 }] }, 'Leaves[0].Count: must be >= 0'],
    [{ Name: 'a', Leaves: [{ Count: Infinity }] }, 'Leaves[0].Count: expected a number, got Infinity'],
    [{ Name: 'a', Labels: [] }, 'Labels: expected an object, got a list'],
    [{ Name: 'a', Labels: 'b' }, 'Labels: expected an object, got text'],
    [{ Name: 'a', Labels: manyLabels }, 'Labels: more than 1000 entries'],
    [{ Name: 'a', Labels: { b: true } }, 'Labels.b: expected text, got true'],
    [
      { Name: 'a', Labels: { ['k'.repeat(300)]: '' } },
      `Labels.${'k'.repeat(64)}…: the name is longer than 256 characters`,
    ],
    [[], 'expected an object, got a list'],
    ['job', 'expected an object, got text'],
  ]
  for (const [document, problem] of cases) test(problem, () => assert.deepEqual(refused(parse(document)), [problem]))

  test('an unknown kind of message names the known ones', () => {
    const kinds = ['hello', 'heartbeat'] as const
    const union = z.discriminatedUnion('type', [
      z.strictObject({ type: z.literal(kinds[0]) }),
      z.strictObject({ type: z.literal(kinds[1]) }),
    ])
    assert.deepEqual(refused(parseRecord(union, { type: 'helo' })), [
      "type: 'helo' is not one of hello, heartbeat (did you mean 'hello'?)",
    ])
    assert.deepEqual(refused(parseRecord(union, {})), ['type: missing'])
    assert.deepEqual(refused(parseRecord(union, 5)), ['expected an object, got a number'])
  })
})

describe('size', () => {
  const nested = (levels: number) => JSON.parse('['.repeat(levels) + ']'.repeat(levels)) as unknown

  test('depth is capped, also where no schema looks', () => {
    assert.equal(parse({ Name: 'a', Params: { x: nested(MAX_DEPTH - 2) } }).ok, true)
    for (const levels of [MAX_DEPTH, 100_000]) {
      assert.deepEqual(refused(parse({ Name: 'a', Params: { x: nested(levels) } })), [
        `nested deeper than ${MAX_DEPTH} levels`,
      ])
    }
  })

  test('the number of values is capped', () => {
    const values = (count: number) => ({ Name: 'a', Params: { x: Array.from({ length: count }, () => 0) } })
    assert.equal(parse(values(MAX_VALUES - 3)).ok, true)
    assert.deepEqual(refused(parse(values(MAX_VALUES + 1))), [`holds more than ${MAX_VALUES} values`])
  })

  test('a map of a thousand entries is taken', () => {
    const Labels = Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`k${index}`, '']))
    assert.ok(parse({ Name: 'a', Labels }).ok)
  })

  test('a cycle is refused, not walked for ever', () => {
    const cycle: unknown[] = []
    cycle.push(cycle, cycle)
    assert.equal(parse({ Name: 'a', Params: { cycle } }).ok, false)
    const loop: Record<string, unknown> = { Name: 'a' }
    loop['Params'] = loop
    assert.deepEqual(refused(parse(loop)), [`nested deeper than ${MAX_DEPTH} levels`])
    assert.equal(parseRecord(schema, loop).ok, false)
  })
})

describe('parseRecord', () => {
  test('forgives neither case nor null nor unknown fields', () => {
    assert.deepEqual(refused(parseRecord(schema, { name: 'a', Flag: null })), [
      'Name: missing name',
      'Flag: expected true or false, got null',
      "unknown field 'name' (did you mean 'Name'?)",
    ])
    assert.equal(accepted(parseRecord(schema, { Name: 'a' })).Name, 'a')
  })
})

test('whatever JSON comes, the answer is a value of the schema or problems, never an exception', () => {
  const key = fc.oneof(fc.constantFrom('Name', 'kind', 'LEAVES', 'inner', 'leaf', 'count', '__proto__'), fc.string())
  const { json } = fc.letrec((tie) => ({
    json: fc.oneof(
      { depthSize: 'small' },
      fc.oneof(fc.string(), fc.double(), fc.boolean(), fc.constant(null)),
      fc.array(tie('json')),
      fc.dictionary(key, tie('json')),
    ),
  }))
  fc.assert(
    fc.property(json, (document) => {
      const parsed = parse(document)
      if (parsed.ok) assert.deepEqual(accepted(parseRecord(schema, parsed.value)), parsed.value)
      else assert.ok(parsed.problems.length > 0 && parsed.problems.every(({ message }) => message !== ''))
    }),
    { numRuns: 300 },
  )
})
