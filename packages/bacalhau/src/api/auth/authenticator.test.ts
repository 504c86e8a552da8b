import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Access } from './access.ts'
import type { Caller } from './caller.ts'
import { isLoopback } from './machine.ts'
import { CLIENT_ID, localCaller, NODE_ID, remoteCaller, rsaKey, temporaryAuthenticator } from '../testing/auth.ts'
import { createJwt } from './jwt.ts'

const { authenticate } = await temporaryAuthenticator({
  fixedTokens: ['one', 'secret'],
  hosts: ['worker.lan'],
  origins: ['http://dashboard.example:8438'],
})

async function verdict(change: Partial<Caller>, by = authenticate): Promise<string> {
  const { access, refusal } = await by({ ...localCaller, ...change })
  assert.equal(access.kind === 'stranger', refusal !== undefined)
  return refusal?.code ?? 'allowed'
}

const remote = { remoteAddress: '192.0.2.7', localAddress: '192.0.2.1', host: '192.0.2.1:1234' }

const TABLE: readonly [name: string, caller: Partial<Caller>, expected: string][] = [
  ['a program on this machine', {}, 'allowed'],
  ['by IPv6', { remoteAddress: '::1', localAddress: '::1', host: '[::1]:1234' }, 'allowed'],
  ['by IPv4 in IPv6', { remoteAddress: '::ffff:127.0.0.1', localAddress: '::ffff:127.0.0.1' }, 'allowed'],
  ['by another loopback address', { remoteAddress: '127.8.8.8', host: '127.8.8.8' }, 'allowed'],
  ['by name', { host: 'localhost:1234' }, 'allowed'],
  ['by name, in capitals and rooted', { host: 'LOCALHOST.:1234' }, 'allowed'],
  ['by a name below localhost', { host: 'node.localhost' }, 'allowed'],
  ['by a name that the operator allows', { host: 'Worker.lan:1234' }, 'allowed'],
  [
    "by the machine's own address",
    { remoteAddress: '192.0.2.1', localAddress: '192.0.2.1', host: '192.0.2.1' },
    'allowed',
  ],
  ['a browser at its address line', { fetchSite: 'none' }, 'allowed'],
  ["the node's own page", { origin: 'http://127.0.0.1:1234', fetchSite: 'same-origin' }, 'allowed'],
  ["the node's own page over TLS", { origin: 'https://127.0.0.1:1234', fetchSite: 'same-origin' }, 'allowed'],

  ['a page of a listed origin', { origin: 'http://Dashboard.example:8438', fetchSite: 'cross-site' }, 'allowed'],

  ['a stranger', remote, 'Unauthorized'],
  ['a stranger who claims to be local', { ...remote, host: 'localhost' }, 'Unauthorized'],
  ['an unknown address', { remoteAddress: undefined }, 'Unauthorized'],
  ['a proxy on this machine', { proxied: true }, 'Unauthorized'],
  ['a stranger with a wrong token', { ...remote, authorization: 'Bearer Secret' }, 'Unauthorized'],
  ['a stranger with the beginning of a token', { ...remote, authorization: 'Bearer secre' }, 'Unauthorized'],
  ['a stranger with an empty token', { ...remote, authorization: 'Bearer ' }, 'Unauthorized'],
  ['a stranger with another scheme', { ...remote, authorization: 'Basic secret' }, 'Unauthorized'],
  ['a stranger with a token', { ...remote, authorization: 'Bearer secret' }, 'allowed'],
  ['a stranger with the other token', { ...remote, authorization: 'bearer  one' }, 'allowed'],
  ['a program on this machine with a useless token', { authorization: 'Bearer nonsense' }, 'Unauthorized'],
  ['a program on this machine with an empty header', { authorization: '' }, 'Unauthorized'],
  ['a program on this machine with a stale token of a client key', { authorization: 'Bearer e30.e30.x' }, 'allowed'],
  ['a stranger with a stale token of a client key', { ...remote, authorization: 'Bearer e30.e30.x' }, 'Unauthorized'],
  ['a password where there are no users', { authorization: basic('ann', 'secret') }, 'Unauthorized'],
  ['a page of a listed origin elsewhere', { ...remote, origin: 'http://dashboard.example:8438' }, 'Unauthorized'],
  ['a proxy with a token', { proxied: true, authorization: 'Bearer secret' }, 'allowed'],
  ['a page that has a token', { origin: 'https://example.org', authorization: 'Bearer secret' }, 'allowed'],

  ['a rebound name', { host: 'attacker.example:1234' }, 'Forbidden'],
  ['a name that only looks local', { host: 'localhost.attacker.example' }, 'Forbidden'],
  ['a name that begins like an address', { host: '127.0.0.1.attacker.example' }, 'Forbidden'],
  ['somebody else’s address as name', { host: '192.0.2.99' }, 'Forbidden'],
  ['no Host', { host: undefined }, 'Forbidden'],
  ['an ill-formed Host', { host: 'localhost:1234@attacker.example' }, 'Forbidden'],
  ['a page of another site', { origin: 'https://attacker.example' }, 'Forbidden'],
  ['a page of another port', { origin: 'http://127.0.0.1:3000' }, 'Forbidden'],
  ['a page of another name of this machine', { origin: 'http://localhost:1234' }, 'Forbidden'],
  ['a page without origin', { origin: 'null' }, 'Forbidden'],
  ['a link on another site', { fetchSite: 'cross-site' }, 'Forbidden'],
  ['a page of another port, by fetch metadata', { fetchSite: 'same-site' }, 'Forbidden'],
  ['two answers about the site', { fetchSite: 'none, cross-site' }, 'Forbidden'],
]

