import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import fc from 'fast-check'
import { systemClock } from '../../runtime/clock.ts'
import { silentLogger } from '../../runtime/logger.ts'
import { createAddressRules } from '../../sources/outbound/address-rules.ts'
import { createWasmExecutor } from './executor.ts'
import { createArena, fixture, type RunOptions, verdict } from './fixtures/harness.ts'
import { call, i32, program, wasi } from './fixtures/module-builder.ts'
import { HTTP_NAMESPACE, HTTP_RESULT } from './http/messages.ts'

const PUBLIC = '127.0.0.1'
/** Names of the tests. All of them are this machine; two are at an address that is not granted. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  'data.example.com': [PUBLIC],
  'other.example.com': [PUBLIC],
  'deep.data.example.com': [PUBLIC],
  'internal.example.com': ['127.0.0.2'],
  'both.example.com': [PUBLIC, '127.0.0.2'],
  'empty.example.com': [],
  'stranger.net': [PUBLIC],
}

const lookups: string[] = []
const arena = createArena({
  reach: {
    rules: createAddressRules([PUBLIC]),
    async resolve(name) {
      lookups.push(name)
      const addresses = NAMES[name]
      if (addresses === undefined) throw new Error(`ENOTFOUND ${name}`)
      return addresses.map((address) => ({ address, family: 4 }))
    },
  },
})

/** What the server does, by path, and what it saw. */
const ROUTES: Record<string, RequestListener> = {}
const seen: { readonly line: string; readonly request: IncomingMessage; readonly body: string }[] = []
let port = 0
const server = createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  const answer = ROUTES[request.url?.split('?')[0] ?? ''] ?? greet
  if (request.url === '/early') return answer(request, response)
  request.on('end', () => {
    seen.push({ line: `${request.method} ${request.url}`, request, body: Buffer.concat(chunks).toString() })
    answer(request, response)
  })
})
const greet: RequestListener = (_, response) => response.end('hello')

before(async () => {
  await new Promise<void>((resolve) => server.listen(0, PUBLIC, resolve))
  port = (server.address() as AddressInfo).port
})
after(() => {
  server.closeAllConnections()
  server.close()
})

interface Asked {
  readonly method?: number
  readonly url: string
  readonly headers?: string
  readonly body?: string
  readonly room?: number
}

const DOMAINS = ['*.example.com', PUBLIC, 'localhost']

/** Runs the fixture, and gives for each request what the module got, and how the run ended. */
async function ask(requests: readonly Asked[], options: RunOptions = {}) {
  seen.length = 0
  lookups.length = 0
  const stdin = requests
    .map(({ method = 0, url, headers = '', body = '', room = '' }) => [method, url, headers, body, room].join('\t'))
    .map((line) => `${line}\n`)
    .join('')
  const network = { Type: 'HTTP', Domains: DOMAINS } as const
  const result = await arena.run(fixture('http.wasm'), { stdin, network, ...options })
  const answers = result.stdout
    .split('\n---\n')
    .slice(0, -1)
    .map((block) => {
      const [head = '', ...rest] = block.split('\n')
      const [code, status, length] = head.split(' ').map(Number)
      const [headers = '', ...bodies] = rest.join('\n').split('\n\n')
      return { result: code, status, length, headers, body: bodies.join('\n\n') }
    })
  return { answers, verdict: verdict(result), first: answers[0] }
}

const data = (path = '/') => `http://data.example.com:${port}${path}`

