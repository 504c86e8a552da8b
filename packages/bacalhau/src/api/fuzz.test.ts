import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { apiErrorSchema } from '@bacalhau/models'
import fc from 'fast-check'
import type { Route } from './http/route.ts'
import { DETAILS } from './openapi/details.ts'
import { type AnyRequest, anyRequest } from './testing/any-request.ts'
import { temporaryApi, wasmJob } from './testing/api.ts'

/** The same requests at every run; another seed finds others. */
const SEED = 20_240_601
const REQUESTS = 25

/** Statuses with which a server says, on purpose, that it cannot, or that a job which it ran for the caller has failed. */
const BY_DESIGN = [501, 502, 503, 504]

describe('any request', () => {
  test('to any route is answered as declared, and never with a fault of ours', async (context) => {
    const { url, orchestrator, client, routes } = await temporaryApi(context)
    // Nothing waits for a job to end.
    orchestrator.onSubmit = ({ ID }) => orchestrator.become(ID, 'Completed')
    await client.jobs.submit(wasmJob)
    for (const route of routes) {
      for (const request of fc.sample(anyRequest(route), { numRuns: REQUESTS, seed: SEED })) {
        await check(url, route, request)
      }
    }
    assert.ok(routes.length > 40)
  })
})

async function check(url: string, route: Route, request: AnyRequest): Promise<void> {
  const { method, path, headers, body } = request
  const init = { method, headers, redirect: 'manual', ...(body === undefined ? {} : { body }) } as const
  const controller = new AbortController()
  const response = await fetch(`${url}${path}`, { ...init, signal: controller.signal })
  const about = `${response.status} for ${JSON.stringify(request).slice(0, 500)}`
  const type = response.headers.get('content-type') ?? ''
  assert.ok(response.status < 500 || BY_DESIGN.includes(response.status), about)
  assert.equal(response.headers.get('x-content-type-options'), 'nosniff', about)
  if (type.startsWith('text/event-stream')) return controller.abort()
  const text = await response.text()
  if (method === 'HEAD') return assert.equal(text, '', about)
  if (response.status >= 400) return checkFailure(response, text, about)
  if (response.status !== 200 || route.answerType !== undefined || route.hidden === true) return
  assert.match(type, /^application\/json/, about)
  // Another method of the path may have answered.
  const answer = method === route.method ? (route.answer ?? DETAILS[`${method} ${route.path}`]?.answer) : undefined
  const checked = answer?.safeParse(JSON.parse(text))
  assert.ok(checked?.success !== false, `${about}: ${checked?.error?.message}: ${text.slice(0, 500)}`)
}

function checkFailure(response: Response, text: string, about: string): void {
  assert.match(response.headers.get('content-type') ?? '', /^application\/json/, about)
  const parsed = apiErrorSchema.safeParse(JSON.parse(text))
  // Not ready is an answer, too.
  if (response.status === 503 && !parsed.success) return
  assert.ok(parsed.success, `${about}: ${text}`)
  assert.equal(parsed.data.Status, response.status, about)
  assert.ok(parsed.data.Message !== '' && parsed.data.Code !== '', about)
  assert.doesNotMatch(text, /node_modules|\.ts:\d|\bat \w+ \(/, about)
}
