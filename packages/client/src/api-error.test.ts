import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { ApiError, errorFromAnswer, unanswered } from './api-error.ts'

const URL = 'http://127.0.0.1:1234'

describe('errors that a server tells', () => {
  test('carry everything that it says', () => {
    const body = {
      Status: 404,
      Message: 'job not found: x',
      Code: 'NotFound',
      Hint: 'Look again.',
      Details: { k: 'v' },
    }
    const error = errorFromAnswer({ status: 404, body: JSON.stringify(body) }, URL)
    assert.ok(error instanceof ApiError)
    assert.deepEqual(
      [error.status, error.code, error.message, error.hint, error.details],
      [404, 'NotFound', 'job not found: x', 'Look again.', { k: 'v' }],
    )
  })

  test('tell why somebody was refused', () => {
    const body = { Message: 'Request Unauthorized', Code: 'Unauthorized', Details: { reason: 'no token' } }
    assert.equal(
      errorFromAnswer({ status: 401, body: JSON.stringify(body) }, URL).message,
      'Request Unauthorized: no token',
    )
  })

  test('are read in the words of older servers, too', () => {
    assert.equal(
      errorFromAnswer({ status: 403, body: '{"Error":"Client version is outdated"}' }, URL).message,
      'Client version is outdated',
    )
    assert.equal(
      errorFromAnswer({ status: 200, body: '{"error":"no results found?"}' }, URL).message,
      'no results found?',
    )
  })

  test('come out of any answer', () => {
    fc.assert(
      fc.property(fc.integer({ min: 400, max: 599 }), fc.oneof(fc.string(), fc.json()), (status, body) => {
        const error = errorFromAnswer({ status: status, body: body }, URL)
        assert.equal(error.status, status)
        assert.ok(error.message.length > 0 && error.code.length > 0)
      }),
    )
    assert.match(
      errorFromAnswer({ status: 502, body: '<html>' }, URL).message,
      /127\.0\.0\.1:1234 answered with status 502/,
    )
  })
})

describe('errors without an answer', () => {
  const failed = (code: string) =>
    new TypeError('fetch failed', { cause: Object.assign(new Error('connect'), { code }) })

  test('say in which way there is none', () => {
    const refused = unanswered(failed('ECONNREFUSED'), URL)
    assert.deepEqual([refused.status, refused.code], [0, 'Unreachable'])
    assert.equal(refused.message, `server is not running or not reachable at ${URL}`)
    assert.match(refused.hint ?? '', /bacalhau serve/)
    assert.equal(unanswered(failed('ENOTFOUND'), URL).message, `host not found: ${URL}`)
    for (const code of ['EPROTO', 'ERR_SSL_WRONG_VERSION_NUMBER']) {
      assert.match(unanswered(failed(code), URL).hint ?? '', /http:/)
    }
    assert.match(unanswered(failed('CERT_HAS_EXPIRED'), URL).hint ?? '', /API\.TLS\.CAFile/)
    assert.equal(unanswered(failed('UND_ERR_HEADERS_TIMEOUT'), URL).code, 'TimeOut')
    assert.equal(unanswered(new DOMException('late', 'TimeoutError'), URL).code, 'TimeOut')
  })

  test('look into what failed at several addresses', () => {
    const both = new AggregateError([Object.assign(new Error('4'), { code: 'ENOTFOUND' })])
    assert.match(unanswered(new TypeError('fetch failed', { cause: both }), URL).message, /host not found/)
  })

  test('keep the cause, whatever it is', () => {
    for (const cause of [new TypeError('Failed to fetch'), 'text', undefined, null]) {
      assert.equal(unanswered(cause, URL).code, 'Unreachable')
    }
    const cause = failed('ECONNRESET')
    assert.equal(unanswered(cause, URL).cause, cause)
  })
})
