import assert from 'node:assert/strict'
import { createPublicKey, sign } from 'node:crypto'
import { once } from 'node:events'
import { type IncomingMessage, request as httpRequest } from 'node:http'
import { describe, test, type TestContext } from 'node:test'
import { clientIdOf } from '../../network/user-key.ts'
import { createMemoryStore } from '../../store/memory.ts'
import type { Need } from '../http/route.ts'
import { PEER_ID, temporaryApi } from '../testing/api.ts'
import { rsaKey } from '../testing/auth.ts'
import { createJwt } from './jwt.ts'

/** What each route needs, said a second time: whoever adds a route, or changes what one needs, has to say so here as well. */
const NEEDS: Readonly<Record<string, Need>> = {
  'GET /': 'public',
  'GET /version': 'public',
  'GET /livez': 'public',
  'GET /healthz': 'public',
  'GET /readyz': 'public',
  'GET /docs': 'public',
  'GET /docs/style.css': 'public',
  'GET /docs/script.js': 'public',
  'GET /api/v1/healthz': 'public',
  'GET /api/v1/readyz': 'public',
  'GET /api/v1/livez': 'public',
  'GET /api/v1/openapi.json': 'public',
  'GET /api/v1/agent/alive': 'public',
  'GET /api/v1/agent/version': 'public',
  'GET /api/v1/agent/authconfig': 'public',
  // The peer ID for everybody, the rest for those who may read about the node.
  'GET /api/v1/agent/node': 'public',
  'GET /api/v1/node_info': 'public',
  'GET /api/v1/peer': 'public',
  'GET /api/v1/id': 'public',
  'POST /api/v1/version': 'public',
  'GET /api/v1/auth': 'public',
  'GET /api/v1/auth/whoami': 'public',
  'GET /api/v1/auth/:name': 'public',
  'POST /api/v1/auth/:name': 'public',
  'GET /api/v1/auth/tokens': 'admin',
  'POST /api/v1/auth/tokens': 'admin',
  'DELETE /api/v1/auth/tokens/:id': 'admin',
  'GET /api/v1/auth/keys': 'admin',
  'POST /api/v1/auth/keys': 'admin',
  'DELETE /api/v1/auth/keys/:id': 'admin',
  'GET /api/v1/agent/config': 'read:agent',
  'GET /api/v1/agent/debug': 'read:agent',
  'GET /api/v1/agent/network': 'read:agent',
  'GET /api/v1/agent/peers': 'read:agent',
  'PUT /api/v1/agent/peers': 'write:agent',
  'DELETE /api/v1/agent/peers': 'write:agent',
  'POST /api/v1/agent/peers/ping': 'write:agent',
  'GET /metrics': 'read:agent',
  'PUT /api/v1/orchestrator/jobs': 'write:job',
  'POST /api/v1/orchestrator/jobs': 'write:job',
  'POST /api/v1/orchestrator/jobs/bulk': 'write:job',
  'PUT /api/v1/orchestrator/jobs/diff': 'write:job',
  'PUT /api/v1/orchestrator/jobs/:id/rerun': 'write:job',
  'DELETE /api/v1/orchestrator/jobs/:id': 'write:job',
  'POST /api/v1/orchestrator/jobs/:id': 'write:job',
  'POST /api/v1/run': 'write:job',
  'GET /api/v1/orchestrator/jobs': 'read:job',
  'GET /api/v1/orchestrator/jobs/:id': 'read:job',
  'GET /api/v1/orchestrator/jobs/:id/history': 'read:job',
  'GET /api/v1/orchestrator/jobs/:id/executions': 'read:job',
  'GET /api/v1/orchestrator/jobs/:id/versions': 'read:job',
  'GET /api/v1/orchestrator/jobs/:id/logs': 'read:job',
  'GET /api/v1/orchestrator/jobs/:id/results': 'read:job',
  'GET /api/v1/orchestrator/events': 'read:job',
  'GET /api/v1/orchestrator/nodes': 'read:node',
  'GET /api/v1/orchestrator/nodes/:id': 'read:node',
  'PUT /api/v1/orchestrator/nodes/:id': 'write:node',
  'PUT /api/v1/data': 'write:data',
  'POST /api/v1/data': 'write:data',
  'GET /api/v1/data/ls': 'read:data',
  'GET /ipfs/*': 'read:data',
  'GET /api/v1/data/pins': 'read:agent',
  'DELETE /api/v1/data/pins/:cid': 'write:agent',
  'POST /api/v1/data/gc': 'write:agent',
  'GET /api/v1/compute/approve': 'read:agent',
  'GET /api/v1/compute/debug': 'read:agent',
  'POST /api/v1/compute/debug': 'read:agent',
  'POST /api/v1/compute/approve': 'read:agent',
}
/** The older paths, each with and without its prefix. */
const OLD: Readonly<Record<string, Need>> = {
  'POST /requester/submit': 'write:job',
  'POST /requester/cancel': 'write:job',
  'POST /requester/list': 'read:job',
  'POST /requester/states': 'read:job',
  'POST /requester/results': 'read:job',
  'POST /requester/events': 'read:job',
  'POST /requester/debug': 'read:agent',
  'POST /requester/approve': 'read:agent',
  'POST /requester/verify': 'read:agent',
  'POST /requester/logs': 'read:agent',
  'GET /requester/websocket/events': 'read:agent',
  'GET /requester/nodes': 'read:agent',
}
const ALL_NEEDS: Readonly<Record<string, Need>> = {
  ...NEEDS,
  ...OLD,
  ...Object.fromEntries(Object.entries(OLD).map(([route, need]) => [route.replace(' /', ' /api/v1/'), need])),
}

