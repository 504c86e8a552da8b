import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LIMITS } from '../runtime/limits.ts'
import { createVirtualClock } from '../runtime/virtual-clock.ts'
import { OWNER, scripted } from './fixtures/bench.ts'
import { Preparations } from './preparations.ts'

function bench() {
  const clock = createVirtualClock()
  const told: string[] = []
  const tell = (_: string, id: string, message: string) => void told.push(`${id}: ${message}`)
  return { clock, told, preparations: new Preparations({ clock, tell }) }
}

test('the newest is told, once in a while, however often there is news', async () => {
  const { clock, told, preparations } = bench()
  const execution = scripted('e-1')
  for (let percent = 1; percent <= 100; percent++) {
    preparations.note(execution, `${percent} %`)
    await clock.advance(LIMITS.preparingPause / 25)
  }
  await clock.advance(LIMITS.preparingPause)
  assert.deepEqual(told, ['e-1: 25 %', 'e-1: 50 %', 'e-1: 75 %', 'e-1: 100 %'])
})

test('what takes no time is never told, and the same not twice', async () => {
  const { clock, told, preparations } = bench()
  const [short, long] = [scripted('e-short'), scripted('e-long')]
  preparations.note(short, 'begun')
  preparations.note(long, 'waits')
  preparations.end(short)
  await clock.advance(LIMITS.preparingPause)
  preparations.note(long, 'waits')
  await clock.advance(2 * LIMITS.preparingPause)
  assert.deepEqual(told, ['e-long: waits'])
  preparations.end(long)
  preparations.end(long)
  assert.equal(clock.pending, 0)
})

test('an orchestrator that comes back is told once more, of what is its own', async () => {
  const { clock, told, preparations } = bench()
  preparations.note(scripted('e-1'), 'half of it')
  preparations.repeat(OWNER)
  await clock.advance(LIMITS.preparingPause)
  preparations.repeat('QmOther')
  preparations.repeat(OWNER)
  assert.deepEqual(told, ['e-1: half of it', 'e-1: half of it'])
})