function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
}

describe('without users', () => {
  for (const [name, caller, expected] of TABLE) {
    test(`${name}: ${expected}`, async () => assert.equal(await verdict(caller), expected))
  }

  test('every refusal says why and what to do', async () => {
    for (const [, caller] of TABLE) {
      const { refusal } = await authenticate({ ...localCaller, ...caller })
      if (refusal !== undefined) assert.ok(refusal.reason.length > 10 && refusal.hint.length > 10)
    }
  })

  test('no Authorization header lets anybody in where there are no tokens', async () => {
    const closed = await temporaryAuthenticator()
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.string(),
          fc.base64String().map((text) => `Basic ${text}`),
        ),
        async (authorization) => {
          assert.notEqual(await verdict({ ...remote, authorization }, closed.authenticate), 'allowed')
        },
      ),
    )
  })

  test('nobody from elsewhere gets in by what he says of himself', async () => {
    const text = fc.option(fc.oneof(fc.string(), fc.constantFrom('localhost', '127.0.0.1', 'none', 'same-origin')), {
      nil: undefined,
    })
    const remoteAddress = fc.ipV4().filter((address) => !address.startsWith('127.') && address !== '192.0.2.1')
    await fc.assert(
      fc.asyncProperty(
        remoteAddress,
        text,
        text,
        text,
        fc.boolean(),
        async (address, host, origin, fetchSite, proxied) => {
          const caller = { remoteAddress: address, localAddress: '192.0.2.1', host, origin, fetchSite, proxied }
          assert.notEqual(await verdict(caller), 'allowed')
        },
      ),
    )
  })

  test('where this machine is not trusted, its programs need a credential as well', async () => {
    const strict = await temporaryAuthenticator({ trustLocal: false, fixedTokens: ['secret'] })
    assert.equal(await verdict({}, strict.authenticate), 'Unauthorized')
    assert.equal(await verdict({ authorization: 'Bearer e30.e30.x' }, strict.authenticate), 'Unauthorized')
    assert.equal(await verdict({ authorization: 'Bearer secret' }, strict.authenticate), 'allowed')
  })
})

