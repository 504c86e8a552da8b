import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { describe, test, type TestContext } from 'node:test'
import type { ApiErrorBody } from '@bacalhau/models'
import { LIMITS } from '../runtime/limits.ts'
import type { Logger } from '../runtime/logger.ts'
import { silentLogger } from '../runtime/logger.ts'
import { ask, temporaryApi, wasmJob } from './testing/api.ts'
import { ManualClock } from './testing/clock.ts'

function open(context: TestContext, port: number): Socket {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  context.after(() => socket.destroy())
  return socket
}

/** Everything that the server says to these bytes, until it closes the connection. */
async function exchange(context: TestContext, port: number, request: string): Promise<string> {
  const socket = open(context, port)
  socket.write(request)
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  await once(socket, 'close')
  return Buffer.concat(chunks).toString()
}

const bodyOf = (answer: string) => JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4)) as ApiErrorBody

describe('bytes that are no proper request', () => {
  const alive = 'GET /api/v1/agent/alive HTTP/1.1\r\n'
  const post = 'POST /api/v1/run HTTP/1.1\r\nHost: localhost\r\n'
  const CASES: readonly [name: string, request: string, status: number][] = [
    ['noise', '\x00\x01\x02\r\n\r\n', 400],
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
    ['another protocol', 'SSH-2.0-client\r\n\r\n', 400],
    ['an unknown method', 'BREW / HTTP/1.1\r\nHost: localhost\r\n\r\n', 400],
    ['an unknown version', 'GET / HTTP/9.9\r\nHost: localhost\r\n\r\n', 400],
    ['no Host', `${alive}\r\n`, 400],
    ['a header that goes on in the next line', `${alive}Host: localhost\r\nX: a\r\n b\r\n\r\n`, 400],
    ['a header without a name', `${alive}Host: localhost\r\n: x\r\n\r\n`, 400],
    ['a header with a bare line feed', `${alive}Host: localhost\r\nX: a\nY: b\r\n\r\n`, 400],
    ['both lengths', `${post}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
    ['two lengths', `${post}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello`, 400],
    ['a length that is none', `${post}Content-Length: +5\r\n\r\nhello`, 400],
    ['a transfer coding behind another', `${post}Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n`, 400],
    ['a space before the colon', `${post}Content-Length : 5\r\n\r\nhello`, 400],
    ['a chunk size that is none', `${post}Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n`, 400],
    ['huge headers', `${alive}Host: localhost\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`, 431],
  ]
  for (const [name, request, status] of CASES) {
    test(`${name}: ${status}, and the connection ends`, async (context) => {
      const { port, orchestrator } = await temporaryApi(context)
      const answer = await exchange(context, port, request)
      assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `))
      assert.equal(answer.match(/HTTP\/1\.1/g)?.length, 1)
      assert.equal(orchestrator.submissions.length, 0)
    })
  }

  test('are told what they are', async (context) => {
    const { port } = await temporaryApi(context)
    const body = bodyOf(await exchange(context, port, 'noise\r\n\r\n'))
    assert.deepEqual(body, {
      Status: 400,
      Message: 'this is not a valid HTTP request',
      RequestID: '',
      Code: 'BadRequest',
      Component: 'APIServer',
    })
  })

  test('a full address instead of a path is judged by its Host header', async (context) => {
    const { port } = await temporaryApi(context)
    const request = (host: string) =>
      `GET http://evil.example/api/v1/orchestrator/nodes HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`
    assert.match(await exchange(context, port, request('evil.example')), /^HTTP\/1\.1 403 /)
  })

  test('two Host headers are refused', async (context) => {
    const { port } = await temporaryApi(context)
    const request =
      'GET /api/v1/orchestrator/nodes HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n'
    assert.match(await exchange(context, port, request), /^HTTP\/1\.1 403 /)
  })

  test('a chunked body is taken like any other', async (context) => {
    const { port, orchestrator } = await temporaryApi(context)
    const json = JSON.stringify({ Job: wasmJob })
    const request =
      'PUT /api/v1/orchestrator/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n' +
      `Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n${json.length.toString(16)}\r\n${json}\r\n0\r\n\r\n`
    assert.match(await exchange(context, port, request), /^HTTP\/1\.1 200 /)
    assert.equal(orchestrator.submissions.length, 1)
  })

  test('a body without a length is cut at the limit', async (context) => {
    const { port } = await temporaryApi(context)
    const body = (length: number) => `${length.toString(16)}\r\n${'x'.repeat(length)}\r\n`
    const request =
      'POST /api/v1/run HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n' +
      body(LIMITS.requestBody) +
      body(1)
    assert.match(await exchange(context, port, request), /^HTTP\/1\.1 413 /)
  })
})

