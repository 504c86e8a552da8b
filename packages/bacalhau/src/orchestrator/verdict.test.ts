import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Job } from '@bacalhau/models'
import { sampleJob } from '../link/fixtures/samples.ts'
import type { Unplaced } from './explain.ts'
import { verdictOn } from './verdict.ts'

const unplaced = (kind: Unplaced['kind']): Unplaced => ({ kind, code: 'EngineMissing', reason: 'because' })
const verdict = (kind: Unplaced['kind'], job: Partial<Job> = {}, timeouts = {}, settling = false) =>
  verdictOn(sampleJob({ Timeouts: timeouts }, job), unplaced(kind), settling)

describe('a job that was not placed', () => {
  test('fails at once when no node could ever run it', () => {
    assert.deepEqual(verdict('impossible'), { kind: 'fail', code: 'EngineMissing', message: 'because' })
    for (const Type of ['service', 'ops'] as const) assert.equal(verdict('impossible', { Type }).kind, 'fail')
  })

  test('waits for room, and for the first node', () => {
    for (const kind of ['busy', 'absent'] as const)
      assert.deepEqual(verdict(kind), { kind: 'wait', message: 'because' })
  })

  test('waits in any case where its spec says how long', () => {
    assert.equal(verdict('impossible', {}, { QueueTimeout: 1 }).kind, 'wait')
    assert.equal(verdict('impossible', {}, { QueueTimeout: 0 }).kind, 'fail')
  })

  test('waits while nodes are coming back, when it has been looked at before, and as a daemon', () => {
    assert.equal(verdict('impossible', {}, {}, true).kind, 'wait')
    for (const StateType of ['Queued', 'Running'] as const) {
      assert.equal(verdict('impossible', { State: { StateType } }).kind, 'wait')
    }
    assert.equal(verdict('impossible', { Type: 'daemon' }).kind, 'wait')
  })
})