describe('tokens', () => {
  const DAY = 24 * 60 * 60_000
  const bearer = (token: string) => ({ ...remoteCaller, authorization: `Bearer ${token}` })

  test('do what their scope says, where it says', async () => {
    const { authenticate: by, tokens } = await temporaryAuthenticator()
    const accessWith = async (request: Parameters<typeof tokens.create>[0]): Promise<Access> => {
      const { Token } = await tokens.create(request)
      return (await by(bearer(Token))).access
    }
    const read = await accessWith({ Scope: 'read' })
    assert.deepEqual(
      [read.kind, read.allows('read:job'), read.allows('write:job'), read.allows('admin')],
      ['token', true, false, false],
    )
    const submit = await accessWith({ Name: 'ci', Namespaces: ['a', 'b'] })
    assert.match(submit.name, /^ci \(t-[\da-f]{12}\)$/)
    assert.deepEqual(submit.namespaces, ['a', 'b'])
    assert.ok(submit.allows('write:job') && submit.allows('write:data') && submit.allows('write:job', 'b'))
    assert.ok(!submit.allows('write:job', 'c') && !submit.allows('write:node') && !submit.allows('admin'))
    const manage = await accessWith({ Scope: 'manage' })
    assert.ok(manage.allows('admin') && manage.allows('write:node') && manage.namespaces === 'all')
  })

  test('end at their time, and when they are revoked', async () => {
    const { authenticate: by, tokens, clock } = await temporaryAuthenticator()
    const ExpiresAt = new Date(clock.now() + DAY).toISOString()
    const { Token } = await tokens.create({ ExpiresAt })
    const { Token: other, Info } = await tokens.create({})
    assert.equal((await by(bearer(Token))).refusal, undefined)
    clock.advance(DAY)
    assert.equal((await by(bearer(Token))).refusal?.reason, 'the token has expired')
    assert.equal((await by({ ...localCaller, authorization: `Bearer ${Token}` })).refusal?.code, 'Unauthorized')
    assert.equal((await by(bearer(other))).refusal, undefined)
    await tokens.revoke(Info.ID)
    assert.equal((await by(bearer(other))).refusal?.reason, 'the token is not valid here')
    await assert.rejects(tokens.revoke(Info.ID), { code: 'NotFound' })
  })
})

describe('tokens of client keys', () => {
  const bearer = (caller: Caller, token: string) => ({ ...caller, authorization: `Bearer ${token}` })

  test('are good for what the key is allowed, as long as it is', async () => {
    const { authenticate: by, jwt, keys, clock } = await temporaryAuthenticator()
    const token = jwt.issue(CLIENT_ID, clock.now())
    const refused = await by(bearer(remoteCaller, token))
    assert.match(refused.refusal?.reason ?? '', /aaaa is not allowed/)
    assert.match(refused.refusal?.hint ?? '', /bacalhau auth key allow aaaa/)
    await keys.allow({ ClientID: CLIENT_ID, Scope: 'read', Namespaces: ['a'] })
    const { access } = await by(bearer(remoteCaller, token))
    assert.deepEqual([access.kind, access.name, access.namespaces], ['clientKey', CLIENT_ID, ['a']])
    assert.ok(access.allows('read:job') && !access.allows('write:job'))
    await keys.remove(CLIENT_ID)
    assert.equal((await by(bearer(remoteCaller, token))).refusal?.code, 'Unauthorized')
  })

  test('of nobody in particular are good on this machine only', async () => {
    const { authenticate: by, jwt, clock } = await temporaryAuthenticator()
    const token = jwt.issue(CLIENT_ID, clock.now())
    assert.equal((await by(bearer(localCaller, token))).access.kind, 'local')
    assert.equal((await by(bearer({ ...localCaller, proxied: true }, token))).refusal?.code, 'Unauthorized')
    assert.equal((await by(bearer({ ...localCaller, host: 'evil.example' }, token))).refusal?.code, 'Unauthorized')
  })

  test('that are tampered with, of another node, or old are worth nothing', async () => {
    const { authenticate: by, jwt, clock } = await temporaryAuthenticator({ clientKeys: [CLIENT_ID] })
    const token = jwt.issue(CLIENT_ID, clock.now())
    assert.equal((await by(bearer(remoteCaller, token))).access.kind, 'clientKey')
    const [header = '', body = '', signature = ''] = token.split('.')
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as object
    const bad = [
      `${header}.${part({ ...claims, sub: 'b'.repeat(64) })}.${signature}`,
      `${part({ alg: 'none', typ: 'JWT' })}.${body}.`,
      `${part({ alg: 'HS256', typ: 'JWT' })}.${body}.${signature}`,
      `${header}.${body}.`,
      `${header}.${body}.${signature.slice(0, -2)}`,
      createJwt(NODE_ID, rsaKey('other')).issue(CLIENT_ID, clock.now()),
      createJwt('QmOther', rsaKey('node')).issue(CLIENT_ID, clock.now()),
      jwt.issue(CLIENT_ID, clock.now() + 3_600_000),
    ]
    for (const each of bad) assert.equal((await by(bearer(remoteCaller, each))).refusal?.code, 'Unauthorized', each)
    clock.advance(31 * 24 * 60 * 60_000)
    assert.equal((await by(bearer(remoteCaller, token))).refusal?.reason, 'the token has expired')
  })
})

