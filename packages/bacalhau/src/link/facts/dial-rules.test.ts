import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { mayDial } from './dial-rules.ts'

const PUBLIC = ['/ip4/8.8.8.8/tcp/1235', '/ip6/2001:4860::8888/tcp/1235']
const LOCAL = ['/ip4/127.0.0.1/tcp/1235']
const HOME = ['/ip4/192.168.1.7/tcp/1235']

test('addresses of the internet are dialled by all but nodes on loopback', () => {
  for (const address of PUBLIC) {
    assert.ok(mayDial(address, PUBLIC) && mayDial(address, HOME) && mayDial(address, []))
    assert.ok(!mayDial(address, LOCAL))
  }
})

test('loopback is dialled by nodes on loopback only, which dial nothing else', () => {
  for (const address of ['/ip4/127.0.0.1/tcp/4001', '/ip4/127.9.9.9/tcp/4001', '/ip6/::1/tcp/4001']) {
    assert.ok(mayDial(address, LOCAL))
    assert.ok(mayDial(address, [...LOCAL, '/ip6/::1/tcp/1235']))
    for (const own of [PUBLIC, HOME, [...LOCAL, ...HOME], []]) assert.ok(!mayDial(address, own))
  }
})

test('private addresses are dialled by those who have one of the same kind', () => {
  assert.ok(mayDial('/ip4/192.168.9.9/tcp/1235', HOME))
  assert.ok(mayDial('/ip4/10.1.2.3/tcp/1235', [...PUBLIC, '/ip4/10.200.0.1/tcp/1235']))
  assert.ok(mayDial('/ip6/fd00::1/tcp/1235', ['/ip6/fd12::7/tcp/1235']))
  for (const own of [PUBLIC, ['/ip4/10.0.0.1/tcp/1235'], []]) assert.ok(!mayDial('/ip4/192.168.9.9/tcp/1235', own))
})

test('nothing else is dialled', () => {
  const never = [
    '/ip4/0.0.0.0/tcp/1235',
    '/ip4/169.254.169.254/tcp/8080',
    '/ip4/224.0.0.1/tcp/1235',
    '/ip4/255.255.255.255/tcp/1235',
    '/ip6/::/tcp/1235',
    '/ip6/fe80::1/tcp/1235',
    '/ip6/::ffff:127.0.0.1/tcp/1235',
    '/ip6/0:0:0:0:0:ffff:7f00:1/tcp/1235',
    '/ip6/::ffff:10.0.0.1/tcp/1235',
    '/ip6/::7f00:1/tcp/1235',
    '/ip6/64:ff9b::a00:1/tcp/1235',
    '/ip6/64:ff9b:1::a00:1/tcp/1235',
    '/ip6/2002:7f00:1::/tcp/1235',
    '/ip6/2001:0:a00:1::1/tcp/1235',
    '/ip6/fec0::1/tcp/1235',
    '/ip4/168.63.129.16/tcp/8080',
    '/ip4/198.18.0.1/tcp/1235',
    '/ip6/ff02::1/tcp/1235',
    '/ip4/8.8.8.8/tcp/22',
    '/ip4/8.8.8.8/tcp/443',
    '/ip4/8.8.8.8/udp/4001/quic-v1',
    '/dns4/victim.example/tcp/4001',
    '/ip4/8.8.8.8/tcp/4001/p2p/Qm/p2p-circuit',
    '/ip4/8.8.8.8/tcp/4001/ws',
    '8.8.8.8:4001',
    '',
  ]
  for (const address of never) for (const own of [PUBLIC, HOME, LOCAL, []]) assert.ok(!mayDial(address, own), address)
  fc.assert(fc.property(fc.string(), fc.array(fc.string()), (address, own) => void mayDial(address, own)))
})
