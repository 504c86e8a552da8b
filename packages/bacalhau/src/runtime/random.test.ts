import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { newExecutionId, newJobId, newToken, uuid } from './ids.ts'
import { type Random, seededRandom, systemRandom } from './random.ts'

const take = (random: Random, count: number) => Array.from({ length: count }, () => random.next())

describe('seededRandom', () => {
  test('is mulberry32: its published first values', () => {
    assert.deepEqual(take(seededRandom(0), 3), [0.26642920868471265, 0.0003297457005828619, 0.2232720274478197])
  })

  test('replays from a seed, and differs between seeds', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        assert.deepEqual(take(seededRandom(seed), 8), take(seededRandom(seed), 8))
        assert.deepEqual(seededRandom(seed).bytes(32), seededRandom(seed).bytes(32))
        assert.notDeepEqual(take(seededRandom(seed), 8), take(seededRandom(seed + 1), 8))
      }),
    )
  })

  test('is spread evenly enough for ties and jitter', () => {
    const values = take(seededRandom(1), 10_000)
    assert.ok(values.every((value) => value >= 0 && value < 1))
    const tenths = Array.from(
      { length: 10 },
      (_, tenth) => values.filter((value) => Math.floor(value * 10) === tenth).length,
    )
    assert.ok(
      tenths.every((count) => count > 900 && count < 1_100),
      tenths.join(),
    )
  })

  test('fills bytes of all values', () => {
    assert.equal(new Set(seededRandom(1).bytes(10_000)).size, 256)
    assert.equal(seededRandom(1).bytes(0).length, 0)
  })
})

test('systemRandom gives as many bytes as asked for, never the same', () => {
  assert.equal(systemRandom.bytes(32).length, 32)
  assert.notDeepEqual(systemRandom.bytes(32), systemRandom.bytes(32))
  assert.ok(take(systemRandom, 100).every((value) => value >= 0 && value < 1))
})

describe('ids', () => {
  const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

  test('are UUIDs of version 4, whatever the bytes', () => {
    const bytes = fc.uint8Array({ minLength: 16, maxLength: 16 })
    fc.assert(fc.property(bytes, (given) => assert.match(uuid({ bytes: () => given.slice(), next: () => 0 }), UUID)))
    const ones = uuid({ bytes: () => new Uint8Array(16).fill(0xff), next: () => 0 })
    assert.equal(ones, 'ffffffff-ffff-4fff-bfff-ffffffffffff')
  })

  test('say by their prefix what they name', () => {
    const random = seededRandom(1)
    const [job, execution] = [newJobId(random), newExecutionId(random)]
    assert.ok(job.startsWith('j-') && UUID.test(job.slice(2)), job)
    assert.ok(execution.startsWith('e-') && UUID.test(execution.slice(2)), execution)
  })

  test('replay from a seed and do not repeat', () => {
    const make = () =>
      Array.from(
        { length: 1_000 },
        (
          (random) => () =>
            newJobId(random)
        )(seededRandom(7)),
      )
    assert.deepEqual(make(), make())
    assert.equal(new Set(make()).size, 1_000)
  })

  test('a token is 256 bits that need no quoting', () => {
    assert.match(newToken(systemRandom), /^[\w-]{43}$/)
    assert.notEqual(newToken(systemRandom), newToken(systemRandom))
  })
})
