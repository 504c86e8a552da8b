import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { hangUp, json, playedServer, refusal } from '../test/played-server.ts'
import { ApiError, isApiError } from './api-error.ts'
import { pauseAfter, REQUEST_RETRIES } from './retry.ts'

const submitted = json({ JobID: 'j-1', EvaluationID: '', Warnings: null })
const alive = json({ Status: 'OK' })

describe('trying again', () => {
  test('a submission whose answer got lost is sent again under the same key', async (context) => {
    const { client, seen } = await playedServer(context, [hangUp, refusal(503, 'ServiceUnavailable'), submitted])
    assert.equal((await client.jobs.submit({ Name: 'x' })).JobID, 'j-1')
    const keys = seen.map(({ headers }) => headers['idempotency-key'])
    assert.equal(keys.length, 3)
    assert.match(String(keys[0]), /^[\da-f]{32}$/)
    assert.equal(new Set(keys).size, 1)
    await client.jobs.submit({ Name: 'x' })
    assert.notEqual(seen[3]?.headers['idempotency-key'], keys[0])
    await client.jobs.submit({ Name: 'x' }, { idempotencyKey: 'mine' })
    assert.equal(seen[4]?.headers['idempotency-key'], 'mine')
  })

  test('what could happen twice is not, unless the server refused to begin', async (context) => {
    const lost = await playedServer(context, [hangUp])
    await assert.rejects(lost.client.nodes.approve('n'), { code: 'Unreachable' })
    await assert.rejects(lost.client.tokens.create(), { code: 'Unreachable' })
    await assert.rejects(lost.client.run({}), { code: 'Unreachable' })
    assert.equal(lost.seen.length, 3)

    const busy = await playedServer(context, [
      refusal(429, 'TooManyRequests', { 'retry-after': '2' }),
      refusal(503, 'ServiceUnavailable', { 'retry-after': '3' }),
      json({ Success: true }),
    ])
    await busy.client.nodes.approve('n')
    assert.deepEqual(busy.pauses, [2_000, 3_000])
  })

  test('what will not go away is told at once', async (context) => {
    for (const [status, code] of [
      [400, 'ValidationError'],
      [401, 'Unauthorized'],
      [404, 'NotFound'],
      [404, 'ContentNotFound'],
      [409, 'Conflict'],
      [500, 'InternalError'],
      [504, 'ExecutionTimeout'],
    ] as const) {
      const { client, seen } = await playedServer(context, [refusal(status, code)])
      await assert.rejects(client.agent.alive(), { status, code })
      assert.equal(seen.length, 1, code)
    }
  })

  test('ends after a few tries, or when the server asks for too much patience', async (context) => {
    const down = await playedServer(context, [refusal(503, 'ServiceUnavailable')])
    await assert.rejects(down.client.agent.alive(), { status: 503 })
    assert.deepEqual(down.pauses, [100, 200, 400])
    const patient = await playedServer(context, [refusal(429, 'TooManyRequests', { 'retry-after': '3600' })])
    await assert.rejects(patient.client.agent.alive(), { status: 429, retryAfter: 3_600_000 })
    assert.equal(patient.seen.length, 1)
    const once = await playedServer(context, [refusal(503, 'ServiceUnavailable')], { retry: { tries: 1 } })
    await assert.rejects(once.client.agent.alive(), { status: 503 })
    assert.equal(once.seen.length, 1)
  })

  test('bytes are sent again, a stream is not', async (context) => {
    const added = json({ CID: 'Qm', Bytes: 1, Files: 1 })
    const bytes = await playedServer(context, [hangUp, added])
    await bytes.client.data.add(new Blob(['abc']))
    assert.deepEqual(
      bytes.seen.map(({ body }) => body.toString()),
      ['abc', 'abc'],
    )
    const stream = await playedServer(context, [hangUp, added])
    await assert.rejects(stream.client.data.add(new Blob(['abc']).stream()), { code: 'Unreachable' })
    assert.equal(stream.seen.length, 1)
  })

  test('a try ends with its time, and the waiting with the signal', async (context) => {
    const silent = await playedServer(context, [() => {}, () => {}, alive], {
      after: (_delay, action) => {
        const timer = setTimeout(action, 20)
        return () => clearTimeout(timer)
      },
    })
    await silent.client.agent.alive()
    assert.equal(silent.seen.length, 3)
    await assert.rejects(
      (await playedServer(context, [() => {}], { timeout: 5, retry: { tries: 1 }, after: soon })).client.agent.alive(),
      { status: 0, code: 'TimeOut', retryable: true },
    )

    const reason = new Error('enough')
    const controller = new AbortController()
    const down = await playedServer(context, [refusal(503, 'ServiceUnavailable')], {
      after: (delay) => {
        if (delay < 1_000) controller.abort(reason)
        return () => {}
      },
    })
    await assert.rejects(down.client.agent.alive({ signal: controller.signal }), reason)
  })
})

const soon = (_delay: number, action: () => void) => {
  const turn = setImmediate(() => setImmediate(action))
  return () => clearImmediate(turn)
}

describe('pauses', () => {
  const error = new ApiError(503, 'ServiceUnavailable', 'busy')

  test('grow, are drawn by lot, and stay within their bounds', () => {
    const anyLot = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2_000 }), anyLot, (failures, lot) => {
        const pause = pauseAfter(failures, error, REQUEST_RETRIES, () => lot)
        const whole = Math.min(REQUEST_RETRIES.longestPause, REQUEST_RETRIES.firstPause * 2 ** (failures - 1))
        assert.ok(pause >= whole / 2 && pause <= whole)
      }),
    )
  })
})

describe('codes', () => {
  test('narrow, and say whether another try is worth it', () => {
    const error: unknown = new ApiError(409, 'Conflict', 'x')
    assert.ok(isApiError(error) && isApiError(error, 'NotFound', 'Conflict') && !isApiError(error, 'NotFound'))
    if (isApiError(error, 'Conflict', 'NotFound')) {
      // Only these two are left: the types say so.
      const code: 'Conflict' | 'NotFound' = error.code
      assert.equal(code, 'Conflict')
    }
    assert.equal(isApiError(new Error('x')), false)
    const retryable = (status: number, code: string) => new ApiError(status, code, 'x').retryable
    assert.deepEqual(
      [retryable(503, 'NoNodes'), retryable(504, 'ExecutionTimeout'), retryable(429, 'InternalError')],
      [true, false, true],
    )
    // A code of another server: its status decides.
    assert.deepEqual([retryable(502, 'ProxyTrouble'), retryable(500, 'ProxyTrouble')], [true, false])
    assert.match(new ApiError(0, 'Unreachable', 'x').hint ?? '', /bacalhau serve/)
  })
})
