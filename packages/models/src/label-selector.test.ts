import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { type Constraint, CONSTRAINT_OPERATORS } from './job-spec.ts'
import { describeProblems } from './problem.ts'
import { parseLabelSelector } from './label-selector.ts'

/** The selector that says the same as these requirements. */
function formatLabelSelector(requirements: readonly Constraint[]): string {
  return requirements.map(formatRequirement).join(',')
}

function formatRequirement({ Key, Operator, Values = [] }: Constraint): string {
  const [first = ''] = Values
  switch (Operator) {
    case 'exists':
      return Key
    case '!':
      return `!${Key}`
    case 'in':
    case 'notin':
      // A single empty value needs a comma to be seen.
      return `${Key} ${Operator} (${Values.join(',') || ','})`
    case 'gt':
      return `${Key}>${first}`
    case 'lt':
      return `${Key}<${first}`
    default:
      return `${Key}${Operator}${first}`
  }
}

const parse = (selector: string) => {
  const parsed = parseLabelSelector(selector)
  return parsed.ok ? parsed.value : parsed.problems[0]?.message
}

describe('label selector', () => {
  const KNOWN: readonly [string, readonly Constraint[]][] = [
    ['', []],
    ['  ', []],
    ['gpu', [{ Key: 'gpu', Operator: 'exists' }]],
    ['!gpu', [{ Key: 'gpu', Operator: '!' }]],
    ['! gpu', [{ Key: 'gpu', Operator: '!' }]],
    ['env=dev', [{ Key: 'env', Operator: '=', Values: ['dev'] }]],
    ['env == dev', [{ Key: 'env', Operator: '==', Values: ['dev'] }]],
    ['bacalhau_canary!=true', [{ Key: 'bacalhau_canary', Operator: '!=', Values: ['true'] }]],
    ['env=', [{ Key: 'env', Operator: '=', Values: [''] }]],
    ['env in (dev)', [{ Key: 'env', Operator: 'in', Values: ['dev'] }]],
    ['env notin ( a , b,a )', [{ Key: 'env', Operator: 'notin', Values: ['a', 'b'] }]],
    ['env in (a,)', [{ Key: 'env', Operator: 'in', Values: ['a', ''] }]],
    ['cores>4', [{ Key: 'cores', Operator: 'gt', Values: ['4'] }]],
    ['cores < -1', [{ Key: 'cores', Operator: 'lt', Values: ['-1'] }]],
    ['in in (in, notin)', [{ Key: 'in', Operator: 'in', Values: ['in', 'notin'] }]],
    ['example.com/a.b_c-d=x', [{ Key: 'example.com/a.b_c-d', Operator: '=', Values: ['x'] }]],
    [
      'a,!b , c=d',
      [
        { Key: 'a', Operator: 'exists' },
        { Key: 'b', Operator: '!' },
        { Key: 'c', Operator: '=', Values: ['d'] },
      ],
    ],
  ]
  for (const [selector, requirements] of KNOWN) {
    test(`'${selector}'`, () => assert.deepEqual(parse(selector), requirements))
  }

  const WRONG: readonly [string, RegExp][] = [
    [',', /found ',', expected a key/],
    ['a,', /found the end, expected a key/],
    ['!', /found the end, expected a key/],
    ['a b', /found 'b', expected one of 'in'/],
    ['a=b=c', /found '=', expected ',' or the end/],
    ['!a=b', /found '=', expected ',' or the end/],
    ['a in b', /found 'b', expected '\('/],
    ['a in (b', /found the end, expected ',' or '\)'/],
    ['a in (b c)', /found 'c', expected ',' or '\)'/],
    ['a in ()', /need at least one value/],
    ['a>b', /whole number, not with 'b'/],
    ['a>', /whole number/],
    ['-a', /'-a' is not a valid label key/],
    ['A.com/a', /not a valid label key/],
    ['x'.repeat(64), /not a valid label key/],
    ['a=-b', /'-b' is not a valid label value/],
    [`a=${'x'.repeat(64)}`, /not a valid label value/],
    ['a=ä', /'ä' is not a valid label value/],
    [')', /found '\)', expected a key/],
    ['a,'.repeat(1_001).slice(0, -1), /more than 1000 requirements/],
  ]
  for (const [selector, message] of WRONG) {
    test(`'${selector.slice(0, 20)}' is refused`, () => {
      const parsed = parseLabelSelector(selector)
      assert.ok(!parsed.ok)
      assert.match(describeProblems(parsed.problems), message)
    })
  }

  const word = fc.stringMatching(/^[A-Za-z\d](?:[\w.-]{0,20}[A-Za-z\d])?$/)
  const key = fc.oneof(
    word,
    fc.tuple(fc.constantFrom('a.com', 'bacalhau.org', 'x'), word).map((parts) => parts.join('/')),
  )
  const value = fc.oneof(word, fc.constant(''))
  const whole = fc.integer().map(String)
  /** Values that fit the operator. */
  const VALUES = { exists: 0, '!': 0, '=': 1, '==': 1, '!=': 1, gt: 1, lt: 1, in: 4, notin: 4 } as const
  const requirement: fc.Arbitrary<Constraint> = fc.constantFrom(...CONSTRAINT_OPERATORS).chain((Operator) => {
    const most = VALUES[Operator]
    const one = Operator === 'gt' || Operator === 'lt' ? whole : value
    const Values = fc.uniqueArray(one, { minLength: Math.min(most, 1), maxLength: most })
    return fc.tuple(key, Values).map(([Key, all]) => ({ Key, Operator, ...(most === 0 ? {} : { Values: all }) }))
  })

  test('what is written is read as it was meant', () => {
    fc.assert(
      fc.property(fc.array(requirement, { maxLength: 5 }), (requirements) => {
        assert.deepEqual(parse(formatLabelSelector(requirements)), requirements)
      }),
    )
  })

  test('any text gives requirements or a sentence, and what was read is read again', () => {
    const pieces = fc.oneof(
      fc.constantFrom('in', 'notin', '(', ')', ',', '=', '!', '>', ' ', 'a', 'b/c', '1'),
      fc.string(),
    )
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
        const parsed = parseLabelSelector(parts.join(''))
        if (parsed.ok) assert.deepEqual(parse(formatLabelSelector(parsed.value)), parsed.value)
        else assert.ok((parsed.problems[0]?.message ?? '').length > 0)
      }),
      { numRuns: 500 },
    )
  })
})
