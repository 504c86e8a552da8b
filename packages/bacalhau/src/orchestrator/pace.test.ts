import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Pace } from './pace.ts'

function paceOf(...milliseconds: number[]): Pace {
  const pace = new Pace()
  for (const each of milliseconds) pace.note('a', each)
  return pace
}
const times = (count: number, milliseconds: number): number[] => Array.from({ length: count }, () => milliseconds)

test('work is short when its mean over enough runs is', () => {
  assert.equal(paceOf(...times(8, 49)).isShort('a'), true)
  assert.equal(paceOf(...times(7, 1)).isShort('a'), false)
  assert.equal(paceOf(...times(8, 50)).isShort('a'), false)
  assert.equal(paceOf().isShort('a'), false)
})

test('a few that are slow make a kind slow, and it becomes short again', () => {
  const pace = paceOf(...times(100, 10), 5_000)
  assert.equal(pace.isShort('a'), false)
  for (const each of times(100, 10)) pace.note('a', each)
  assert.equal(pace.isShort('a'), true)
})

test('kinds are apart, and the oldest of too many is forgotten', () => {
  const pace = paceOf(...times(8, 1))
  assert.equal(pace.isShort('b'), false)
  for (let kind = 1; kind < 1_000; kind++) pace.note(`kind ${kind}`, 1)
  assert.equal(pace.isShort('a'), true)
  pace.note('one more', 1)
  assert.equal(pace.isShort('a'), false)
})
