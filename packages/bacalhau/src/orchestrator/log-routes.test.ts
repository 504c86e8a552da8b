import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EXECUTION_STATES, type Execution, type ExecutionState } from '@bacalhau/models'
import { sampleJob } from '../link/fixtures/samples.ts'
import { someRun } from './fixtures/jobs.ts'
import { chooseExecution, noExecution } from './log-routes.ts'
import { toExecution } from './run.ts'

const { New, AskForBid, AskForBidRejected, BidAccepted, Running, Completed, Failed, Cancelled } = EXECUTION_STATES

const execution = (id: string, state: ExecutionState, modified = 0): Execution =>
  toExecution(someRun({ id, state, modified }), sampleJob())
const chosen = (executions: readonly Execution[], id?: string) => chooseExecution(executions, id)?.ID

test('the newest execution that a node took is chosen', () => {
  const some = [execution('e-1', Completed, 3), execution('e-2', Running, 5), execution('e-3', BidAccepted, 4)]
  assert.equal(chosen(some), 'e-2')
  assert.equal(chosen([...some, execution('e-4', New, 9), execution('e-5', AskForBidRejected, 9)]), 'e-2')
})

test('what failed or was cancelled has a log too', () => {
  assert.equal(chosen([execution('e-1', Failed)]), 'e-1')
  assert.equal(chosen([execution('e-1', Cancelled)]), 'e-1')
})

test('what no node took has none', () => {
  assert.equal(chosen([]), undefined)
  for (const state of [New, AskForBid, AskForBidRejected]) assert.equal(chosen([execution('e-1', state)]), undefined)
})

test('a named one is found by its id or a beginning of it that no other shares', () => {
  const some = [execution('e-11', Running), execution('e-12', Running), execution('e-2', New)]
  assert.equal(chosen(some, 'e-11'), 'e-11')
  for (const id of ['e-1', 'e-2', 'e-3']) assert.equal(chosen(some, id), undefined)
})

test('that there is none is said with the name of what was looked for', () => {
  assert.equal(noExecution('j-1', undefined).message, 'no executions found for job j-1')
  assert.equal(noExecution('j-1', 'e-1').message, 'unable to find execution e-1 of job j-1')
  assert.equal(noExecution('j-1', 'e-1').code, 'NotFound')
})
