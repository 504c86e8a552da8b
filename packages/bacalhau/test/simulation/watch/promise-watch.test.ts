import assert from 'node:assert/strict'
import { test } from 'node:test'
import { someRun } from '../../../src/orchestrator/fixtures/jobs.ts'
import { someResources } from '../../../src/link/fixtures/samples.ts'
import { LIMITS } from '../../../src/runtime/limits.ts'
import { overpromised } from './promise-watch.ts'

const runs = (count: number) => Array.from({ length: count }, (_, index) => someRun({ id: `e-${index}` }))
const capacity = someResources({ CPU: 4, Memory: 4e9 })

test('a node may be promised what it has, and what may wait there', () => {
  assert.equal(overpromised([], capacity), undefined)
  assert.equal(overpromised(runs(4 + LIMITS.queuedExecutions), capacity), undefined)
})

test('one more is too much', () => {
  assert.match(overpromised(runs(5 + LIMITS.queuedExecutions), capacity) ?? '', /257 executions more than fit/)
})
