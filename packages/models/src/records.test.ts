import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { z } from 'zod'
import { accepted, jobWith, nodeInfo, refused, runOutput, storedExecution, storedJob } from '../test/samples.ts'
import { nodeInfoSchema } from './node-info.ts'
import { parseRecord } from './parse.ts'
import { executionSchema, jobHistorySchema, jobSchema, runOutputSchema } from './records.ts'
import { parseSubmission } from './submission.ts'

const history = {
  SeqNum: 1,
  Type: 'ExecutionLevel',
  JobID: storedJob.ID,
  JobVersion: 1,
  ExecutionID: storedExecution.ID,
  Event: { Message: 'Running', Topic: 'Execution', Timestamp: '2025-01-01T00:00:01.123456789Z', Details: { k: 'v' } },
  Time: '2025-01-01T00:00:01.123456789Z',
}

const samples: [name: string, schema: z.ZodType, record: Record<string, unknown>][] = [
  ['job', jobSchema, storedJob],
  ['execution', executionSchema, storedExecution],
  ['history', jobHistorySchema, history],
  ['node', nodeInfoSchema, nodeInfo],
  ['run output', runOutputSchema, runOutput],
]

describe('records', () => {
  for (const [name, schema, record] of samples) {
    test(`a ${name} comes back from JSON as it was`, () => {
      assert.deepEqual(accepted(parseRecord(schema, JSON.parse(JSON.stringify(record)))), record)
    })

    test(`a ${name} with a field too many or too few is refused`, () => {
      assert.deepEqual(refused(parseRecord(schema, { ...record, Extra: 1 })), ["unknown field 'Extra'"])
      const [first = ''] = Object.keys(record)
      const { [first]: _, ...rest } = record
      const problems = refused(parseRecord(schema, rest))
      assert.ok(problems.length === 1 && problems[0]?.startsWith(`${first}: missing`) === true, problems.join())
    })
  }

  test('times are whole nanoseconds of 0 or more', () => {
    const created = (CreateTime: unknown) => refused(parseRecord(jobSchema, { ...storedJob, CreateTime }))
    assert.deepEqual(created(-1), ['CreateTime: must be >= 0'])
    assert.deepEqual(created(0.5), ['CreateTime: expected a whole number'])
    assert.deepEqual(created('now'), ['CreateTime: expected a number, got text'])
  })

  test('versions start at 1, states are known', () => {
    assert.deepEqual(refused(parseRecord(jobSchema, { ...storedJob, Version: 0 })), ['Version: must be > 0'])
    const state = (record: object) =>
      refused(parseRecord(executionSchema, { ...storedExecution, ComputeState: record }))
    assert.deepEqual(state({ StateType: 12 }), ['ComputeState.StateType: must be <= 11'])
    assert.match(
      refused(parseRecord(jobSchema, { ...storedJob, State: { StateType: 'Lost' } })).join(),
      /'Lost' is not one of/,
    )
  })

  test('output is a head, not the whole', () => {
    const output = { ...runOutput, Stdout: 'x'.repeat(2_048), stderr: 'x'.repeat(2_049) }
    assert.deepEqual(refused(parseRecord(runOutputSchema, output)), ['stderr: longer than 2048 characters'])
  })

  test('every job that is accepted can be stored', () => {
    const { spec } = accepted(parseSubmission(jobWith({ Env: { A: '1' }, Resources: { CPU: 1 } })))
    const { ID, State, Version, Revision, CreateTime, ModifyTime } = storedJob
    const job = { ...spec, ID, State, Version, Revision, CreateTime, ModifyTime }
    assert.deepEqual(accepted(parseRecord(jobSchema, job)), job)
  })
})
