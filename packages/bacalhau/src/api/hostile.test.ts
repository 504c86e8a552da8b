import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Server } from 'node:net'
import { describe, test, type TestContext } from 'node:test'
import { gzipSync } from 'node:zlib'
import { LIMITS } from '../runtime/limits.ts'
import { type Logger, silentLogger } from '../runtime/logger.ts'
import { answerMalformed } from './http/raw-answer.ts'
import { boundConnections, serverFactory } from './listener.ts'
import { boundPipeline } from './limits/pipeline.ts'
import { ask, temporaryApi, wasmJob } from './testing/api.ts'

/** Everything that the server says to these bytes, until it closes the connection. */
async function exchange(
  context: TestContext,
  port: number,
  ...parts: readonly (string | Uint8Array)[]
): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  context.after(() => socket.destroy())
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  for (const part of parts) socket.write(part)
  await new Promise((resolve) => socket.once('close', resolve))
  return Buffer.concat(chunks).toString()
}

const statusOf = (answer: string) => Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1])
const answersIn = (answer: string) => answer.match(/HTTP\/1\.1 \d{3} /g)?.length ?? 0

/** A second request that a confused reader would find in the body of the first one. */
const HIDDEN = 'DELETE /api/v1/orchestrator/jobs/j HTTP/1.1\r\nHost: localhost\r\n\r\n'
const POST = 'POST /api/v1/run HTTP/1.1\r\nHost: localhost\r\n'

describe('a request within a request', () => {
  const SHAPES: readonly [name: string, bytes: string][] = [
    ['both lengths', `${POST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${HIDDEN}`],
    [
      'both lengths, the other way round',
      `${POST}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n${HIDDEN}`,
    ],
    ['two lengths', `${POST}Content-Length: 0\r\nContent-Length: ${HIDDEN.length}\r\n\r\n${HIDDEN}`],
    ['two lengths in one', `${POST}Content-Length: 0, ${HIDDEN.length}\r\n\r\n${HIDDEN}`],
    ['a length in hexadecimal', `${POST}Content-Length: 0x0\r\n\r\n${HIDDEN}`],
    ['a negative length', `${POST}Content-Length: -1\r\n\r\n${HIDDEN}`],
    ['chunked by a tab', `${POST}Transfer-Encoding:\tchunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n${HIDDEN}`],
    ['chunked twice', `${POST}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n${HIDDEN}`],
    ['chunked and something', `${POST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${HIDDEN}`],
    ['a folded header', `${POST}X: a\r\n Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n${HIDDEN}`],
    ['bare line feeds', `POST /api/v1/run HTTP/1.1\nHost: localhost\nContent-Length: 0\n\n${HIDDEN}`],
    ['a bare carriage return', `${POST}X: a\rContent-Length: 5\r\n\r\n${HIDDEN}`],
    ['a NUL in a header', `${POST}X: a\0b\r\n\r\n${HIDDEN}`],
    ['a chunk size with a sign', `${POST}Transfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n${HIDDEN}`],
    ['a chunk size beyond all', `${POST}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nhello\r\n${HIDDEN}`],
    ['a chunk that ends elsewhere', `${POST}Transfer-Encoding: chunked\r\n\r\n3\r\nhello\r\n0\r\n\r\n${HIDDEN}`],
  ]
  for (const [name, bytes] of SHAPES) {
    test(`by ${name} is not found`, async (context) => {
      const { port, orchestrator } = await temporaryApi(context)
      let stopped = 0
      orchestrator.stopJob = () => Promise.reject(new Error(`stopped ${++stopped}`))
      const answer = await exchange(context, port, bytes)
      assert.deepEqual([statusOf(answer), answersIn(answer), stopped], [400, 1, 0], answer)
    })
  }

  test('after a body that is refused is not read: the connection ends', async (context) => {
    const { port } = await temporaryApi(context)
    const stranger = `${POST}X-Forwarded-For: 192.0.2.1\r\nContent-Length: ${HIDDEN.length}\r\n\r\n${HIDDEN}`
    const answer = await exchange(context, port, stranger)
    assert.deepEqual([statusOf(answer), answersIn(answer)], [401, 1])
    assert.match(answer, /connection: close/i)
  })
})

