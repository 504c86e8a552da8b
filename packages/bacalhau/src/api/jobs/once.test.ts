import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import type { ApiErrorBody, PutJobResponse } from '@bacalhau/models'
import { ask, temporaryApi, wasmJob } from '../testing/api.ts'
import { evaluationOf } from './once.ts'

async function bench(context: TestContext) {
  const { url, orchestrator } = await temporaryApi(context)
  const submit = (headers: Record<string, string>, body: object = {}, method = 'PUT') =>
    ask(`${url}/api/v1/orchestrator/jobs`, {
      method,
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ Job: wasmJob, ...body }),
    })
  const keys = () => orchestrator.onces.map((once) => once?.key)
  return { orchestrator, submit, keys }
}

describe('an idempotency key', () => {
  test('comes in a header or in the body, the header first', async (context) => {
    const { submit, keys } = await bench(context)
    await submit({ 'idempotency-key': 'a' }, { Force: true })
    await submit({}, { IdempotencyToken: 'b', Force: true }, 'POST')
    await submit({ 'idempotency-key': 'c' }, { IdempotencyToken: 'd', Force: true })
    await submit({}, { Force: true })
    // What official clients send when they mean none.
    await submit({}, { IdempotencyToken: '', Force: true })
    await submit({}, { IdempotencyToken: null, Force: true })
    assert.deepEqual(keys(), ['a', 'b', 'c', undefined, undefined, undefined])
  })

  test('belongs to whoever sends it', async (context) => {
    const { submit, orchestrator } = await bench(context)
    await submit({ 'idempotency-key': 'a' })
    assert.match(orchestrator.onces[0]?.owner ?? '', /^local:./)
  })

  test('that is none is refused before anything is done', async (context) => {
    const { submit, orchestrator } = await bench(context)
    for (const [headers, body] of [
      [{ 'idempotency-key': 'two words' }, {}],
      [{ 'idempotency-key': 'x'.repeat(256) }, {}],
      [{ 'idempotency-key': 'ümlaut' }, {}],
      [{ 'idempotency-key': 'c' }, { IdempotencyToken: 'x'.repeat(256) }],
      [{}, { IdempotencyToken: 7 }],
      [{}, { IdempotencyToken: { $gt: '' } }],
    ] as const) {
      const { status, body: answer } = await submit(headers, body)
      assert.equal(status, 400)
      assert.match((answer as ApiErrorBody).Message, /idempotency key/)
    }
    assert.equal(orchestrator.submissions.length, 0)
  })
})

test('the evaluation of a version has always the same id', async (context) => {
  const { submit } = await bench(context)
  const { JobID, EvaluationID } = (await submit({})).body as PutJobResponse
  assert.match(EvaluationID, /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/)
  assert.equal(EvaluationID, evaluationOf({ ID: JobID, Version: 1 }))
  assert.notEqual(EvaluationID, evaluationOf({ ID: JobID, Version: 2 }))
})
