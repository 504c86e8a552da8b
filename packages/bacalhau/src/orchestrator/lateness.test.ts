import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EXECUTION_STATES, type ExecutionState } from '@bacalhau/models'
import { LIMITS } from '../runtime/limits.ts'
import { openJob, someRun, START } from './fixtures/jobs.ts'
import { lateness } from './lateness.ts'

const late = (state: ExecutionState, age: number, ExecutionTimeout?: number) => {
  const Timeouts = ExecutionTimeout === undefined ? {} : { ExecutionTimeout }
  const found = lateness({ job: openJob({ task: { Timeouts } }), run: someRun({ state }) }, START + age)
  return typeof found === 'object' ? found.code : found
}
const { AskForBid, BidAccepted, Running, Publishing, Completed } = EXECUTION_STATES

test('an offer is waited for, and then not any more', () => {
  assert.equal(late(AskForBid, LIMITS.offerAnswer - 1), undefined)
  assert.equal(late(AskForBid, LIMITS.offerAnswer), 'unanswered')
  assert.equal(late(BidAccepted, LIMITS.offerAnswer), undefined)
})

test('a run may take as long as it likes, or as its job says, and a while longer', () => {
  const limit = 5_000 + LIMITS.overdue
  assert.equal(late(Running, 1e12), undefined)
  assert.equal(late(Running, 1e12, 0), undefined)
  assert.equal(late(Running, limit - 1, 5), undefined)
  assert.equal(late(Running, limit, 5), 'ExecutionTimeout')
  assert.equal(late(BidAccepted, limit, 5), undefined, 'it waits')
  assert.equal(late(Publishing, limit, 5), undefined, 'it has run')
  assert.equal(late(Completed, limit, 5), undefined)
})