describe('too much', () => {
  test('of chunk extensions is refused', async (context) => {
    const { port } = await temporaryApi(context)
    const chunk = `1;${'x'.repeat(20_000)}\r\na\r\n`
    const answer = await exchange(context, port, `${POST}Transfer-Encoding: chunked\r\n\r\n`, chunk.repeat(10))
    // The answer is lost where the connection is reset while the rest is on its way.
    assert.ok(answer === '' || [400, 413].includes(statusOf(answer)), answer)
  })

  test('of headers is refused, by size and by number', async (context) => {
    const { port } = await temporaryApi(context)
    const get = 'GET /api/v1/agent/alive HTTP/1.1\r\nHost: localhost\r\n'
    assert.equal(statusOf(await exchange(context, port, `${get}X: ${'x'.repeat(17_000)}\r\n\r\n`)), 431)
    const many = Array.from({ length: 3_000 }, (_, index) => `X${index}: y\r\n`).join('')
    assert.equal(statusOf(await exchange(context, port, `${get}${many}\r\n`)), 431)
  })

  test('of an address is refused', async (context) => {
    const { port } = await temporaryApi(context)
    const get = `GET /api/v1/agent/alive?${'x'.repeat(17_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`
    assert.equal(statusOf(await exchange(context, port, get)), 431)
  })

  const put = (url: string, body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) =>
    ask(`${url}/api/v1/orchestrator/jobs`, {
      method: 'PUT',
      body,
      headers: { 'content-type': 'application/json', ...headers },
    })

  test('of depth, of values and of bytes of JSON is refused', async (context) => {
    const { url, orchestrator } = await temporaryApi(context)
    const deep = '['.repeat(100_000) + ']'.repeat(100_000)
    assert.equal((await put(url, `{"Job":${deep}}`)).status, 400)
    assert.equal((await put(url, `{"Job":${'{"a":'.repeat(1_000)}1${'}'.repeat(1_000)}}`)).status, 400)
    assert.equal((await put(url, `{"Job":{"Labels":{${'"a":"b",'.repeat(300_000)}"c":"d"}}}`)).status, 400)
    assert.equal((await put(url, `{"Job":[${'0,'.repeat(500_000)}0]}`)).status, 400)
    assert.equal((await put(url, ' '.repeat(LIMITS.requestBody + 1))).status, 413)
    assert.equal((await put(url, '{"Job":{"__proto__":{"Count":7},"constructor":1}}')).status, 400)
    assert.equal(orchestrator.submissions.length, 0)
  })

  test('in little: compressed bodies are not taken', async (context) => {
    const { url, orchestrator } = await temporaryApi(context)
    const bomb = new Uint8Array(gzipSync(Buffer.alloc(5_000_000)))
    for (const coding of ['gzip', 'br', 'deflate', 'identity, gzip']) {
      assert.equal((await put(url, bomb, { 'content-encoding': coding })).status, 415, coding)
    }
    const upload = await ask(`${url}/api/v1/data`, {
      method: 'PUT',
      body: bomb,
      headers: { 'content-encoding': 'gzip' },
    })
    assert.equal(upload.status, 415)
    const plain = JSON.stringify({ Job: wasmJob })
    assert.equal((await put(url, plain, { 'content-encoding': 'identity' })).status, 200)
    assert.equal(orchestrator.submissions.length, 1)
  })
})