describe('clients that would like another protocol', () => {
  const request = (port: number) =>
    `GET /api/v1/agent/alive HTTP/1.1\r\nHost: localhost:${port}\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n`
  // Older versions of Node hand every upgrade to those who take WebSockets.
  const skip = Number(process.versions.node.split('.')[0]) < 24

  test('are served in this one', { skip }, async (context) => {
    const { port } = await temporaryApi(context)
    assert.match(await exchange(context, port, request(port)), /^HTTP\/1\.1 200 /)
  })
})

describe('slow callers', () => {
  test('a body that does not arrive in time is cut off', async (context) => {
    const clock = new ManualClock()
    const { port } = await temporaryApi(context, { clock })
    const socket = open(context, port)
    socket.write('POST /api/v1/run HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"En')
    while (clock.waiting === 0) await new Promise((resolve) => setImmediate(resolve))
    clock.advance(LIMITS.requestArrival)
    await once(socket, 'close')
    assert.equal(clock.waiting, 0)
  })

  test('whose request has arrived have time', async (context) => {
    const clock = new ManualClock()
    const { client, orchestrator } = await temporaryApi(context, { clock })
    const waiting = Promise.withResolvers<void>()
    orchestrator.onWait = () => waiting.resolve()
    const answer = client.run({ Engine: 'Noop' })
    await waiting.promise
    // All that waits is the end of the patience with the job, and with the route.
    assert.equal(clock.waiting, 2)
    clock.advance(LIMITS.requestArrival * 2)
    const [{ ID } = { ID: '' }] = (await client.jobs.list()).Items
    orchestrator.publish(ID, { Type: 'ipfs', Params: { CID: 'QmResult' } })
    orchestrator.become(ID, 'Completed')
    assert.deepEqual(await answer, { cid: 'QmResult' })
    assert.equal(clock.waiting, 0)
  })
})

describe('strangers', () => {
  const proxied = { 'x-forwarded-for': '192.0.2.1' }

  test('learn why they are refused, and what to do', async (context) => {
    const { url } = await temporaryApi(context)
    const { status, body, headers } = await ask(`${url}/api/v1/orchestrator/jobs`, { headers: proxied })
    assert.equal(status, 401)
    assert.equal(headers.get('www-authenticate'), 'Bearer')
    assert.equal(headers.get('connection'), 'close')
    assert.deepEqual(body, {
      Status: 401,
      Message: 'Request Unauthorized',
      RequestID: '',
      Code: 'Unauthorized',
      Component: 'Authorizer',
      Hint: 'Call from the machine itself (127.0.0.1), send `Authorization: Bearer <token>` (BACALHAU_API_KEY), or run `bacalhau auth login`.',
      Details: { reason: 'the request came through a proxy, without a credential' },
    })
  })

  test('are refused everywhere else, and before their body is read', async (context) => {
    const { url, orchestrator } = await temporaryApi(context)
    const routes: readonly [method: string, path: string][] = [
      ['PUT', '/api/v1/orchestrator/jobs'],
      ['POST', '/api/v1/run'],
      ['GET', '/api/v1/orchestrator/nodes'],
      ['PUT', '/api/v1/data'],
      ['POST', '/api/v1/data/gc'],
      ['GET', '/ipfs/QmT78zSuBmuS4z925WZfrqQ1qHaJ56DQaTfyMUF7F8ff5o'],
      ['GET', '/no/such/route'],
      ['DELETE', '/api/v1/agent/alive'],
      ['OPTIONS', '/api/v1/run'],
    ]
    for (const [method, path] of routes) {
      const body = method === 'GET' ? {} : { body: JSON.stringify({ Job: wasmJob }) }
      const { status } = await ask(`${url}${path}`, { method, headers: proxied, ...body })
      assert.equal(status, 401, `${method} ${path}`)
    }
    assert.equal(orchestrator.submissions.length, 0)
  })

  test('with a token are served', async (context) => {
    const { url } = await temporaryApi(context, {}, { auth: { fixedTokens: ['secret'] } })
    const status = async (authorization: string) =>
      (await ask(`${url}/api/v1/orchestrator/jobs`, { headers: { ...proxied, authorization } })).status
    assert.equal(await status('Bearer secret'), 200)
    assert.equal(await status('Bearer guess'), 401)
  })

  test('web pages are refused', async (context) => {
    const { url } = await temporaryApi(context)
    const { status, body } = await ask(`${url}/api/v1/run`, {
      method: 'POST',
      body: '{"Engine":"Noop"}',
      headers: { origin: 'https://attacker.example' },
    })
    assert.equal(status, 403)
    assert.match((body as ApiErrorBody).Details?.['reason'] ?? '', /web page of another origin/)
  })
})