describe('a module with HTTP', () => {
  test('gets an answer: status, headers, body', async () => {
    ROUTES['/answer'] = (_, response) => {
      response.writeHead(418, { 'X-Kind': 'téa', 'Set-Cookie': ['a=1', 'b=2'] })
      response.end('short and stout')
    }
    const { first, verdict: end } = await ask([{ url: data('/answer') }])
    assert.equal(end, 'exit 0')
    assert.deepEqual([first?.result, first?.status, first?.body], [0, 418, 'short and stout'])
    const lines = first?.headers.split('\n') ?? []
    assert.deepEqual(lines.slice(0, 3), ['X-Kind: t\u{fffd}a', 'Set-Cookie: a=1', 'Set-Cookie: b=2'])
  })

  test('says method, headers and body; the node says what is between the machines', async () => {
    const headers =
      'X-One: 1|X-Two: two words |Host: evil.net|Content-Length: 3|Connection: upgrade|Proxy-Authorization: x'
    await ask([{ method: 2, url: data('/put?q=1#part'), headers, body: '*200000' }])
    const [{ line, request, body } = assert.fail('no request')] = seen
    assert.equal(line, 'PUT /put?q=1')
    assert.equal(body.length, 200_000)
    assert.ok(body.startsWith('abcdefghijklmnopqrstuvwxyzabc') && body.endsWith('defgh'))
    const { host, connection, 'x-one': one, 'x-two': two, 'user-agent': agent, ...rest } = request.headers
    assert.deepEqual(
      [host, connection, one, two, agent],
      [`data.example.com:${port}`, 'keep-alive', '1', 'two words', 'bacalhau'],
    )
    assert.deepEqual(rest, { 'content-length': '200000' })
  })

  test('has seven methods, and GET for any other number', async () => {
    await ask([0, 1, 2, 3, 4, 5, 6, 7, 4_000_000_000].map((method) => ({ method, url: data() })))
    const methods = ['GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS', 'PATCH', 'GET', 'GET']
    assert.deepEqual(
      seen.map(({ request }) => request.method),
      methods,
    )
  })

  test('gets as much of a long body as it has room for', async () => {
    ROUTES['/long'] = (_, response) => response.end('0123456789'.repeat(1_000_000))
    const { answers } = await ask(
      [
        { url: data('/long'), room: 20_000_000 },
        { url: data('/long'), room: 25 },
        { url: data('/long'), room: 0 },
        { url: data('/') },
      ],
      { limits: { output: 20_000_000 } },
    )
    assert.deepEqual(
      answers.map(({ result, length }) => [result, length]),
      [
        [0, 10_000_000],
        [0, 25],
        [0, 0],
        [0, 5],
      ],
    )
    assert.equal(answers[1]?.body, '0123456789012345678901234')
  })

  test('talks to one server over one connection', async () => {
    await ask([...Array.from({ length: 5 }, () => ({ url: data() })), { url: `http://other.example.com:${port}/` }])
    assert.equal(new Set(seen.slice(0, 5).map(({ request }) => request.socket)).size, 1)
    assert.deepEqual(lookups, ['data.example.com', 'other.example.com'])
  })

  test('does not notice that the server has closed the kept connection', async () => {
    ROUTES['/once'] = (request, response) => {
      response.end('once')
      response.on('finish', () => setImmediate(() => request.socket.destroy()))
    }
    const { answers } = await ask([
      { url: data('/once') },
      { url: data('/') },
      { url: data('/once') },
      { method: 1, url: data('/') },
    ])
    assert.deepEqual(
      answers.map(({ result }) => result),
      [0, 0, 0, 0],
    )
  })

  test('gets an answer that comes before the body is sent', async () => {
    ROUTES['/early'] = (_, response) => response.writeHead(413).end('too much')
    const { first } = await ask([{ method: 1, url: data('/early'), body: '*30000000' }])
    assert.ok(first?.status === 413 || first?.result === HTTP_RESULT.networkError, JSON.stringify(first))
  })

  test('is told what is wrong by a number', async () => {
    const cases: [number, Asked][] = [
      [HTTP_RESULT.invalidUrl, { url: 'data.example.com' }],
      [HTTP_RESULT.invalidUrl, { url: 'file:///etc/passwd' }],
      [HTTP_RESULT.invalidUrl, { url: '' }],
      [HTTP_RESULT.networkError, { url: `http://empty.example.com:${port}/` }],
      [HTTP_RESULT.networkError, { url: `http://unknown.example.com:${port}/` }],
      [HTTP_RESULT.networkError, { url: 'http://data.example.com:80/' }],
      [HTTP_RESULT.invalidUrl, { url: data(`/${'x'.repeat(8_192)}`) }],
      [HTTP_RESULT.badInput, { url: data(), headers: 'no colon' }],
      [HTTP_RESULT.badInput, { url: data(), headers: 'X-Bad: a\rb' }],
      [HTTP_RESULT.badInput, { url: data(), headers: 'Bad Name: x' }],
      [HTTP_RESULT.badInput, { url: data(), headers: 'A: b|'.repeat(101) }],
    ]
    const { answers } = await ask(cases.map(([, request]) => request))
    assert.deepEqual(
      answers.map(({ result }) => result),
      cases.map(([expected]) => expected),
    )
    assert.deepEqual(seen, [])
  })

  test('gets no answer from what is no web server', async () => {
    ROUTES['/cut'] = (request) => request.socket.destroy()
    ROUTES['/half'] = (request, response) => {
      response.writeHead(200, { 'content-length': '10' })
      response.write('half', () => request.socket.destroy())
    }
    ROUTES['/junk'] = (request) => request.socket.end('SSH-2.0-OpenSSH\r\n')
    ROUTES['/upgrade'] = (request) =>
      request.socket.end('HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n')
    ROUTES['/heavy'] = (request) => request.socket.end(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(70_000)}\r\n\r\n`)
    const { answers } = await ask(['/cut', '/half', '/junk', '/upgrade', '/heavy'].map((path) => ({ url: data(path) })))
    assert.deepEqual(
      answers.map(({ result }) => result),
      Array(5).fill(HTTP_RESULT.networkError),
    )
  })
})

describe('a module reaches no more than its job lists', () => {
  const refused = async (urls: readonly string[], options?: RunOptions) => {
    const { answers } = await ask(
      urls.map((url) => ({ url })),
      options,
    )
    assert.deepEqual(
      answers.map(({ result }) => result),
      urls.map(() => HTTP_RESULT.notAllowed),
    )
    assert.deepEqual(seen, [])
  }

  test('other names, however they are written', async () => {
    await refused([
      `http://stranger.net:${port}/`,
      `http://data.example.com@stranger.net:${port}/`,
      `http://stranger.net:${port}/?data.example.com`,
      `http://example.com:${port}/`,
      `http://example.com.stranger.net:${port}/`,
      `http://evilexample.com:${port}/`,
    ])
    assert.deepEqual(lookups, [], 'not even looked up')
    await refused([data()], { network: { Type: 'HTTP' } })
  })

  test('names at addresses that the node does not reach for jobs', async () => {
    await refused([`http://internal.example.com:${port}/`, `http://both.example.com:${port}/`])
  })

  test('addresses of the node, its network and its cloud, also where the job lists them', async () => {
    const hosts = [
      '127.0.0.2',
      '10.0.0.1',
      '192.168.1.1',
      '169.254.169.254',
      '[::1]',
      '[fe80::1]',
      '[::ffff:127.0.0.2]',
      '0.0.0.0',
    ]
    const Domains = hosts.map((host) => host.replaceAll(/[[\]]/g, ''))
    await refused(
      hosts.map((host) => `http://${host}:${port}/`),
      { network: { Type: 'HTTP', Domains } },
    )
    await refused(['http://0x7f000002/', 'http://127.2/', 'http://2130706434/'], { network: { Type: 'HTTP', Domains } })
  })

  test('ports of other services', async () => {
    await refused([22, 25, 53, 445].map((low) => `http://data.example.com:${low}/`))
  })

  test('point 13: where a redirect leads', async () => {
    for (const [path, to] of [
      ['/away', `http://stranger.net:${port}/`],
      ['/inside', `http://internal.example.com:${port}/`],
      ['/metadata', 'http://169.254.169.254/latest/'],
    ] as const) {
      ROUTES[path] = (_, response) => response.writeHead(302, { location: to }).end()
      const { first } = await ask([{ url: data(path) }])
      assert.equal(first?.result, HTTP_RESULT.notAllowed, path)
      assert.deepEqual(
        seen.map(({ line }) => line),
        [`GET ${path}`],
      )
    }
  })
})