describe('names that lead elsewhere', () => {
  const PATHS = [
    '/docs/../../../../etc/passwd',
    '/docs/..%2f..%2f..%2fetc%2fpasswd',
    '/docs/%2e%2e/%2e%2e/etc/passwd',
    '/ipfs/../../etc/passwd',
    '/ipfs/QmT78zSuBmuS4z925WZfrqQ1qHaJ56DQaTfyMUF7F8ff5o/..%2f..%2f..%2fetc%2fpasswd',
    '/api/v1/orchestrator/jobs/..%2f..%2fetc%2fpasswd',
    '/api/v1/orchestrator/jobs/%00',
    '/api/v1/auth/tokens/..%2f..%2fx',
    '//etc/passwd',
    '/%',
    '/%c0%ae%c0%ae/etc/passwd',
  ]
  for (const path of PATHS) {
    test(`${path} finds nothing`, async (context) => {
      const { port } = await temporaryApi(context)
      const answer = await exchange(
        context,
        port,
        `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
      )
      assert.ok([400, 404, 405].includes(statusOf(answer)), answer)
      assert.doesNotMatch(answer, /root:/)
    })
  }

  test('do not open what a stranger may not: the path is compared as the router reads it', async (context) => {
    const { port } = await temporaryApi(context)
    for (const path of [
      '/api/v1/agent/alive/../../orchestrator/nodes',
      '/api/v1/agent/alive;/../orchestrator/nodes',
      '/API/V1/ORCHESTRATOR/NODES',
      '/api/v1/orchestrator/nodes/',
      '//api/v1/orchestrator/nodes',
      '/api/v1/orchestrator%2fnodes',
      '/api/v1/auth/whoami/../tokens',
    ]) {
      const request = `GET ${path} HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 192.0.2.1\r\nConnection: close\r\n\r\n`
      assert.equal(statusOf(await exchange(context, port, request)), 401, path)
    }
  })
})

describe('headers of an answer', () => {
  test('hold nothing of the caller that could end them', async (context) => {
    const { port } = await temporaryApi(context)
    const request = (id: string) =>
      `GET /api/v1/agent/alive HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: ${id}\r\nConnection: close\r\n\r\n`
    for (const id of ['a%0d%0aSet-Cookie: x=1', 'a b', '"><script>', 'ä', 'x'.repeat(129)]) {
      const answer = await exchange(context, port, request(id))
      assert.match(answer, /x-request-id: [\da-f]{32}\r\n/i, id)
      assert.doesNotMatch(answer, /set-cookie/i)
    }
  })

  test('let no other origin read them, unless it is listed', async (context) => {
    const plain = await temporaryApi(context)
    const origin = 'https://dashboard.example'
    const headersOf = async (url: string, init: RequestInit) => (await fetch(url, init)).headers
    const none = await headersOf(`${plain.url}/api/v1/agent/alive`, { headers: { origin } })
    assert.equal(none.get('access-control-allow-origin'), null)
    const listed = await temporaryApi(context, {}, { auth: { origins: [origin], fixedTokens: ['t'] } })
    const alive = await headersOf(`${listed.url}/api/v1/agent/alive`, { headers: { origin } })
    assert.equal(alive.get('access-control-allow-origin'), origin)
    assert.match(alive.get('access-control-expose-headers') ?? '', /X-Request-Id/)
    const other = await headersOf(`${listed.url}/api/v1/agent/alive`, { headers: { origin: 'https://evil.example' } })
    assert.equal(other.get('access-control-allow-origin'), null)
    assert.match(other.get('vary') ?? '', /Origin/)
    const preflight = await fetch(`${listed.url}/api/v1/orchestrator/jobs`, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'PUT' },
    })
    assert.equal(preflight.status, 204)
    assert.match(
      preflight.headers.get('access-control-allow-headers') ?? '',
      /Authorization.*Idempotency-Key.*Last-Event-ID/,
    )
    const refused = await fetch(`${listed.url}/api/v1/orchestrator/jobs`, {
      method: 'OPTIONS',
      headers: { origin: 'https://evil.example', 'access-control-request-method': 'PUT' },
    })
    assert.equal(refused.status, 403)
  })

  test('of an error can be read by a page that may read the answer', async (context) => {
    const origin = 'https://dashboard.example'
    const { url } = await temporaryApi(context, {}, { auth: { origins: ['*'] } })
    const response = await fetch(`${url}/api/v1/orchestrator/nodes`, { headers: { origin } })
    // Any page may ask, but this one has no credential.
    assert.deepEqual([response.status, response.headers.get('access-control-allow-origin')], [403, origin])
  })
})

describe('secrets', () => {
  test('never get into the log, wherever they are put', async (context) => {
    const lines: string[] = []
    const write = (facts: object, message: string) => void lines.push(JSON.stringify(facts) + message)
    const logger: Logger = { debug: write, info: write, warn: write, error: write, child: () => logger }
    const { url, orchestrator } = await temporaryApi(context, { logger: { ...silentLogger, ...logger } })
    orchestrator.nodes = () => {
      throw new Error('broken')
    }
    const made = await ask(`${url}/api/v1/auth/tokens`, {
      method: 'POST',
      body: '{}',
      headers: { 'content-type': 'application/json' },
    })
    const { Token } = made.body as { Token: string }
    for (const headers of [{ authorization: `Bearer ${Token}` }, { authorization: 'Bearer bac_guess' }, {}]) {
      await ask(`${url}/api/v1/orchestrator/nodes?access_token=${Token}`, { headers })
    }
    const password = Buffer.from(`ann:${Token}`).toString('base64')
    await ask(`${url}/api/v1/orchestrator/nodes`, { headers: { authorization: `Basic ${password}` } })
    assert.ok(lines.length >= 5)
    for (const line of lines) {
      for (const secret of [Token, 'bac_guess', password]) assert.ok(!line.includes(secret), line)
    }
  })
})

describe('slow callers', () => {
  /** A bare server with the patience of a test. */
  async function impatient(context: TestContext): Promise<number> {
    const factory = serverFactory(undefined, { headers: 40, look: 10 })
    const server = factory((_request, response) => response.end(), {})
    server.on('clientError', (error, socket) => answerMalformed(error, socket))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    context.after(() => void server.close())
    return (server.address() as AddressInfo).port
  }

  test('of headers are told, and cut off', async (context) => {
    const answer = await exchange(context, await impatient(context), 'GET / HTTP/1.1\r\nHost: loc')
    assert.equal(statusOf(answer), 408)
  })

  test('who say nothing at all are cut off as well', async (context) => {
    await exchange(context, await impatient(context))
  })

  test('have few requests under way on one connection', async (context) => {
    const begun: ServerResponse[] = []
    const begin = boundPipeline((_request, response) => void begun.push(response), 2)
    const server = createServer(begin).listen(0, '127.0.0.1')
    await once(server, 'listening')
    context.after(() => void server.close())
    const { port } = server.address() as AddressInfo
    const request = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'
    // One after the other they may be as many as they like.
    const patient = connect(port, '127.0.0.1')
    context.after(() => patient.destroy())
    for (let round = 0; round < 5; round++) {
      patient.write(request)
      while (begun.length === 0) await new Promise((resolve) => setImmediate(resolve))
      begun.pop()?.end('well')
      await once(patient, 'data')
    }
    assert.equal(await exchange(context, port, request.repeat(1_000)), '')
    assert.equal(begun.length, 2)
  })

  test('cannot take all connections from one address', () => {
    const server = new EventEmitter()
    boundConnections(server as unknown as Server, 2)
    const arrive = (remoteAddress: string) => {
      const socket = Object.assign(new EventEmitter(), { remoteAddress, destroyed: false, destroy: () => {} })
      socket.destroy = () => void (socket.destroyed = true)
      server.emit('connection', socket)
      return socket
    }
    const [first, second, third] = ['192.0.2.1', '192.0.2.1', '::ffff:192.0.2.1'].map(arrive)
    assert.deepEqual([first?.destroyed, second?.destroyed, third?.destroyed], [false, false, true])
    assert.equal(arrive('192.0.2.2').destroyed, false)
    first?.emit('close')
    assert.equal(arrive('192.0.2.1').destroyed, false)
    for (let index = 0; index < 5; index++) assert.equal(arrive('127.0.0.1').destroyed, false)
  })
})