/** How the guard answers: the route is reached, or it is not. */
type Outcome = 'served' | 401 | 403 | 429

interface Exchange {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
}

/** Asks, reads enough of the answer to know who gave it, and hangs up. */
async function outcomeOf(port: number, { method, path, headers }: Exchange): Promise<Outcome> {
  const request = httpRequest({ port, host: '127.0.0.1', method, path, headers, agent: false })
  request.end()
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  const { statusCode = 0 } = response
  let text = ''
  if (statusCode >= 400) for await (const chunk of response) text += String(chunk)
  request.destroy()
  // Who has guessed too many passwords is told so from then on.
  const isRefusal = statusCode === 401 || statusCode === 403 || statusCode === 429
  return isRefusal && text.includes('"Component":"Authorizer"') ? statusCode : 'served'
}

/** Comes through a proxy, and so from anywhere. */
const ELSEWHERE = { 'x-forwarded-for': '192.0.2.7' }
const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
const basic = (name: string, password: string) => ({
  authorization: `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`,
})

const READ: readonly Need[] = ['read:job', 'read:node', 'read:agent', 'read:data']
const WRITE_JOBS: readonly Need[] = ['write:job', 'write:data']
const ALL: readonly Need[] = [...READ, ...WRITE_JOBS, 'write:node', 'write:agent', 'admin']

/** Somebody who calls, what they may do, and how the rest is answered. */
interface Kind {
  readonly name: string
  readonly headers: Readonly<Record<string, string>>
  readonly may: readonly Need[]
  readonly else: 401 | 403
}

const users = [
  { alias: undefined, capabilities: ['read:job'], login: { username: 'ann', password: 'a long password' } },
  { alias: undefined, capabilities: ['*'], login: { username: 'bob', password: 'another password' } },
  { alias: 'robot', capabilities: ['write:job', 'read:node'], login: { apiKey: 'k'.repeat(20) } },
]

async function prepare(context: TestContext, withUsers: boolean) {
  const store = createMemoryStore()
  const clock = { offset: 0 }
  const signingKey = rsaKey('node')
  const allowed = clientIdOf(rsaKey('allowed'))
  const auth = {
    store,
    signingKey,
    fixedTokens: ['fixed'],
    clientKeys: [allowed],
    // Many requests of one stranger come at once; the pace has its own tests.
    perSecond: 0,
    ...(withUsers ? { users } : {}),
  }
  const { systemClock } = await import('../../runtime/clock.ts')
  const shifted = { ...systemClock, now: () => systemClock.now() + clock.offset }
  const api = await temporaryApi(context, { clock: shifted }, { auth })
  return { api, clock, signingKey, allowed }
}

