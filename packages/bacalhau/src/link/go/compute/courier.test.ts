import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { BacalhauError } from '../../../runtime/error.ts'
import { LIMITS } from '../../../runtime/limits.ts'
import { silentLogger } from '../../../runtime/logger.ts'
import { seededRandom } from '../../../runtime/random.ts'
import { createVirtualClock, settle } from '../../../runtime/virtual-clock.ts'
import { Courier } from './courier.ts'

const UNREACHABLE = new BacalhauError('PeerUnreachable', 'no way')
const RESET = new BacalhauError('PeerUnreachable', 'broke off', {
  cause: Object.assign(new Error('reset'), { name: 'StreamResetError' }),
})

/** A requester that answers as the test says; `fate` is asked at each attempt. */
function open(fate: (name: string, attempt: number) => Error | undefined | 'hangs') {
  const clock = createVirtualClock()
  const attempts: string[] = []
  const courier = new Courier({
    requester: 'QmR',
    clock,
    random: seededRandom(1),
    logger: silentLogger,
    async send({ protocol }, signal) {
      attempts.push(protocol)
      const outcome = fate(protocol, attempts.filter((name) => name === protocol).length)
      if (outcome === 'hangs')
        await new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('stop'))))
      if (outcome instanceof Error) throw outcome
    },
  })
  const outcomes = new Map<string, boolean>()
  const deliver = (protocol: string) =>
    void courier.deliver({ protocol, message: {} }).then((delivered) => outcomes.set(protocol, delivered))
  return { clock, courier, attempts, outcomes, deliver }
}

describe('callbacks', () => {
  test('arrive, and nothing is left to do', async () => {
    const { courier, outcomes, deliver } = open(() => undefined)
    for (const name of ['a', 'b']) deliver(name)
    assert.equal(courier.isIdle, false)
    await settle()
    assert.deepEqual(
      [...outcomes],
      [
        ['a', true],
        ['b', true],
      ],
    )
    assert.equal(courier.isIdle, true)
  })

  test('are tried until they arrive, with pauses that grow up to half a minute', async () => {
    const { clock, attempts, outcomes, deliver } = open((_, attempt) => (attempt < 12 ? UNREACHABLE : undefined))
    deliver('a')
    await settle()
    assert.equal(attempts.length, 1)
    const waits: number[] = []
    for (let seen = 1, waited = 0; outcomes.size === 0; waited += 250) {
      await clock.advance(250)
      await settle()
      if (attempts.length === seen) continue
      waits.push(waited)
      seen = attempts.length
      waited = 0
    }
    assert.equal(attempts.length, 12)
    assert.ok((waits[0] ?? 0) < 1_000 && (waits.at(-1) ?? 0) > 10_000 && Math.max(...waits) <= 30_000, waits.join(' '))
    assert.deepEqual([...outcomes], [['a', true]])
  })

  test('go at once when the requester is back', async () => {
    let reachable = false
    const { clock, courier, attempts, outcomes, deliver } = open(() => (reachable ? undefined : UNREACHABLE))
    for (const name of ['a', 'b', 'c']) deliver(name)
    await clock.advance(60_000)
    await settle()
    const before = attempts.length
    reachable = true
    courier.hurry()
    await settle()
    assert.equal(attempts.length, before + 3)
    assert.deepEqual([...outcomes.values()], [true, true, true])
  })

  test('are not too many at a time', async () => {
    const { courier, attempts, deliver } = open(() => 'hangs')
    for (let index = 0; index < 3 * LIMITS.goCallsAtOnce; index++) deliver(`c-${index}`)
    await settle()
    assert.equal(attempts.length, LIMITS.goCallsAtOnce)
    courier.stop()
  })

  test('that are thrown away again and again are given up, and the others go on', async () => {
    const { clock, attempts, outcomes, deliver } = open((name) => (name === 'poison' ? RESET : undefined))
    deliver('poison')
    deliver('good')
    for (let round = 0; round < 10; round++) await clock.advance(30_000)
    assert.deepEqual(Object.fromEntries(outcomes), { good: true, poison: false })
    assert.equal(attempts.filter((name) => name === 'poison').length, LIMITS.goRefusals)
  })

  test('of a requester that never comes back are given up after a day', async () => {
    const { clock, outcomes, deliver } = open(() => UNREACHABLE)
    deliver('a')
    for (let hour = 0; hour < 24; hour++) await clock.advance(59 * 60_000)
    assert.equal(outcomes.size, 0)
    await clock.advance(60 * 60_000)
    assert.deepEqual([...outcomes], [['a', false]])
  })

  test('are neither delivered nor given up when the courier stops', async () => {
    const { clock, courier, attempts, outcomes, deliver } = open((name) => (name === 'a' ? 'hangs' : UNREACHABLE))
    deliver('a')
    deliver('b')
    await settle()
    courier.stop()
    await clock.advance(120_000)
    deliver('c')
    await settle()
    assert.deepEqual([attempts, outcomes.size], [['a', 'b'], 0])
  })
})
