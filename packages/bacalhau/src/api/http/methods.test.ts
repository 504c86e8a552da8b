import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type IncomingMessage, request as httpRequest } from 'node:http'
import { describe, test } from 'node:test'
import { ask, temporaryApi } from '../testing/api.ts'

describe('methods and routes', () => {
  const REFUSED: readonly [method: string, path: string, allow: string][] = [
    ['POST', '/api/v1/agent/alive', 'GET, HEAD'],
    ['DELETE', '/api/v1/orchestrator/jobs', 'GET, HEAD, POST, PUT'],
    ['PUT', '/api/v1/orchestrator/jobs/j-1', 'DELETE, GET, HEAD, POST'],
    ['PATCH', '/api/v1/run', 'POST'],
    ['GET', '/api/v1/data', 'POST, PUT'],
    ['DELETE', '/ipfs/QmX', 'GET, HEAD'],
    ['OPTIONS', '/api/v1/run', 'POST'],
  ]
  for (const [method, path, allow] of REFUSED) {
    test(`${method} ${path}: 405`, async (context) => {
      const { url } = await temporaryApi(context)
      const { status, headers, body } = await ask(`${url}${path}`, { method })
      assert.equal(status, 405)
      assert.equal(headers.get('allow'), allow)
      assert.equal((body as { Code: string }).Code, 'MethodNotAllowed')
      assert.equal(headers.get('access-control-allow-origin'), null)
    })
  }

  test('TRACE, which clients of this library cannot send, is refused as well', async (context) => {
    const { port } = await temporaryApi(context)
    const request = httpRequest({ port, method: 'TRACE', path: '/api/v1/orchestrator/nodes' }).end()
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    response.resume()
    assert.deepEqual([response.statusCode, response.headers.allow], [405, 'GET, HEAD'])
  })

  test('an unknown route is told in the documented words', async (context) => {
    const { url } = await temporaryApi(context)
    for (const path of ['/nothing', '/api/v1/orchestrator/nothing', '/api/v2/run', '/api/v1/agent/alive/']) {
      const { status, body } = await ask(`${url}${path}`)
      assert.equal(status, 404)
      assert.deepEqual(body, {
        Status: 404,
        Message: 'The requested resource/URL was not found.',
        RequestID: '',
        Code: 'NotFound',
        Component: 'APIServer',
        Hint: 'The server version may be older than this CLI version and does not support the endpoint yet.',
      })
    }
  })

  test('a body does not matter to who is refused', async (context) => {
    const { url } = await temporaryApi(context)
    const init = { method: 'POST', body: 'x'.repeat(20_000_000), headers: { 'content-type': 'text/x' } }
    assert.equal((await ask(`${url}/api/v1/agent/alive`, init)).status, 405)
  })

  test('HEAD is GET without a body', async (context) => {
    const { url } = await temporaryApi(context)
    const response = await fetch(`${url}/api/v1/agent/alive`, { method: 'HEAD' })
    assert.equal(response.status, 200)
    assert.equal(response.headers.get('content-length'), '16')
    assert.equal(await response.text(), '')
  })

  test('a broken address is the fault of the caller', async (context) => {
    const { url } = await temporaryApi(context)
    for (const path of ['/api/v1/orchestrator/jobs/%FF', '/%zz', `/api/v1/orchestrator/jobs/${'x'.repeat(9_000)}`]) {
      const { status, body } = await ask(`${url}${path}`)
      assert.ok(status === 400 || status === 404 || status === 414, `${path}: ${status}`)
      assert.equal((body as { Status: number }).Status, status)
    }
  })
})
