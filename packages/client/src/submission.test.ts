import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { json, playedServer } from '../test/played-server.ts'
import { ApiError } from './api-error.ts'
import { batches } from './submission.ts'

describe('submitting many jobs', () => {
  test('tells of each what became of it', async (context) => {
    const Error = { Status: 400, Code: 'ValidationError', Message: 'missing job type', Hint: 'Correct it.' }
    const { client, seen } = await playedServer(context, [json({ Items: [{ JobID: 'j-1' }, { Error }] })])
    const results = await client.jobs.submitAll([{ Name: 'a' }, { Name: 'b' }], { namespace: 'team' })
    const [first, second] = results
    assert.ok(first?.ok === true && first.job.JobID === 'j-1')
    assert.ok(second?.ok === false && second.error instanceof ApiError)
    const { status, code, message, hint } = second.error
    assert.deepEqual([status, code, message, hint], [400, 'ValidationError', 'missing job type', 'Correct it.'])
    assert.equal(seen[0]?.url, '/api/v1/orchestrator/jobs/bulk')
    assert.deepEqual(JSON.parse(seen[0]?.body.toString() ?? ''), {
      Jobs: [{ Name: 'a' }, { Name: 'b' }],
      Namespace: 'team',
    })
  })

  test('goes in parts that the server takes, each under a key of its own', async (context) => {
    const { client, seen } = await playedServer(context, [
      (response, { body }) => {
        const { Jobs } = JSON.parse(body.toString()) as { Jobs: { Name: string }[] }
        json({ Items: Jobs.map(({ Name }) => ({ JobID: `j-${Name}` })) })(response, {} as never)
      },
    ])
    const jobs = Array.from({ length: 2_500 }, (_, index) => ({ Name: String(index) }))
    const results = await client.jobs.submitAll(jobs, { idempotencyKey: 'k' })
    assert.deepEqual(
      results.map((result) => result.ok && result.job.JobID),
      jobs.map(({ Name }) => `j-${Name}`),
    )
    assert.deepEqual(
      seen.map(({ headers }) => headers['idempotency-key']),
      ['k-0', 'k-1', 'k-2'],
    )
  })

  test('parts keep the order and lose nothing', () => {
    const job = fc.record({ n: fc.nat(), size: fc.integer({ min: 0, max: 2_000_000 }) })
    fc.assert(
      fc.property(fc.array(job, { maxLength: 12 }), (drawn) => {
        const jobs = drawn.map(({ n, size }) => ({ n, text: 'x'.repeat(size) }))
        const parts = [...batches(jobs)]
        assert.deepEqual(parts.flat(), jobs)
        for (const part of parts) assert.ok(part.length === 1 || JSON.stringify(part).length < 4_000_000)
      }),
      { numRuns: 20 },
    )
  })
})
