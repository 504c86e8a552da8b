import assert from 'node:assert/strict'
import { createServer as createHttpServer, type IncomingMessage } from 'node:http'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { describe, test, type TestContext } from 'node:test'
import { systemClock } from '../../../runtime/clock.ts'
import { createOutbound } from '../../../sources/outbound/outbound.ts'
import { hostRule } from '../../wasm/http/domains.ts'
import { createTurns } from '../../wasm/http/turns.ts'
import { createBudget } from './budget.ts'
import { MeteredSocket } from './metered-socket.ts'
import { createProxy } from './proxy.ts'

async function listen(t: TestContext, server: ReturnType<typeof createServer>): Promise<number> {
  const open = new Set<Socket>()
  server.on('connection', (socket: Socket) => open.add(socket))
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    for (const socket of open) socket.destroy()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

/** A proxy to `good.test`, which is this machine, and what a job says to it. */
async function open(t: TestContext, bytes = 1e9, rate = 1e12) {
  const over = new AbortController()
  const looked: string[] = []
  const refused: string[] = []
  const budget = createBudget({ bytes, rate }, systemClock, over.signal)
  let answers = ['127.0.0.1']
  const proxy = createProxy({
    jobId: 'j-1',
    isAllowed: hostRule(['good.test', 'public.test']),
    outbound: createOutbound(['127.0.0.1'], async (name) => {
      looked.push(name)
      return answers.map((address) => ({ address, family: 4 }))
    }),
    lookups: createTurns(1),
    clock: systemClock,
    signal: over.signal,
    onRequest: (refusal) => {
      if (refusal !== undefined) refused.push(`${refusal.status} ${refusal.message}`)
    },
  })
  const port = await listen(
    t,
    createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) =>
      proxy.accept(new MeteredSocket(socket, budget).on('error', () => undefined)),
    ),
  )
  const speak = (words: string) => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    socket.on('error', () => undefined).write(words)
    return socket
  }
  const say = async (words: string) => {
    const socket = speak(words)
    socket.end()
    return text(socket).catch(() => 'broken')
  }
  const resolveTo = (...addresses: string[]) => (answers = addresses)
  return { budget, looked, refused, say, speak, over, resolveTo }
}

async function webServer(t: TestContext, answer: string | Buffer = 'hello') {
  const requests: { readonly request: IncomingMessage; readonly body: string }[] = []
  const server = createHttpServer((request, reply) => {
    void text(request).then((body) => {
      requests.push({ request, body })
      reply
        .writeHead(200, { 'X-Answer': 'yes', 'Proxy-Authenticate': 'no', Connection: 'X-Secret', 'X-Secret': 'no' })
        .end(answer)
    })
  })
  return { port: await listen(t, server), requests }
}

describe('a plain request', () => {
  test('goes on with its body and headers, and the answer comes back with its own', async (t) => {
    const { say } = await open(t)
    const { port, requests } = await webServer(t)
    const answer = await say(
      `POST http://good.test:${port}/a?b=c HTTP/1.1\r\nHost: other.test\r\nX-A: 1\r\nX-A: 2\r\nX-Bacalhau-Job-ID: evil\r\n` +
        'Proxy-Authorization: secret\r\nConnection: X-Drop, Content-Length\r\nX-Drop: x\r\nContent-Length: 4\r\n\r\nbody',
    )
    assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/)
    assert.match(answer, /X-Answer: yes\r\n(.|\r\n)*hello/)
    assert.doesNotMatch(answer, /Proxy-Authenticate|X-Secret/i)
    const [{ request, body } = assert.fail('nothing arrived')] = requests
    assert.deepEqual([request.method, request.url, body], ['POST', '/a?b=c', 'body'])
    const {
      host,
      'x-a': a,
      'x-bacalhau-job-id': job,
      'x-drop': drop,
      'proxy-authorization': secret,
    } = request.headersDistinct
    assert.deepEqual([host, a, job, drop, secret], [[`good.test:${port}`], ['1', '2'], ['j-1'], undefined, undefined])
  })

  test('whose body comes in pieces goes on in pieces, and several go over one connection', async (t) => {
    const { say } = await open(t)
    const { port, requests } = await webServer(t)
    const one = `GET http://good.test:${port}/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`
    const answer = await say(one + one)
    assert.equal(answer.match(/200 OK/g)?.length, 2)
    assert.deepEqual(
      requests.map(({ body }) => body),
      ['abc', 'abc'],
    )
  })

  test('is refused with a reason', async (t) => {
    const { say, refused, looked } = await open(t)
    const cases = [
      ['GET http://bad.test/ HTTP/1.1', 403, 'bad.test is none of the Domains'],
      ['GET http://good.test:25/ HTTP/1.1', 403, 'port 25 is not for the web'],
      ['GET / HTTP/1.1', 400, 'this is a proxy'],
      ['GET https://good.test/ HTTP/1.1', 400, 'this is a proxy'],
      ['CONNECT bad.test:443 HTTP/1.1', 403, 'bad.test is none of the Domains'],
      ['CONNECT good.test HTTP/1.1', 400, 'a name and a port'],
    ] as const
    for (const [line, status, reason] of cases) {
      const answer = await say(`${line}\r\nHost: x\r\n\r\n`)
      assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `), line)
      assert.ok(answer.includes(reason), answer)
    }
    assert.deepEqual([refused.length, looked], [6, []])
  })

  test('whose answer comes faster than the job may take it is answered whole', async (t) => {
    const { say } = await open(t, 1e9, 4_000_000)
    const { port } = await webServer(t, Buffer.alloc(1_500_000, 'x'))
    const answer = await say(`GET http://good.test:${port}/ HTTP/1.1\r\nHost: x\r\n\r\n`)
    assert.ok(answer.length > 1_500_000, String(answer.length))
  })

  test('to which the answer makes no sense is told so, and the proxy goes on', async (t) => {
    const { say } = await open(t)
    const nonsense = [
      'HTTP/1.1 099 Low\r\nContent-Length: 0\r\n\r\n',
      'HTTP/1.1 000 None\r\nContent-Length: 0\r\n\r\n',
      'HTTP/1.1 200 O\u0001K\r\nContent-Length: 0\r\n\r\n',
      'HTTP/1.1 200 OK\r\nX: \u0001\r\n\r\n',
      'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n',
      'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n',
      'SSH-2.0-x\r\n',
      '',
    ]
    for (const answer of nonsense) {
      const port = await listen(
        t,
        createServer((socket) => void socket.on('error', () => undefined).end(answer)),
      )
      const heard = await say(`GET http://good.test:${port}/ HTTP/1.1\r\nHost: x\r\n\r\n`)
      assert.match(heard, /^(HTTP\/1\.1 502 |HTTP\/1\.1 200 O|$)/, JSON.stringify([answer, heard]))
    }
    const { port } = await webServer(t)
    assert.match(await say(`GET http://good.test:${port}/ HTTP/1.1\r\nHost: x\r\n\r\n`), / 200 OK/)
  })

  test('that is none is cut off', async (t) => {
    const { say } = await open(t)
    assert.equal(await say('nonsense\r\n\r\n'), '')
  })
})