async function tokensOf(port: number, clock: { offset: number }) {
  const ask = async (method: string, path: string, json?: object) => {
    const response = await fetch(`http://127.0.0.1:${port}/api/v1/auth/${path}`, {
      method,
      headers: { ...bearer('fixed'), 'content-type': 'application/json' },
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
    })
    assert.equal(response.status, 200)
    return (await response.json()) as { Token: string; Info: { ID: string } }
  }
  const make = (json: object) => ask('POST', 'tokens', json)
  const [read, submit, manage] = [await make({ Scope: 'read' }), await make({}), await make({ Scope: 'manage' })]
  const limited = await make({ Namespaces: ['a'] })
  const revoked = await make({ Scope: 'manage' })
  await ask('DELETE', `tokens/${revoked.Info.ID}`)
  const expired = await make({ Scope: 'manage', ExpiresAt: new Date(Date.now() + 60_000).toISOString() })
  clock.offset = 61_000
  return { read, submit, manage, limited, revoked, expired }
}

async function kindsOf(
  port: number,
  { clock, signingKey, allowed }: Awaited<ReturnType<typeof prepare>>,
): Promise<Kind[]> {
  const { read, submit, manage, limited, revoked, expired } = await tokensOf(port, clock)
  const jwt = createJwt(PEER_ID, signingKey)
  const now = Date.now() + clock.offset
  const known = jwt.issue(allowed, now)
  const unknown = jwt.issue('b'.repeat(64), now)
  const [head = '', , signature = ''] = known.split('.')
  const [, body = ''] = unknown.split('.')
  const none = Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url')
  const far = (headers: Readonly<Record<string, string>>) => ({ ...headers, ...ELSEWHERE })
  return [
    { name: 'a program on this machine', headers: {}, may: ALL, else: 401 },
    { name: 'it, with a token of the configuration', headers: bearer('fixed'), may: ALL, else: 403 },
    { name: 'it, with a read token', headers: bearer(read.Token), may: READ, else: 403 },
    { name: 'it, with a useless token', headers: bearer('nonsense'), may: [], else: 401 },
    { name: 'it, with a revoked token', headers: bearer(revoked.Token), may: [], else: 401 },
    { name: 'it, with an expired token', headers: bearer(expired.Token), may: [], else: 401 },
    { name: 'it, with the token of an unknown client key', headers: bearer(unknown), may: ALL, else: 401 },
    { name: 'it, by a rebound name', headers: { host: 'evil.example' }, may: [], else: 403 },
    { name: 'a page of another site', headers: { origin: 'https://evil.example' }, may: [], else: 403 },
    { name: 'a link on another site', headers: { 'sec-fetch-site': 'cross-site' }, may: [], else: 403 },
    { name: 'a stranger', headers: ELSEWHERE, may: [], else: 401 },
    { name: 'a stranger who says localhost', headers: far({ host: 'localhost' }), may: [], else: 401 },
    {
      name: 'a token in the address',
      headers: { ...ELSEWHERE, 'x-query': `token=${manage.Token}` },
      may: [],
      else: 401,
    },
    { name: 'a read token', headers: far(bearer(read.Token)), may: READ, else: 403 },
    { name: 'a submit token', headers: far(bearer(submit.Token)), may: [...READ, ...WRITE_JOBS], else: 403 },
    { name: 'a manage token', headers: far(bearer(manage.Token)), may: ALL, else: 403 },
    {
      name: 'a token of a namespace',
      headers: far(bearer(limited.Token)),
      may: ['read:job', 'read:node', 'read:data', ...WRITE_JOBS],
      else: 403,
    },
    { name: 'a revoked token', headers: far(bearer(revoked.Token)), may: [], else: 401 },
    { name: 'an expired token', headers: far(bearer(expired.Token)), may: [], else: 401 },
    {
      name: 'the token of an allowed client key',
      headers: far(bearer(known)),
      may: [...READ, ...WRITE_JOBS],
      else: 403,
    },
    { name: 'the token of an unknown client key', headers: far(bearer(unknown)), may: [], else: 401 },
    { name: 'a token with another body', headers: far(bearer(`${head}.${body}.${signature}`)), may: [], else: 401 },
    { name: 'a token without a signature', headers: far(bearer(`${none}.${body}.`)), may: [], else: 401 },
    { name: 'a password where there are no users', headers: far(basic('ann', 'a long password')), may: [], else: 401 },
  ]
}

