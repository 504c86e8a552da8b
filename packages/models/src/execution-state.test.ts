import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  canExecutionBecome,
  EXECUTION_STATES,
  executionStateName,
  type ExecutionState,
  isFinalExecutionState,
} from './execution-state.ts'

const STATES = Object.values(EXECUTION_STATES)
const { New, AskForBid, AskForBidRejected, BidAccepted, BidRejected, Completed, Failed, Cancelled } = EXECUTION_STATES
const { Running, Publishing } = EXECUTION_STATES

describe('execution states', () => {
  test('have the numbers of the documented API, and their names back', () => {
    assert.deepEqual(STATES, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
    for (const [name, state] of Object.entries(EXECUTION_STATES)) assert.equal(executionStateName(state), name)
  })

  test('end in five ways', () => {
    const finals = [AskForBidRejected, BidRejected, Completed, Failed, Cancelled]
    assert.deepEqual(STATES.filter(isFinalExecutionState), finals)
  })

  test('the usual way is open, step by step and by skipping', () => {
    const way = [New, AskForBid, BidAccepted, Running, Publishing, Completed]
    way.forEach((from, index) => {
      for (const to of way.slice(index + 1)) assert.ok(canExecutionBecome(from, to), `${from} ${to}`)
      for (const to of way.slice(0, index + 1)) assert.ok(!canExecutionBecome(from, to), `${from} ${to}`)
    })
  })

  test('an offer is refused before it is accepted, never after', () => {
    for (const rejection of [AskForBidRejected, BidRejected]) {
      assert.ok(canExecutionBecome(New, rejection) && canExecutionBecome(AskForBid, rejection))
      for (const from of [BidAccepted, Running, Publishing]) assert.ok(!canExecutionBecome(from, rejection))
    }
  })

  test('whatever is reported, in whatever order: no way back, and what is final stays', () => {
    const report = fc.constantFrom(...STATES)
    fc.assert(
      fc.property(fc.array(report, { maxLength: 40 }), (reports) => {
        const walk: ExecutionState[] = [New]
        for (const next of reports) if (canExecutionBecome(walk.at(-1) ?? New, next)) walk.push(next)
        const shown = walk.map(executionStateName).join(' ')
        assert.equal(new Set(walk).size, walk.length, shown)
        const running = walk.filter((state) => !isFinalExecutionState(state))
        assert.deepEqual(
          running,
          [...running].sort((a, b) => a - b),
          shown,
        )
        assert.ok(
          walk.slice(0, -1).every((state) => !isFinalExecutionState(state)),
          shown,
        )
        assert.ok(!walk.includes(EXECUTION_STATES.Undefined), shown)
      }),
    )
  })

  test('every running state can end by failure and by cancelling', () => {
    for (const from of STATES.filter((state) => !isFinalExecutionState(state))) {
      assert.ok(canExecutionBecome(from, Failed) && canExecutionBecome(from, Cancelled), executionStateName(from))
    }
  })
})
