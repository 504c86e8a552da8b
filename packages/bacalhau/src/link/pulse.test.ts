import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { LIMITS } from '../runtime/limits.ts'
import { createVirtualClock } from '../runtime/virtual-clock.ts'
import { startPulse } from './pulse.ts'

const start = () => {
  const clock = createVirtualClock()
  const beats: number[] = []
  const losses: number[] = []
  const pulse = startPulse(
    clock,
    () => beats.push(clock.monotonic()),
    () => losses.push(clock.monotonic()),
  )
  return { clock, beats, losses, pulse }
}

describe('the pulse of a link', () => {
  test('beats once a second and misses nothing while the other side is heard', async () => {
    const { clock, beats, losses, pulse } = start()
    for (let second = 1; second <= 60; second++) {
      await clock.advance(LIMITS.linkHeartbeat)
      pulse.heard()
    }
    assert.equal(beats.length, 60)
    assert.deepEqual(losses, [])
  })

  test('gives a silent side up within the time of silence, once, and then stops beating', async () => {
    const { clock, beats, losses, pulse } = start()
    await clock.advance(2_500)
    pulse.heard()
    await clock.advance(60_000)
    assert.equal(losses.length, 1)
    const silence = (losses[0] ?? 0) - 2_500
    assert.ok(silence > LIMITS.linkSilence - LIMITS.linkHeartbeat && silence <= LIMITS.linkSilence, String(silence))
    assert.ok(beats.every((at) => at < (losses[0] ?? 0)))
    assert.equal(clock.pending, 0)
  })

  test('two sides that only beat keep each other alive', async () => {
    const clock = createVirtualClock()
    let lost = 0
    const pair = { left: undefined, right: undefined } as Record<'left' | 'right', { heard(): void } | undefined>
    pair.left = startPulse(
      clock,
      () => pair.right?.heard(),
      () => (lost += 1),
    )
    pair.right = startPulse(
      clock,
      () => pair.left?.heard(),
      () => (lost += 1),
    )
    await clock.advance(600_000)
    assert.equal(lost, 0)
  })

  test('a program that was held up for long counts that as one beat', () => {
    let now = 0
    let wake: (() => void) | undefined
    let lost = 0
    // A clock on which time jumps: the timer fires once, an hour late.
    const clock = {
      now: () => now,
      monotonic: () => now,
      after: (_: number, action: () => void) => {
        wake = action
        return { cancel: () => undefined }
      },
    }
    startPulse(
      clock,
      () => undefined,
      () => (lost += 1),
    )
    now = 3_600_000
    wake?.()
    assert.equal(lost, 0)
  })

  test('a stopped pulse is silent', async () => {
    const { clock, beats, losses, pulse } = start()
    pulse.stop()
    await clock.advance(60_000)
    assert.deepEqual([beats, losses, clock.pending], [[], [], 0])
  })
})