const USER_KINDS: readonly Kind[] = [
  { name: 'a program on this machine', headers: {}, may: [], else: 401 },
  {
    name: 'a user who may look at jobs',
    headers: basic('ann', 'a long password'),
    may: ['read:job', 'read:data'],
    else: 403,
  },
  { name: 'a user who may do everything', headers: basic('BOB', 'another password'), may: ALL, else: 403 },
  {
    name: 'an API key, from elsewhere',
    headers: { ...bearer('k'.repeat(20)), ...ELSEWHERE },
    may: ['write:job', 'write:data', 'read:node'],
    else: 403,
  },
  { name: 'an unknown API key', headers: bearer('x'.repeat(20)), may: [], else: 401 },
  {
    name: 'the page of another site, with the password that the browser knows',
    headers: { ...basic('bob', 'another password'), origin: 'https://evil.example' },
    may: [],
    else: 403,
  },
]

/** A path of the route, with something in the place of its parameters, and a token where none is looked for. */
function pathOf(route: string, { headers }: Kind): string {
  const path = route.replaceAll(/:\w+/g, 'x').replace('*', 'x')
  const { 'x-query': query } = headers
  return query === undefined ? path : `${path}?access_token=${query}&${query}`
}

async function checkAll(port: number, kinds: readonly Kind[]): Promise<void> {
  for (const kind of kinds) {
    const { 'x-query': _query, ...headers } = kind.headers
    await Promise.all(
      Object.entries(ALL_NEEDS).map(async ([route, need]) => {
        const [method = '', pattern = ''] = route.split(' ')
        const outcome = await outcomeOf(port, { method, path: pathOf(pattern, kind), headers })
        const expected = need === 'public' || kind.may.includes(need) ? 'served' : kind.else
        assert.equal(outcome, expected, `${kind.name}: ${route}`)
      }),
    )
  }
}

describe('every route', () => {
  test('needs what it says here, too', async (context) => {
    const { api } = await prepare(context, false)
    const declared = api.routes.map(({ method, path, needs }) => [`${method} ${path}`, needs])
    assert.deepEqual(Object.fromEntries(declared), ALL_NEEDS)
  })

  test('serves those who may, and refuses all others', async (context) => {
    const parts = await prepare(context, false)
    await checkAll(parts.api.port, await kindsOf(parts.api.port, parts))
  })

  test('serves nobody without a credential where there are users', async (context) => {
    const { api } = await prepare(context, true)
    await checkAll(api.port, USER_KINDS)
    const headers = basic('ann', 'another password')
    for (const [route, need] of Object.entries(ALL_NEEDS)) {
      const [method = '', path = ''] = route.split(' ')
      if (need !== 'public') assert.notEqual(await outcomeOf(api.port, { method, path, headers }), 'served', route)
    }
  })

  test('is one that is declared: strangers are not told which others there are', async (context) => {
    const { api } = await prepare(context, false)
    const ask = (method: string, path: string) => outcomeOf(api.port, { method, path, headers: ELSEWHERE })
    for (const path of ['/no/such/route', '/api/v1/auth/tokens/x/y', '/api/v1/orchestrator/jobs/x/y']) {
      assert.equal(await ask('GET', path), 401, path)
    }
    for (const method of ['OPTIONS', 'DELETE', 'PATCH']) {
      assert.equal(await ask(method, '/api/v1/orchestrator/nodes'), 401, method)
    }
    assert.equal(await ask('HEAD', '/api/v1/agent/alive'), 'served')
  })
})

describe('the log socket', () => {
  const upgrade = (port: number, headers: Readonly<Record<string, string>>) =>
    new Promise<number>((resolve, reject) => {
      const request = httpRequest({
        port,
        host: '127.0.0.1',
        path: '/api/v1/orchestrator/jobs/j/logs',
        headers: {
          connection: 'Upgrade',
          upgrade: 'websocket',
          'sec-websocket-version': '13',
          'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
          ...headers,
        },
      })
      request.on('upgrade', ({ headers: answer }, socket) => {
        socket.destroy()
        assert.doesNotMatch(answer['sec-websocket-protocol'] ?? '', /bearer/)
        resolve(101)
      })
      request.on('response', ({ statusCode = 0 }) => {
        request.destroy()
        resolve(statusCode)
      })
      request.on('error', reject)
      request.end()
    })

  test('is opened for those who may read jobs', async (context) => {
    const parts = await prepare(context, false)
    for (const kind of await kindsOf(parts.api.port, parts)) {
      const { 'x-query': _query, ...headers } = kind.headers
      const expected = kind.may.includes('read:job') ? 101 : kind.else
      assert.equal(await upgrade(parts.api.port, headers), expected, kind.name)
    }
  })

  test('takes the token of a browser among its protocols, and does not repeat it', async (context) => {
    const { api } = await prepare(context, false)
    const offer = (token: string) => ({
      ...ELSEWHERE,
      'sec-websocket-protocol': `bacalhau.logs, bacalhau.bearer.${token}`,
    })
    assert.equal(await upgrade(api.port, offer('fixed')), 101)
    assert.equal(await upgrade(api.port, offer('wrong')), 401)
    assert.equal(await upgrade(api.port, { ...ELSEWHERE, 'sec-websocket-protocol': 'bacalhau.bearer.fixed' }), 101)
  })
})