describe('start and stop', () => {
  test('a port in use is named, with the flag', async (context) => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    context.after(() => other.close())
    const { port } = other.address() as { port: number }
    await assert.rejects(temporaryApi(context, {}, { port }), (error: Error & { code: string; hint: string }) => {
      assert.equal(error.code, 'PortInUse')
      assert.ok(error.message.includes(String(port)))
      assert.match(error.hint, /--api-port/)
      return true
    })
  })

  test('an address that is not of this machine is named, with the flag', async (context) => {
    const attempt = temporaryApi(context, {}, { host: '192.0.2.1' })
    await assert.rejects(attempt, { code: 'ConfigurationError', message: /192\.0\.2\.1/, hint: /--host/ })
  })

  test('those who wait are told that the node stops', async (context) => {
    const { url, client, orchestrator, stop } = await temporaryApi(context)
    const { JobID } = await client.jobs.submit(wasmJob)
    const waiting = Promise.withResolvers<void>()
    orchestrator.onWait = () => waiting.resolve()
    const answer = ask(`${url}/api/v1/orchestrator/jobs/${JobID}?wait=60`)
    await waiting.promise
    await stop()
    const { status, body } = await answer
    assert.equal(status, 503)
    assert.equal((body as ApiErrorBody).Message, 'this node is stopping')
  })

  test('every connection ends with the node, idle, busy or half open', async (context) => {
    const { port, content, stop } = await temporaryApi(context)
    const [idle, half, busy] = [open(context, port), open(context, port), open(context, port)]
    half.write('GET /api/v1/agent/alive HT')
    const adding = Promise.withResolvers<void>()
    content.add = async (source) => {
      adding.resolve()
      for await (const _chunk of source as AsyncIterable<Uint8Array>);
      throw new Error('unreachable')
    }
    busy.write('PUT /api/v1/data HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n12')
    await adding.promise
    const closed = [idle, half, busy].map((socket) => once(socket, 'close'))
    await stop()
    await Promise.all(closed)
  })

  test('stopping twice is harmless', async (context) => {
    const { stop } = await temporaryApi(context)
    await stop()
    await stop()
  })
})

describe('log of requests', () => {
  test('holds what was asked, not what was told', async (context) => {
    const lines: object[] = []
    const logger: Logger = { ...silentLogger, info: (facts) => lines.push(facts) }
    const { url } = await temporaryApi(context, { logger })
    const headers = { 'x-request-id': 'r1', cookie: 'secret' }
    await ask(`${url}/api/v1/agent/alive?secret=1`, { headers })
    while (lines.length === 0) await new Promise((resolve) => setImmediate(resolve))
    const path = '/api/v1/agent/alive'
    const facts = { id: 'r1', caller: 'local', remote: '127.0.0.1', method: 'GET', path, status: 200, ms: 0 }
    assert.deepEqual({ ...lines[0], ms: 0 }, facts)
  })

  test('has the cause of a fault, which the answer does not tell', async (context) => {
    const faults: object[] = []
    const logger: Logger = { ...silentLogger, error: (facts) => faults.push(facts) }
    const { url, orchestrator } = await temporaryApi(context, { logger })
    orchestrator.nodes = () => {
      throw new Error('secret')
    }
    const { status, body } = await ask(`${url}/api/v1/orchestrator/nodes`)
    assert.equal(status, 500)
    assert.doesNotMatch(JSON.stringify(body), /secret/)
    assert.match(String((faults[0] as { error: Error }).error), /secret/)
  })
})