describe('with users', () => {
  // bcrypt of "correct horse", with the least cost.
  const HASH = '$2b$04$GRtryd91BjXuGYRZCRAbY.ZYET64TUW46wcbykJO3v5aLR5IOV21S'
  const users = [
    { alias: undefined, capabilities: ['read:job'], login: { username: 'Ann', password: 'a long password' } },
    { alias: undefined, capabilities: ['*'], login: { username: 'bob', password: HASH } },
    { alias: 'ci', capabilities: ['write:job'], login: { apiKey: 'k'.repeat(20) } },
  ]
  const make = () => temporaryAuthenticator({ users, trustLocal: false })

  test('names in any letter case and the right password let in', async () => {
    const { authenticate: by } = await make()
    for (const [name, password] of [
      ['ann', 'a long password'],
      ['ANN', 'a long password'],
      ['bob', 'correct horse'],
      ['bob', 'correct horse'],
    ] as const) {
      const { access } = await by({ ...remoteCaller, authorization: basic(name, password) })
      assert.equal(access.kind, 'basic')
    }
    const ann = (await by({ ...remoteCaller, authorization: basic('ann', 'a long password') })).access
    assert.ok(ann.allows('read:job') && ann.allows('read:data') && !ann.allows('write:job') && !ann.allows('read:node'))
    const ci = (await by({ ...remoteCaller, authorization: `Bearer ${'k'.repeat(20)}` })).access
    assert.deepEqual([ci.kind, ci.name, ci.allows('write:job'), ci.allows('read:job')], ['apiKey', 'ci', true, false])
  })

  test('all else does not, neither from this machine', async () => {
    const { authenticate: by } = await make()
    const wrong = [
      undefined,
      basic('ann', 'A long password'),
      basic('ann', ''),
      basic('bob', HASH),
      basic('carl', 'a long password'),
      `Bearer ${'k'.repeat(19)}`,
      `Bearer ${HASH}`,
      'Basic !!!',
    ]
    for (const authorization of wrong) {
      assert.equal((await by({ ...localCaller, authorization })).refusal?.code, 'Unauthorized', authorization ?? 'none')
    }
  })

  test('a page of another origin cannot use a password that the browser knows', async () => {
    const { authenticate: by } = await make()
    const caller = { ...remoteCaller, authorization: basic('ann', 'a long password'), origin: 'https://evil.example' }
    assert.equal((await by(caller)).refusal?.code, 'Forbidden')
  })

  test('who guesses has to wait, whoever asks from elsewhere has not', async () => {
    const { authenticate: by, clock } = await make()
    const guess = () => by({ ...remoteCaller, authorization: basic('ann', 'guess') })
    const right = { ...remoteCaller, authorization: basic('ann', 'a long password') }
    for (let tries = 0; tries < 10; tries++) assert.equal((await guess()).refusal?.code, 'Unauthorized')
    assert.equal((await guess()).refusal?.code, 'TooManyRequests')
    assert.equal((await by(right)).refusal?.code, 'TooManyRequests')
    assert.equal((await by({ ...right, remoteAddress: '192.0.2.8' })).refusal, undefined)
    clock.advance(5_000)
    assert.equal((await by(right)).refusal, undefined)
    assert.equal((await guess()).refusal?.code, 'Unauthorized')
  })
})

test('loopback addresses', () => {
  for (const address of ['127.0.0.1', '127.255.255.255', '::1', '::ffff:127.0.0.1', '::FFFF:127.0.0.1']) {
    assert.equal(isLoopback(address), true, address)
  }
  for (const address of ['128.0.0.1', '10.0.0.1', '::2', '::', '0.0.0.0', '127.0.0.1.example', '::ffff:10.0.0.1', '']) {
    assert.equal(isLoopback(address), false, address)
  }
})
