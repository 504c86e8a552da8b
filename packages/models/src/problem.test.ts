import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeProblems, excerpt, joinPath, nest } from './problem.ts'

test('paths read as one would write them', () => {
  assert.equal(['Tasks', 0, 'Resources', 'CPU'].reduce<string>(joinPath, ''), 'Tasks[0].Resources.CPU')
  assert.equal(joinPath('', 3), '[3]')
})

test('problems become lines; many are counted', () => {
  const problems = Array.from({ length: 5 }, (_, index) => ({ path: index === 0 ? '' : `a[${index}]`, message: 'bad' }))
  assert.equal(describeProblems(problems), 'bad\na[1]: bad\na[2]: bad\na[3]: bad\na[4]: bad')
  assert.equal(describeProblems(problems, 2), 'bad\na[1]: bad\nand 3 more')
  assert.equal(describeProblems([]), '')
})

test('an excerpt is short', () => {
  assert.equal(excerpt('x'.repeat(64)), 'x'.repeat(64))
  assert.equal(excerpt('x'.repeat(65)), `${'x'.repeat(64)}…`)
})

test('problems of a part become problems of the whole', () => {
  const paths = ['', 'CPU', '[0].Name'].map((path) => ({ path, message: 'bad' }))
  assert.deepEqual(
    nest('Spec', paths).map(({ path }) => path),
    ['Spec', 'Spec.CPU', 'Spec[0].Name'],
  )
})
