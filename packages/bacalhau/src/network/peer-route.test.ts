import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { describe, test, type TestContext } from 'node:test'
import { LIMITS } from '../runtime/limits.ts'
import { fixtureKey } from './fixtures/keys.ts'
import { type ApiTarget, parsePeer } from './peer-address.ts'
import { findRoute } from './peer-route.ts'

const A = fixtureKey(0).peerId
const B = fixtureKey(1).peerId
const never = new AbortController().signal

/** A target whose API is a real server on this machine. */
async function serve(t: TestContext, listener: RequestListener): Promise<ApiTarget> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  t.after(() => server.closeAllConnections())
  t.after(() => server.close())
  await once(server, 'listening')
  const address = server.address()
  assert.ok(typeof address === 'object' && address !== null)
  return parsePeer(`/ip4/127.0.0.1/tcp/${address.port}/http`) as ApiTarget
}

const answer =
  (answers: Record<string, unknown>): RequestListener =>
  (request, response) => {
    const body = answers[request.url ?? '']
    response.writeHead(body === undefined ? 404 : 200).end(JSON.stringify(body))
  }

/** The route to a target of the given machine whose API answers with `body`. */
function routeFrom(body: unknown, machine = '/ip4/192.0.2.7') {
  const target = parsePeer(`${machine}/tcp/1234/http`)
  return findRoute(target, never, async () => new Response(JSON.stringify(body)))
}

describe('route of an address', () => {
  test('is the address', async () => {
    const text = `/ip4/192.0.2.1/tcp/1/p2p/${A}`
    assert.deepEqual(await findRoute(parsePeer(text), never), { peerId: A, addresses: [[text]] })
  })
})

describe('route of an API', () => {
  test('is what the API tells', async (t) => {
    const target = await serve(
      t,
      answer({ '/api/v1/peer': { ID: A, Addresses: [`/ip4/127.0.0.1/tcp/7001/p2p/${A}`] } }),
    )
    assert.deepEqual(await findRoute(target, never), {
      peerId: A,
      addresses: [[`/ip4/127.0.0.1/tcp/7001/p2p/${A}`]],
    })
  })

  test('begins with the machine that was asked, at the ports that were told', async () => {
    const Addresses = [
      `/ip4/172.17.0.2/tcp/1235/p2p/${A}`,
      `/ip4/192.0.2.7/tcp/1235`,
      `/ip6/2001:db8::1/tcp/1236/p2p/${A}`,
    ]
    const { addresses } = await routeFrom({ ID: A, Addresses })
    assert.deepEqual(addresses, [
      [`/ip4/192.0.2.7/tcp/1235/p2p/${A}`, `/ip4/192.0.2.7/tcp/1236/p2p/${A}`],
      [`/ip4/172.17.0.2/tcp/1235/p2p/${A}`, `/ip6/2001:db8::1/tcp/1236/p2p/${A}`],
    ])
    const byName = await routeFrom({ ID: A, Addresses }, '/dns4/node.example')
    assert.equal(byName.addresses[0]?.[0], `/dns4/node.example/tcp/1235/p2p/${A}`)
  })

  test('leaves out loopback of another machine, other peers, and what cannot be dialled', async () => {
    const Addresses = [
      `/ip4/127.0.0.1/tcp/1235/p2p/${A}`,
      `/ip6/::1/tcp/1235/p2p/${A}`,
      `/ip4/198.51.100.1/tcp/9/p2p/${B}`,
      `/ip4/198.51.100.1/udp/9/quic-v1/p2p/${A}`,
      'nonsense',
    ]
    assert.deepEqual((await routeFrom({ ID: A, Addresses })).addresses, [[`/ip4/192.0.2.7/tcp/1235/p2p/${A}`]])
  })

  test('is found for a node of the Go program, at its fixed port', async (t) => {
    for (const body of [
      { PeerInfo: { ID: A }, NodeType: 'Requester' },
      { Info: { PeerInfo: { ID: A, Addrs: null } } },
    ]) {
      const target = await serve(t, answer({ '/api/v1/agent/node': body }))
      const { peerId, addresses } = await findRoute(target, never)
      assert.deepEqual([peerId, addresses], [A, [[`/ip4/127.0.0.1/tcp/1235/p2p/${A}`]]])
    }
  })

  const useless: [string, RequestListener, RegExp][] = [
    ['is not there', answer({}), /does not answer like a node|JSON/],
    ['fails', (_, response) => response.writeHead(500).end('no'), /status 500/],
    ['wants a token', (_, response) => response.writeHead(401).end('{}'), /status 401/],
    ['answers with something else', (_, response) => response.end('<html>'), /JSON/],
    ['answers with another object', answer({ '/api/v1/peer': { id: A } }), /does not answer like a node/],
    ['tells a malformed ID', answer({ '/api/v1/peer': { ID: 'Qm', Addresses: [] } }), /./],
    ['tells no address', answer({ '/api/v1/peer': { ID: A, Addresses: [] } }), /no address that could be dialled/],
    [
      'tells too many',
      answer({ '/api/v1/peer': { ID: A, Addresses: Array.from({ length: 65 }, () => '/') } }),
      /like a node/,
    ],
    ['sends elsewhere', (_, response) => response.writeHead(302, { location: 'http://192.0.2.1/' }).end(), /redirect/],
    [
      'breaks off',
      (_, response) => response.writeHead(200, { 'content-length': 99 }).write('{', () => response.destroy()),
      /./,
    ],
  ]
  for (const [what, listener, message] of useless) {
    test(`is an error when the API ${what}`, async (t) => {
      const target = await serve(t, listener)
      await assert.rejects(findRoute(target, never), (error: Error & { code?: string }) => {
        assert.equal(error.code, 'PeerUnreachable')
        assert.ok(error.message.startsWith(`The API at ${target.url} did not tell its peer ID: `), error.message)
        assert.match(error.message, message)
        return true
      })
    })
  }

  test('is an error when nothing listens there', async () => {
    const closed = createServer().listen(0, '127.0.0.1')
    await once(closed, 'listening')
    const address = closed.address()
    assert.ok(typeof address === 'object' && address !== null)
    await new Promise((resolve) => closed.close(resolve))
    await assert.rejects(findRoute(parsePeer(`/ip4/127.0.0.1/tcp/${address.port}/http`), never), {
      code: 'PeerUnreachable',
      message: /ECONNREFUSED/,
    })
  })

  test('does not read an endless answer', async (t) => {
    let sent = 0
    const target = await serve(t, (_, response) => {
      const more = () => {
        while (!response.destroyed && response.write('x'.repeat(16_384))) sent += 16_384
      }
      response.on('drain', more)
      more()
    })
    await assert.rejects(findRoute(target, never), { code: 'PeerUnreachable', message: /too large/ })
    assert.ok(sent >= LIMITS.peerApiBody)
  })

  test('stops asking when the signal aborts', async (t) => {
    const asked = Promise.withResolvers<void>()
    const target = await serve(t, () => asked.resolve())
    const abort = new AbortController()
    const route = findRoute(target, abort.signal)
    await asked.promise
    abort.abort(new Error('enough'))
    await assert.rejects(route, /enough/)
  })
})