describe('a name', () => {
  test('that leads to one private address among public ones leads nowhere', async (t) => {
    const { say, resolveTo } = await open(t)
    for (const addresses of [['10.0.0.1'], ['1.1.1.1', '169.254.169.254'], ['::1'], ['::ffff:10.0.0.1']]) {
      resolveTo(...addresses)
      assert.match(
        await say('CONNECT public.test:443 HTTP/1.1\r\nHost: x\r\n\r\n'),
        /^HTTP\/1\.1 403 .*\r\n(.|\r\n)*may not reach/,
      )
    }
  })

  test('is looked up once for each connection, and another answer a moment later gains nothing', async (t) => {
    const { say, resolveTo, looked } = await open(t)
    const { port, requests } = await webServer(t)
    const request = `GET http://good.test:${port}/ HTTP/1.1\r\nHost: x\r\n\r\n`
    await say(request)
    resolveTo('10.0.0.1')
    assert.match(await say(request), /^HTTP\/1\.1 403 /)
    assert.deepEqual([looked.length, requests.length], [2, 1])
  })

  test('at which nobody listens is told', async (t) => {
    const { say } = await open(t)
    const gone = createServer()
    const port = await listen(t, gone)
    await new Promise((resolve) => gone.close(resolve))
    assert.match(
      await say(`GET http://good.test:${port}/ HTTP/1.1\r\nHost: x\r\n\r\n`),
      /^HTTP\/1\.1 502 (.|\r\n)*ECONNREFUSED/,
    )
    assert.match(
      await say(`CONNECT good.test:${port} HTTP/1.1\r\nHost: x\r\n\r\n`),
      /^HTTP\/1\.1 502 (.|\r\n)*ECONNREFUSED/,
    )
  })
})

describe('a tunnel', () => {
  test('carries bytes both ways, and each side may end first', async (t) => {
    const { say } = await open(t)
    const echo = createServer(
      { allowHalfOpen: true },
      (socket) => void text(socket).then((words) => socket.end(`<${words}>`)),
    )
    const port = await listen(t, echo)
    const answer = await say(`CONNECT good.test:${port} HTTP/1.1\r\nHost: x\r\n\r\nraw \u0000 bytes`)
    assert.equal(answer, 'HTTP/1.1 200 Connection established\r\n\r\n<raw \u0000 bytes>')
  })

  test('ends with the job', async (t) => {
    const { speak, over } = await open(t)
    const { promise: reached, resolve } = Promise.withResolvers<Socket>()
    const port = await listen(
      t,
      createServer((socket) => resolve(socket.on('error', () => undefined))),
    )
    const near = speak(`CONNECT good.test:${port} HTTP/1.1\r\nHost: x\r\n\r\n`)
    const far = await reached
    over.abort(new Error('the job has ended'))
    await Promise.all([far, near].map((socket) => new Promise((done) => socket.once('end', done).resume())))
  })
})

test('every byte counts, in and out, and there are no more than there may be', async (t) => {
  const { say, budget } = await open(t, 100_000)
  const { port } = await webServer(t, Buffer.alloc(60_000, 'x'))
  const request = `GET http://good.test:${port}/ HTTP/1.0\r\n\r\n`
  const whole = await say(request)
  assert.equal(budget.used, request.length + whole.length)
  const cut = await say(request)
  assert.ok(cut.length < 60_000, String(cut.length))
  assert.equal(budget.exceeded.aborted, true)
})