describe('redirects', () => {
  test('are followed, with what belongs to each', async () => {
    const to =
      (status: number, location: string): RequestListener =>
      (_, response) =>
        response.writeHead(status, { location }).end()
    ROUTES['/see-other'] = to(303, '/end')
    ROUTES['/temporary'] = to(307, `http://other.example.com:${port}/end`)
    const headers = 'Authorization: secret|Cookie: c|Content-Type: text/plain|X-Mine: 1'
    const { answers } = await ask([
      { method: 1, url: data('/see-other'), headers, body: 'body' },
      { method: 1, url: data('/temporary'), headers, body: 'body' },
    ])
    assert.deepEqual(
      answers.map(({ body }) => body),
      ['hello', 'hello'],
    )
    assert.deepEqual(
      seen.map(({ line, body }) => `${line} ${body}`),
      ['POST /see-other body', 'GET /end ', 'POST /temporary body', 'POST /end body'],
    )
    const named = seen.map(
      ({ request: { headers: got } }) =>
        ['authorization', 'cookie', 'content-type', 'x-mine'].filter((name) => got[name] !== undefined).length,
    )
    assert.deepEqual(named, [4, 3, 4, 2])
  })

  test('end at some time', async () => {
    ROUTES['/loop'] = (_, response) => response.writeHead(301, { location: '/loop' }).end('x'.repeat(1_000_000))
    const { first } = await ask([{ url: data('/loop') }])
    assert.equal(first?.result, HTTP_RESULT.networkError)
    assert.equal(seen.length, 11)
  })

  test('to what is no address of the web', async () => {
    ROUTES['/file'] = (_, response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end()
    assert.equal((await ask([{ url: data('/file') }])).first?.result, HTTP_RESULT.invalidUrl)
  })
})

describe('a job whose request hangs', () => {
  test('is ended by its time, and by its owner', async () => {
    ROUTES['/hang'] = () => cancel.abort()
    let cancel = new AbortController()
    assert.match((await ask([{ url: data('/hang') }], { limits: { time: 300 } })).verdict, /^ExecutionTimeout/)
    cancel = new AbortController()
    const { verdict: end } = await ask([{ url: data('/hang') }], { signal: cancel.signal })
    assert.match(end, /^ExecutionCancelled/)
  })
})

test('a module that is told to stop does', async () => {
  const urls = Array.from({ length: 10_001 }, () => ({ url: 'nowhere' }))
  const { answers, verdict: end } = await ask(urls)
  assert.match(end, /^WasmHttpLimit: the job made more than the 10000 requests of a run/)
  assert.equal(answers.length, 10_000, 'what it printed is kept')
})

test('a pointer out of bounds is told before anything is sent', async () => {
  const END = 65_536
  const good = [0, 64, 10, 0, 0, 0, 0, 1_024, 8, 2_048, 12, 16]
  const BAD: [place: number, value: number][] = [
    [1, END],
    [2, END],
    [2, -1],
    [3, END + 1],
    [4, END + 1],
    [5, END + 1],
    [6, -1],
    [7, END + 1],
    [8, END - 1],
    [9, -4],
    [10, END],
    [11, END - 3],
  ]
  const network = { Type: 'HTTP', Domains: DOMAINS } as const
  const run = async (args: readonly number[]) => {
    const request = { module: HTTP_NAMESPACE, name: 'http_request', type: [Array(12).fill('i32'), ['i32']] } as const
    const module = program([...args.flatMap(i32), ...call(0), ...call(1)], {
      imports: [request, wasi('proc_exit', 'i', '')],
      data: [
        { at: 64, bytes: [...Buffer.from('http://[x]')] },
        { at: 8, bytes: [4, 0, 0, 0, 4, 0, 0, 0] },
      ],
    })
    return verdict(await arena.run(module, { network }))
  }
  assert.equal(await run(good), `exit ${HTTP_RESULT.invalidUrl}`)
  for (const [place, value] of BAD)
    assert.equal(await run(good.with(place, value)), `exit ${HTTP_RESULT.memoryError}`, `${place}: ${value}`)
})

test('arguments that make no sense never end the run, nor the node (property)', async () => {
  const network = { Type: 'HTTP', Domains: DOMAINS } as const
  const argument = fc.oneof(fc.nat(70_000), fc.constantFrom(0, 8, 64, -1, 0x7fff_ffff, -0x8000_0000))
  const request = { module: HTTP_NAMESPACE, name: 'http_request', type: [Array(12).fill('i32'), ['i32']] } as const
  await fc.assert(
    fc.asyncProperty(fc.array(argument, { minLength: 12, maxLength: 12 }), async (args) => {
      const module = program([...args.flatMap(i32), ...call(0), ...call(1)], {
        imports: [request, wasi('proc_exit', 'i', '')],
        data: [{ at: 64, bytes: [...Buffer.from('http://stranger.net')] }],
      })
      assert.match(verdict(await arena.run(module, { network })), /^exit [13-7]$/)
    }),
    { numRuns: 60 },
  )
})

test('a node says which networks it gives', async () => {
  assert.equal(arena.executor.networkRefusal?.({ Type: 'HTTP' }), undefined)
  for (const Type of ['None', 'Default'] as const) assert.equal(arena.executor.networkRefusal?.({ Type }), undefined)
  for (const Type of ['Bridge', 'Host', 'Full'] as const)
    assert.match(
      arena.executor.networkRefusal?.({ Type }) ?? '',
      new RegExp(`get the network HTTP, .*asks for ${Type}`),
    )
  const closed = createWasmExecutor({ clock: systemClock, logger: silentLogger, poolSize: 0 })
  assert.match(closed.networkRefusal?.({ Type: 'HTTP' }) ?? '', /has not granted jobs the network HTTP/)
  await closed.stop()
})

test('without a network there are no host functions for HTTP', async () => {
  const { stdout: _, ...result } = await arena.run(fixture('http.wasm'), { stdin: '' })
  assert.match(verdict({ ...result, stdout: '' }), /^WasmMissingImport: .*"wasi:http\/requests\.http_request"/)
  const { outcome } = result
  assert.match(outcome.kind === 'failed' ? (outcome.hint ?? '') : '', /Network\.Type HTTP/)
})
