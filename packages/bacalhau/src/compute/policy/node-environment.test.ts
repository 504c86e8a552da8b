import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { isBacalhauError } from '../../runtime/error.ts'
import { createNodeEnvironment } from './node-environment.ts'

const VARIABLES = { TEAM_KEY: 'k', TEAM_A: '', MY_TEAM_KEY: 'm', BACALHAU_API_TOKEN: 'secret', 'A.B': 'dot' }
const resolve = (patterns: string[], wanted: string) =>
  createNodeEnvironment(patterns, VARIABLES).resolve({ X: wanted })['X']
const refused = (text: RegExp) => (error: unknown) =>
  isBacalhauError(error) && error.code === 'EnvRefused' && text.test(error.message)

describe('a variable of the node', () => {
  test('is given where the operator allows it, empty ones too', () => {
    assert.equal(resolve(['TEAM_*'], 'env:TEAM_KEY'), 'k')
    assert.equal(resolve(['NO', 'TEAM_?'], 'env:TEAM_A'), '')
  })

  test('point 31: is not given by a pattern that names a part of it', () => {
    for (const patterns of [[], ['TEAM_*'], ['TEAM_KEY'], ['*TEAM'], ['MY_TEAM_KE']]) {
      assert.throws(() => resolve(patterns, 'env:MY_TEAM_KEY'), refused(/'MY_TEAM_KEY' is not in allowed patterns/))
    }
  })

  test('is never one of this program', () => {
    assert.throws(() => resolve(['*', 'BACALHAU_*'], 'env:BACALHAU_API_TOKEN'), refused(/not in allowed patterns/))
  })

  test('that is not there is refused', () => {
    assert.throws(() => resolve(['*'], 'env:NONE'), refused(/required environment variable 'NONE' not found/))
  })

  test('is asked for in one way only; other values stay as they are', () => {
    for (const value of ['ENV:TEAM_KEY', 'env', 'file:x', ' env:TEAM_KEY', '${TEAM_KEY}']) {
      assert.equal(resolve(['*'], value), value)
    }
  })
})

test('signs of a pattern other than * and ? stand for themselves', () => {
  assert.throws(() => resolve(['A.C', 'AxB', '[A].B', 'A.B+', '(A.B)|x'], 'env:A.B'), refused(/not in allowed/))
  fc.assert(
    fc.property(fc.string(), fc.string(), (name, other) => {
      const node = createNodeEnvironment([name.replaceAll(/[*?]/g, '-')], { [other]: 'x' })
      const asked = () => node.resolve({ X: `env:${other}` })
      if (name.replaceAll(/[*?]/g, '-') === other && !other.startsWith('BACALHAU_')) assert.equal(asked()['X'], 'x')
      else assert.throws(asked)
    }),
  )
})
