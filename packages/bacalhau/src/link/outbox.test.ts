import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MAX_PARCEL_MESSAGES } from '@bacalhau/models'
import fc from 'fast-check'
import { LIMITS } from '../runtime/limits.ts'
import { Outbox } from './outbox.ts'

const numbers = (outbox: Outbox<unknown>) => outbox.after(0).map(({ seq }) => seq)

describe('an outbox', () => {
  test('what is posted together travels together; what comes after a seal does not', () => {
    const outbox = new Outbox<string>('m')
    outbox.add('a')
    outbox.add('b')
    assert.equal(outbox.seal(), 1)
    outbox.add('c')
    assert.deepEqual(
      outbox.after(0).map(({ messages }) => messages),
      [['a', 'b'], ['c']],
    )
    assert.equal(outbox.at(1)?.mark, 'm')
  })

  test('a parcel holds so many messages and so many bytes; a message that is larger goes by itself', () => {
    const many = new Outbox<number>('m')
    for (let count = 0; count <= MAX_PARCEL_MESSAGES; count++) many.add(count)
    assert.deepEqual(
      many.after(0).map(({ count }) => count),
      [MAX_PARCEL_MESSAGES, 1],
    )
    const large = new Outbox<string>('m')
    large.add('small')
    large.add('x'.repeat(LIMITS.linkParcel + 1))
    large.add('small')
    assert.deepEqual(
      large.after(0).map(({ count }) => count),
      [1, 1, 1],
    )
  })

  test('however it is posted, sealed and trimmed: numbers have no gap, order is kept, the backlog is what is there', () => {
    const step = fc.oneof(fc.constant('add'), fc.constant('seal'), fc.nat({ max: 5 }))
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const outbox = new Outbox<number>('m')
        let [posted, done] = [0, 0]
        for (const each of steps) {
          if (each === 'add') outbox.add(posted++)
          else if (each === 'seal') outbox.seal()
          else if (typeof each === 'number') {
            const upTo = Math.min(outbox.seal(), outbox.acked.seq + each)
            for (const { seq, count } of outbox.after(0)) if (seq <= upTo) done += count
            outbox.trim(upTo)
          }
        }
        const waiting = outbox.after(0)
        assert.deepEqual(
          waiting.flatMap(({ messages = [] }) => messages),
          Array.from({ length: posted - done }, (_, index) => done + index),
        )
        assert.deepEqual(
          numbers(outbox),
          waiting.map((_, index) => outbox.acked.seq + 1 + index),
        )
        assert.deepEqual(outbox.backlog, {
          messages: posted - done,
          bytes: waiting.reduce((sum, { bytes }) => sum + bytes, 0),
        })
      }),
    )
  })

  test('what was acknowledged before is not acknowledged again', () => {
    const outbox = new Outbox<string>('m', { seq: 7, mark: 'old' })
    outbox.add('a')
    outbox.seal()
    assert.equal(outbox.trim(5), 0)
    assert.deepEqual(numbers(outbox), [8])
    assert.ok(outbox.trim(8) > 0)
    assert.deepEqual([outbox.acked, outbox.last], [{ seq: 8, mark: 'm' }, 8])
  })

  test('takes in the parcels of an earlier life one after the other, and no other', () => {
    const outbox = new Outbox<string>('m', { seq: 2, mark: 'old' })
    const parcel = { mark: 'old', bytes: 3, count: 1, messages: ['a'] }
    assert.equal(outbox.restore({ ...parcel, seq: 4 }), false)
    assert.equal(outbox.restore({ ...parcel, seq: 3 }), true)
    outbox.add('b')
    assert.deepEqual(
      outbox.after(0).map(({ seq, mark }) => [seq, mark]),
      [
        [3, 'old'],
        [4, 'm'],
      ],
    )
  })

  test('messages may be away from memory and come back', () => {
    const outbox = new Outbox<string>('m')
    outbox.add('a')
    outbox.seal()
    outbox.unload(1)
    assert.equal(outbox.at(1)?.messages, undefined)
    assert.equal(outbox.backlog.messages, 1)
    outbox.load(1, ['a'])
    outbox.load(1, ['never'])
    outbox.load(9, ['nobody'])
    assert.deepEqual(outbox.at(1)?.messages, ['a'])
  })
})
