import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { LIMITS } from '../../runtime/limits.ts'
import { LOCAL, STRANGER } from '../auth/access.ts'
import { ManualClock } from '../testing/clock.ts'
import { createPace, networkOf } from './pace.ts'

const alice = { kind: 'token', name: 'alice' } as const
const bob = { kind: 'token', name: 'bob' } as const

describe('pace', () => {
  test('lets everybody ask so often a second, and as often at once', () => {
    const clock = new ManualClock()
    const pace = createPace(clock, 10)
    for (let count = 0; count < 10; count++) pace.take(alice, '192.0.2.1')
    assert.throws(() => pace.take(alice, '192.0.2.2'), { code: 'TooManyRequests' })
    clock.advance(100)
    pace.take(alice, '192.0.2.1')
    assert.throws(() => pace.take(alice, '192.0.2.1'), { code: 'TooManyRequests' })
    clock.advance(3_600_000)
    for (let count = 0; count < 10; count++) pace.take(alice, '192.0.2.1')
    assert.throws(() => pace.take(alice, '192.0.2.1'))
  })

  test('of one caller is nothing to others', () => {
    const pace = createPace(new ManualClock(), 1)
    pace.take(alice, '192.0.2.1')
    pace.take(bob, '192.0.2.1')
    pace.take(STRANGER, '192.0.2.1')
    pace.take(STRANGER, '192.0.2.2')
    assert.throws(() => pace.take(STRANGER, '::ffff:192.0.2.1'))
    pace.take({ kind: 'basic', name: 'alice' }, '192.0.2.1')
  })

  test('of programs on this machine is not counted, nor where there is no bound', () => {
    const pace = createPace(new ManualClock(), 1)
    for (let count = 0; count < 5_000; count++) pace.take(LOCAL, '127.0.0.1')
    const none = createPace(new ManualClock(), 0)
    for (let count = 0; count < 5_000; count++) none.take(STRANGER, '192.0.2.1')
  })

  test('remembers a bounded number of callers', () => {
    const pace = createPace(new ManualClock(), 1)
    pace.take(alice, undefined)
    for (let count = 0; count < LIMITS.pacedCallers; count++) pace.take({ kind: 'token', name: `${count}` }, undefined)
    pace.take(alice, undefined)
    assert.throws(() => pace.take(alice, undefined))
  })
})

test('a household is one address, or the first half of one', () => {
  const CASES = [
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::6', '2001:db8:1:2::/64'],
    ['2001:db8::6', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['', ''],
  ] as const
  for (const [address, network] of CASES) assert.equal(networkOf(address), network, address)
})
