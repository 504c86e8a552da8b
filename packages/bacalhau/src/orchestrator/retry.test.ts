import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Job } from '@bacalhau/models'
import { type Cause, count, nextStep, RETRIES, type Trouble } from './retry.ts'

const LOST: Cause = { kind: 'lost' }
/** A failure that may go better another time, and one that will not. */
const PASSING: Cause = { kind: 'failed', code: 'InputFailed' }
const OWN: Cause = { kind: 'failed', code: 'JobFailed' }

const trouble = (failures: number, losses: number): Trouble => ({ failures, losses, avoid: new Set(), previous: 'e-1' })

/** The pause in seconds, or `no` when it is not tried again. */
function after(type: Job['Type'], cause: Cause, failures: number, losses: number): number | 'no' {
  const step = nextStep(type, cause, trouble(failures, losses))
  return step.kind === 'again' ? step.after / 1_000 : 'no'
}

describe('what follows from the end of a run', () => {
  const { failures: most, losses: mostLosses } = RETRIES
  const table: [Job['Type'], Cause, number, number, number | 'no'][] = [
    // A job that fails of itself fails; what may go better is tried again, a few times, with longer and longer pauses.
    ['batch', OWN, 1, 0, 'no'],
    ['batch', { kind: 'failed', code: 'no such code' }, 1, 0, 'no'],
    ['batch', { kind: 'failed', code: 'constructor' }, 1, 0, 'no'],
    ['batch', PASSING, 1, 0, 1],
    ['batch', PASSING, 2, 0, 2],
    ['batch', PASSING, most, 0, 'no'],
    // A lost node is nobody's fault: the first time at once, and often.
    ['batch', LOST, 0, 1, 0],
    ['batch', LOST, 0, 2, 1],
    ['batch', LOST, 0, 3, 2],
    ['batch', LOST, 0, 20, 60],
    ['batch', LOST, 0, mostLosses, 60],
    ['batch', LOST, 0, mostLosses + 1, 'no'],
    ['batch', LOST, most, 1, 0],
    // What is to run for ever is tried for ever.
    ['service', OWN, 1, 0, 1],
    ['service', OWN, 2, 0, 2],
    ['service', OWN, 9, 0, 256],
    ['service', OWN, 10_000, 0, 300],
    ['service', LOST, 0, 10_000, 300],
    ['daemon', OWN, 3, 0, 4],
    ['daemon', LOST, 0, 1, 0],
    // A run everywhere once is a run once.
    ['ops', PASSING, 1, 0, 'no'],
    ['ops', LOST, 0, 1, 'no'],
  ]
  for (const [type, cause, failures, losses, expected] of table) {
    const what = cause.kind === 'lost' ? 'lost' : cause.code
    test(`${type}, ${what}, after ${failures} failures and ${losses} losses: ${expected}`, () => {
      assert.equal(after(type, cause, failures, losses), expected)
    })
  }

  test('is bounded by the policy that is given', () => {
    const step = nextStep('batch', PASSING, trouble(1, 0), { failures: 1, losses: 0 })
    assert.deepEqual(
      [step.kind, nextStep('batch', LOST, trouble(0, 1), { failures: 1, losses: 0 }).kind],
      ['give-up', 'give-up'],
    )
  })
})

describe('counting', () => {
  const run = (node: string, milliseconds = 0) => ({ id: `e-${node}`, node, milliseconds })

  test('keeps failures and losses apart, and remembers where it was and which was last', () => {
    const first = count(undefined, PASSING, run('a'))
    const second = count(first, LOST, run('b'))
    const { failures, losses, avoid, previous } = count(second, PASSING, run('a'))
    assert.deepEqual([failures, losses, [...avoid], previous], [2, 1, ['a', 'b'], 'e-a'])
  })

  test('begins anew after a run of ten minutes', () => {
    const before = count(count(undefined, OWN, run('a')), OWN, run('a'))
    const short = count({ ...before, avoid: new Set(before.avoid) }, OWN, run('b', 599_999))
    assert.deepEqual([short.failures, [...short.avoid]], [3, ['a', 'b']])
    const long = count(before, LOST, run('c', 600_000))
    assert.deepEqual([long.failures, long.losses, [...long.avoid]], [0, 1, ['c']])
  })
})
