import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { type Caller, digestToken, isLoopback, judge } from './guard.ts'

const policy = { tokens: [digestToken('one'), digestToken('secret')], hosts: ['worker.lan'] }

const local: Caller = {
  remoteAddress: '127.0.0.1',
  localAddress: '127.0.0.1',
  host: '127.0.0.1:1234',
  origin: undefined,
  fetchSite: undefined,
  authorization: undefined,
  proxied: false,
}

const verdict = (change: Partial<Caller>) => {
  const judged = judge({ ...local, ...change }, policy)
  return judged.allowed ? 'allowed' : judged.code
}

const remote = { remoteAddress: '192.0.2.7', localAddress: '192.0.2.1', host: '192.0.2.1:1234' }

const TABLE: readonly [name: string, caller: Partial<Caller>, expected: ReturnType<typeof verdict>][] = [
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
  ['with a useless token', { authorization: 'Bearer nonsense' }, 'allowed'],
  ['a browser at its address line', { fetchSite: 'none' }, 'allowed'],
  ["the node's own page", { origin: 'http://127.0.0.1:1234', fetchSite: 'same-origin' }, 'allowed'],
  ["the node's own page over TLS", { origin: 'https://127.0.0.1:1234', fetchSite: 'same-origin' }, 'allowed'],

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

describe('guard', () => {
  for (const [name, caller, expected] of TABLE) {
    test(`${name}: ${expected}`, () => assert.equal(verdict(caller), expected))
  }

  test('every refusal says why and what to do', () => {
    for (const [, caller] of TABLE) {
      const judged = judge({ ...local, ...caller }, policy)
      if (!judged.allowed) assert.ok(judged.reason.length > 10 && judged.hint.length > 10)
    }
  })

  test('without tokens, no Authorization header lets anybody in', () => {
    fc.assert(
      fc.property(fc.string(), (authorization) => {
        const judged = judge({ ...local, ...remote, authorization }, { tokens: [], hosts: [] })
        assert.equal(judged.allowed, false)
      }),
    )
  })

  test('nobody from elsewhere gets in by what he says of himself', () => {
    const text = fc.option(fc.oneof(fc.string(), fc.constantFrom('localhost', '127.0.0.1', 'none', 'same-origin')), {
      nil: undefined,
    })
    const remoteAddress = fc.ipV4().filter((address) => !address.startsWith('127.') && address !== '192.0.2.1')
    fc.assert(
      fc.property(remoteAddress, text, text, text, fc.boolean(), (remoteAddress, host, origin, fetchSite, proxied) => {
        const caller = { remoteAddress, localAddress: '192.0.2.1', host, origin, fetchSite, proxied }
        assert.equal(judge({ ...caller, authorization: undefined }, policy).allowed, false)
      }),
    )
  })

  test('knows loopback addresses', () => {
    for (const address of ['127.0.0.1', '127.255.255.255', '::1', '::ffff:127.0.0.1', '::FFFF:127.0.0.1']) {
      assert.equal(isLoopback(address), true, address)
    }
    for (const address of [
      '128.0.0.1',
      '10.0.0.1',
      '::2',
      '::',
      '0.0.0.0',
      '127.0.0.1.example',
      '::ffff:10.0.0.1',
      '',
    ]) {
      assert.equal(isLoopback(address), false, address)
    }
  })
})
