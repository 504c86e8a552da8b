import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LIMITS } from '../../runtime/limits.ts'
import { ask, temporaryApi, wasmJob } from '../testing/api.ts'

const robotKey = 'k'.repeat(20)
const robot = { alias: 'robot', capabilities: ['*'], login: { apiKey: robotKey } }

test('the bodies of one caller take so much memory at once, and no more', async (context) => {
  const { url, orchestrator } = await temporaryApi(context, {}, { auth: { fixedTokens: ['one'], users: [robot] } })
  const gate = Promise.withResolvers<void>()
  let arrived = 0
  const arrival = Promise.withResolvers<void>()
  const fit = Math.floor(LIMITS.bodiesOfCaller / LIMITS.requestBody)
  const submit = orchestrator.submit.bind(orchestrator)
  orchestrator.submit = async (submission, options) => {
    if (++arrived === fit) arrival.resolve()
    await gate.promise
    return submit(submission, options)
  }
  const put = (token: string, size: number, name: string) =>
    ask(`${url}/api/v1/orchestrator/jobs`, {
      method: 'PUT',
      body: JSON.stringify({ Job: { ...wasmJob, Name: name } }).padEnd(size),
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    })
  const held = Array.from({ length: fit }, (_, index) => put('one', LIMITS.requestBody, `held-${index}`))
  await arrival.promise
  const refused = await put('one', LIMITS.requestBody, 'too-much')
  assert.deepEqual(
    [refused.status, refused.headers.get('retry-after'), refused.headers.get('connection')],
    [429, '1', 'close'],
  )
  assert.equal((await ask(`${url}/api/v1/orchestrator/jobs`, { headers: { authorization: 'Bearer one' } })).status, 200)
  // Somebody else may still send.
  const other = put(robotKey, LIMITS.requestBody, 'of-another')
  gate.resolve()
  for (const answer of [...held, other]) assert.equal((await answer).status, 200)
  // And so may this caller when the others are answered.
  assert.equal((await put('one', LIMITS.requestBody, 'later')).status, 200)
})
