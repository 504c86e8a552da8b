import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { DEFAULT_PEERS } from './bootstrap.ts'
import { fixtureKey } from './fixtures/keys.ts'
import { type AddressTarget, type ApiTarget, parsePeer, parsePeers } from './peer-address.ts'

const A = fixtureKey(0).peerId
const B = fixtureKey(1).peerId
const ids = (values: string[]) =>
  parsePeers(values).map((target) => (target.kind === 'api' ? target.url : target.peerId))

describe('--peer', () => {
  test('none asks for nobody', () => {
    assert.deepEqual(parsePeers(['none']), [])
    assert.deepEqual(parsePeers(['none', ' none ']), [])
  })

  test('none does not combine with an address', () => {
    for (const values of [['none', `/ip4/1.2.3.4/tcp/1/p2p/${A}`], [`/ip4/1.2.3.4/tcp/1/http,none`]]) {
      assert.throws(() => parsePeers(values), { code: 'InvalidMultiaddr', message: /\/ip4\/1\.2\.3\.4.*`none`/ })
    }
  })

  test('not given asks for the documented nodes', () => {
    assert.deepEqual(
      parsePeers(undefined).map((target) => target.text),
      [
        '/ip4/35.245.115.191/tcp/1235/p2p/QmdZQ7ZbhnvWY1J12XYKGHApJ6aufKyLNSvf8jZBrBaAVL',
        '/ip4/35.245.61.251/tcp/1235/p2p/QmXaXu9N5GNetatsvwnTfQqNtSeKAD6uCmarbh3LMRYAcF',
        '/ip4/35.245.251.239/tcp/1235/p2p/QmYgxZiySj3MRkwLSL4X2MF5F9f2PMhAE3LV49XkfNL1o3',
      ],
    )
    assert.equal(DEFAULT_PEERS.length, 3)
  })

  test('takes addresses repeated, with commas, and both', () => {
    const [one, two, three] = [
      `/ip4/1.2.3.4/tcp/1/p2p/${A}`,
      `/ip6/::1/tcp/2/p2p/${B}`,
      '/dns4/example.org/tcp/1234/http',
    ]
    const expected = [A, B, 'http://example.org:1234']
    assert.deepEqual(ids([one, two, three]), expected)
    assert.deepEqual(ids([`${one}, ${two},${three}`]), expected)
    assert.deepEqual(ids([`${one},${two}`, three]), expected)
  })

  test('joins the addresses of one peer', () => {
    const [one, two] = [`/ip4/1.2.3.4/tcp/1/p2p/${A}`, `/dns/host-1.example/tcp/2/p2p/${A}`]
    const targets = parsePeers([one, two, one]) as AddressTarget[]
    assert.deepEqual(targets, [{ kind: 'address', text: one, peerId: A, addresses: [one, two] }])
  })

  test('knows APIs over http and https, by address and by name', () => {
    const urls = {
      '/ip4/1.2.3.4/tcp/1234/http': 'http://1.2.3.4:1234',
      '/ip6/::1/tcp/80/https': 'https://[::1]:80',
      '/dns4/api.example.org/tcp/443/https': 'https://api.example.org:443',
    }
    for (const [text, url] of Object.entries(urls)) {
      const target = parsePeer(text) as ApiTarget
      assert.deepEqual([target.kind, target.url, target.text], ['api', url, text])
      assert.equal(`${target.machine}/tcp`, text.slice(0, text.indexOf('/tcp') + 4))
    }
  })

  test('takes the last peer of a relayed address, and IDs in every spelling', () => {
    const relayed = parsePeer(`/ip4/1.2.3.4/tcp/1/p2p/${A}/p2p-circuit/p2p/${B}`) as AddressTarget
    assert.equal(relayed.peerId, B)
    assert.equal((parsePeer(`/ip4/1.2.3.4/tcp/1/ipfs/${A}`) as AddressTarget).peerId, A)
    const cid = 'bafzbeie5745rpv2m6tjyuugywy4d5ewrqgqqhfnf445he3omzpjbx5xqxe'
    const target = parsePeer(`/ip4/1.2.3.4/tcp/1/p2p/${cid}`) as AddressTarget
    assert.equal(target.peerId, 'QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N')
  })

  const bad: [string, RegExp, RegExp?][] = [
    ['', /is empty/, /none/],
    ['/', /is not an address of a peer/],
    ['//', /cannot be read|is not an address/],
    ['/ip4/1.2.3.4', /is not an address of a peer/],
    ['/ip4/1.2.3.4/tcp/1235', /does not say which peer/, /\/p2p\/<peer ID>/],
    ['/ip4/1.2.3/tcp/1235', /Invalid IPv4/],
    ['/ip4/1.2.3.4/tcp/99999/http', /cannot be read/],
    [`/ip4/1.2.3.4/tcp/0/p2p/${A}`, /port 0/],
    ['/ip4/1.2.3.4/tcp/1235/p2p/Qm', /malformed peer ID, "Qm"/],
    [`/ip4/1.2.3.4/udp/1/quic-v1/p2p/${A}`, /a TCP address/],
    [`/ip4/1.2.3.4/tcp/1/ws/p2p/${A}`, /a TCP address/],
    [`/ip4/1.2.3.4/tcp/1/http/p2p/${A}`, /is not an address of a peer/],
    [`/p2p/${A}`, /is not an address of a peer/],
    [`/dns4/bad host/tcp/1/p2p/${A}`, /no valid host name/],
    ['/nonsense/1', /cannot be read/],
    [A, /does not begin with "\/"/],
    ['1.2.3.4:1234', /does not begin/, /\/ip4\/1\.2\.3\.4\/tcp\/1234\/http\?/],
    ['https://example.org', /does not begin/, /\/dns4\/example\.org\/tcp\/1234\/https\?/],
    ['http://[::1]:99', /does not begin/, /\/ip6\/::1\/tcp\/99\/http\?/],
  ]
  for (const [text, message, hint = /./] of bad) {
    test(`refuses "${text.slice(0, 60)}" and says why`, () => {
      assert.throws(
        () => parsePeer(text),
        (error: Error & { code?: string; hint?: string }) => {
          assert.equal(error.code, 'InvalidMultiaddr')
          assert.ok(error.message.includes(`"${text}"`), error.message)
          assert.match(error.message, message)
          assert.match(error.hint ?? '', hint)
          return true
        },
      )
    })
  }

  test('takes or refuses any text, never anything else', () => {
    const part = fc.constantFrom(
      '/ip4',
      '/1.2.3.4',
      '/tcp',
      '/1',
      '/p2p',
      `/${A}`,
      '/http',
      '/dns4',
      '/a',
      '/p2p-circuit',
      ',',
      'none',
    )
    const text = fc.oneof(
      fc.string({ maxLength: 300 }),
      fc.array(part, { maxLength: 10 }).map((parts) => parts.join('')),
    )
    fc.assert(
      fc.property(text, (value) => {
        try {
          for (const target of parsePeers([value])) {
            if (target.kind === 'address')
              assert.ok(target.addresses.every((address) => address.endsWith(target.peerId)))
            else assert.ok(URL.canParse(target.url))
          }
        } catch (error) {
          assert.equal((error as { code?: string }).code, 'InvalidMultiaddr', String(error))
        }
      }),
      { numRuns: 500 },
    )
  })

  test('quotes a long bad address in part', () => {
    assert.throws(
      () => parsePeer('x'.repeat(10_000)),
      (error: Error) => error.message.length < 400,
    )
  })
})
