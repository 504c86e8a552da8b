import assert from 'node:assert/strict'
import { test } from 'node:test'
import { multiaddr } from '@multiformats/multiaddr'
import { isLoopback, swarmAddresses } from './addresses.ts'
import { fixtureKey } from './fixtures/keys.ts'

const { peerId } = fixtureKey(0)
const EVERYWHERE = ['0.0.0.0', '::']

/** Interfaces with the given addresses. */
const interfaces = (all: Record<string, string[]>) =>
  Object.fromEntries(Object.entries(all).map(([name, list]) => [name, list.map((address) => ({ address }))]))

/** The IP addresses in the answer. */
const found = (hosts: string[], all: Record<string, string[]>) =>
  swarmAddresses({ peerId, port: 1235, hosts }, interfaces(all)).map((address) => address.split('/')[2])

test('the addresses are whole multiaddrs', () => {
  assert.deepEqual(swarmAddresses({ peerId, port: 1235, hosts: ['192.0.2.1', '::1'] }, {}), [
    `/ip4/192.0.2.1/tcp/1235/p2p/${peerId}`,
    `/ip6/::1/tcp/1235/p2p/${peerId}`,
  ])
})

test('the one that most other machines can reach comes first, loopback last', () => {
  const all = {
    lo: ['127.0.0.1', '::1'],
    docker0: ['172.17.0.1'],
    'br-12ab': ['203.0.113.9'],
    wlan0: ['192.168.1.5', 'fd00::5'],
    eth0: ['2001:db8::1', '198.51.100.4'],
  }
  const expected = [
    '198.51.100.4',
    '2001:db8::1',
    '192.168.1.5',
    'fd00::5',
    '172.17.0.1',
    '203.0.113.9',
    '127.0.0.1',
    '::1',
  ]
  assert.deepEqual(found(EVERYWHERE, all), expected)
})

test('addresses of the link only are left out', () => {
  assert.deepEqual(found(EVERYWHERE, { eth0: ['169.254.3.4', 'fe80::1', '10.0.0.1'] }), ['10.0.0.1'])
})

test('each family stands for its own', () => {
  const all = { eth0: ['10.0.0.1', 'fd00::1'] }
  assert.deepEqual(found(['0.0.0.0'], all), ['10.0.0.1'])
  assert.deepEqual(found(['::'], all), ['fd00::1'])
})

test('a node on loopback tells loopback only', () => {
  assert.deepEqual(found(['127.0.0.1'], { eth0: ['10.0.0.1'] }), ['127.0.0.1'])
})

test('nothing is told twice', () => {
  assert.deepEqual(found(['0.0.0.0', '10.0.0.1'], { eth0: ['10.0.0.1'], eth1: ['10.0.0.1'] }), ['10.0.0.1'])
})

test('what this machine has is valid', () => {
  const addresses = swarmAddresses({ peerId, port: 1235, hosts: EVERYWHERE })
  assert.ok(addresses.some(isLoopback))
  for (const address of addresses) assert.equal(multiaddr(address).toString(), address)
})

test('loopback is known in every spelling', () => {
  const yes = [
    '/ip4/127.0.0.1/tcp/1',
    '/ip4/127.9.9.9',
    '/ip6/::1/tcp/1',
    '/dns4/localhost/tcp/1',
    '/ip6/0:0:0:0:0:0:0:1',
  ]
  const no = ['/ip4/128.0.0.1/tcp/1', '/ip6/::2/tcp/1', '/dns4/localhost.example/tcp/1', '', 'x', '/ip4/x']
  assert.deepEqual(
    yes.map(isLoopback),
    yes.map(() => true),
  )
  assert.deepEqual(
    no.map(isLoopback),
    no.map(() => false),
  )
})