describe('a login with a client key', () => {
  const proof = (phrase: string, name: string) => {
    const key = rsaKey(name)
    const answer = {
      PhraseSignature: sign('sha256', Buffer.from(phrase, 'base64'), key).toString('base64'),
      PublicKey: createPublicKey(key).export({ format: 'der', type: 'pkcs1' }).toString('base64'),
    }
    return Buffer.from(JSON.stringify(answer)).toString('base64')
  }
  const logIn = async (url: string, headers: Readonly<Record<string, string>>, MethodData: string) => {
    const response = await fetch(`${url}/api/v1/auth/ClientKey`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify({ Namespace: '', Credential: null, Name: 'ClientKey', MethodData }),
    })
    return { status: response.status, body: (await response.json()) as { Authentication: Record<string, unknown> } }
  }
  const phraseOf = async (url: string) => {
    const response = await fetch(`${url}/api/v1/auth`, { headers: ELSEWHERE })
    const { Methods } = (await response.json()) as {
      Methods: { ClientKey: { type: string; params: { InputPhrase: string } } }
    }
    assert.equal(Methods.ClientKey.type, 'challenge')
    return Methods.ClientKey.params.InputPhrase
  }

  test('gives an allowed one a token that works from elsewhere', async (context) => {
    const { api } = await prepare(context, false)
    const { status, body } = await logIn(api.url, ELSEWHERE, proof(await phraseOf(api.url), 'allowed'))
    assert.equal(status, 200)
    assert.equal(body.Authentication['success'], true)
    const headers = { ...ELSEWHERE, ...bearer(String(body.Authentication['token'])) }
    assert.equal(await outcomeOf(api.port, { method: 'GET', path: '/api/v1/orchestrator/nodes', headers }), 'served')
  })

  test('tells another one its ID, and what its operator can do', async (context) => {
    const { api } = await prepare(context, false)
    const { status, body } = await logIn(api.url, ELSEWHERE, proof(await phraseOf(api.url), 'other'))
    assert.equal(status, 401)
    const id = clientIdOf(rsaKey('other'))
    assert.deepEqual(body, {
      Authentication: {
        success: false,
        reason: `the client key ${id} is not allowed to use this node. Its operator can allow it: bacalhau auth key allow ${id}`,
      },
    })
  })

  test('gives a program on this machine a token that is worth nothing elsewhere', async (context) => {
    const { api } = await prepare(context, false)
    const { status, body } = await logIn(api.url, {}, proof(await phraseOf(api.url), 'other'))
    assert.equal(status, 200)
    const token = bearer(String(body.Authentication['token']))
    const ask = (headers: Readonly<Record<string, string>>) =>
      outcomeOf(api.port, { method: 'GET', path: '/api/v1/orchestrator/nodes', headers })
    assert.equal(await ask(token), 'served')
    assert.equal(await ask({ ...token, ...ELSEWHERE }), 401)
  })

  test('fails for a signature of something else, or of nothing', async (context) => {
    const { api, clock } = await prepare(context, false)
    const phrase = await phraseOf(api.url)
    const wrong = [
      proof(Buffer.from(PEER_ID).toString('base64'), 'allowed'),
      Buffer.from('{}').toString('base64'),
      '',
      'e30=',
    ]
    for (const data of wrong) assert.equal((await logIn(api.url, ELSEWHERE, data)).status, 401, data)
    // A phrase that somebody has seen is of no use for long.
    clock.offset = 10 * 60_000
    assert.equal((await logIn(api.url, ELSEWHERE, proof(phrase, 'allowed'))).status, 401)
  })

  test('is not offered where there are users', async (context) => {
    const { api } = await prepare(context, true)
    const response = await fetch(`${api.url}/api/v1/auth`)
    assert.deepEqual(await response.json(), { NextToken: '', Methods: {} })
    assert.equal((await fetch(`${api.url}/api/v1/auth/ClientKey`)).status, 404)
  })
})
