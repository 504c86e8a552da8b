import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CONSTRAINT_OPERATORS, type Constraint } from '@bacalhau/models'
import fc from 'fast-check'
import { describeConstraint, satisfies } from './constraints.ts'

const constraint = (Key: string, Operator: Constraint['Operator'], ...Values: string[]): Constraint => ({
  Key,
  Operator,
  Values,
})

test('each operator means what it does in Kubernetes', () => {
  const labels = { region: 'eu', cores: '16', empty: '', text: '16a' }
  const cases: [Constraint, boolean][] = [
    [constraint('region', 'in', 'us', 'eu'), true],
    [constraint('region', 'in', 'us'), false],
    [constraint('missing', 'in', ''), false],
    [constraint('region', 'notin', 'us'), true],
    [constraint('region', 'notin', 'eu', 'us'), false],
    [constraint('missing', 'notin', 'eu'), true],
    [constraint('region', '=', 'eu'), true],
    [constraint('region', '==', 'us'), false],
    [constraint('missing', '=', ''), false],
    [constraint('empty', '=', ''), true],
    [constraint('region', '!=', 'us'), true],
    [constraint('region', '!=', 'eu'), false],
    [constraint('missing', '!=', 'eu'), true],
    [constraint('empty', 'exists'), true],
    [constraint('missing', 'exists'), false],
    [constraint('missing', '!'), true],
    [constraint('empty', '!'), false],
    [constraint('cores', 'gt', '8'), true],
    [constraint('cores', 'gt', '16'), false],
    [constraint('cores', 'lt', '17'), true],
    [constraint('cores', 'lt', '-1'), false],
    [constraint('text', 'gt', '1'), false],
    [constraint('empty', 'lt', '1'), false],
    [constraint('missing', 'lt', '1'), false],
  ]
  for (const [wanted, expected] of cases) assert.equal(satisfies(labels, wanted), expected, describeConstraint(wanted))
})

test('names that every object has are labels like any other', () => {
  for (const Key of ['constructor', 'toString', '__proto__', 'hasOwnProperty']) {
    assert.equal(satisfies({}, constraint(Key, 'exists')), false)
    assert.equal(satisfies({}, constraint(Key, '!')), true)
  }
})

test('an operator and its opposite never agree', () => {
  const opposites = [
    ['in', 'notin'],
    ['=', '!='],
    ['==', '!='],
    ['exists', '!'],
  ] as const
  const word = fc.constantFrom('a', 'b', '')
  fc.assert(
    fc.property(
      fc.dictionary(word, word),
      word,
      fc.array(word, { minLength: 1, maxLength: 3 }),
      fc.constantFrom(...opposites),
      (labels, key, values, [operator, opposite]) => {
        const [yes, no] = [constraint(key, operator, ...values), constraint(key, opposite, ...values)]
        assert.notEqual(satisfies(labels, yes), satisfies(labels, no))
      },
    ),
  )
})

test('every constraint has words', () => {
  const words = CONSTRAINT_OPERATORS.map((operator) => describeConstraint(constraint('k', operator, 'a', 'b')))
  assert.deepEqual(words, [
    'k in (a, b)',
    'k notin (a, b)',
    'k = a',
    'k == a',
    'k != a',
    'k exists',
    'no k',
    'k gt a',
    'k lt a',
  ])
})
