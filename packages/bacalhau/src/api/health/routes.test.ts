import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ask, temporaryApi } from '../testing/api.ts'
import type { Check } from './routes.ts'

const stranger = { headers: { 'x-forwarded-for': '192.0.2.1' } }

test('a node that answers is healthy, and anyone may ask', async (context) => {
  const { url } = await temporaryApi(context, { checks: () => [{ Name: 'store', OK: false }] })
  for (const path of ['/healthz', '/api/v1/healthz']) {
    for (const init of [{}, stranger]) {
      const { status, body } = await ask(`${url}${path}`, init)
      assert.deepEqual([status, body], [200, { Status: 'OK' }])
    }
  }
})

test('a node is ready when all that it needs is', async (context) => {
  const checks: Check[] = [{ Name: 'store', OK: true }]
  const { url } = await temporaryApi(context, { checks: () => checks })
  const ready = [{ Name: 'running', OK: true }, ...checks]
  assert.deepEqual((await ask(`${url}/readyz`)).body, { Status: 'OK', Checks: ready })
  checks[0] = { Name: 'store', OK: false, Message: 'the disk is full' }
  for (const path of ['/readyz', '/api/v1/readyz']) {
    const { status, body } = await ask(`${url}${path}`)
    assert.deepEqual([status, body], [503, { Status: 'Unavailable', Checks: [ready[0], checks[0]] }])
  }
})

test('a stranger is not told what is wrong', async (context) => {
  const { url } = await temporaryApi(context, { checks: () => [{ Name: 'store', OK: false, Message: '/secret' }] })
  const { status, body } = await ask(`${url}/readyz`, stranger)
  assert.deepEqual([status, body], [503, { Status: 'Unavailable' }])
})
