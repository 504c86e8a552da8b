import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createVirtualClock } from '../../runtime/virtual-clock.ts'
import { createTrack } from './track.ts'

describe('the track of a job', () => {
  test('shows each part of its way and how long it took', async () => {
    const clock = createVirtualClock()
    const track = createTrack(clock)
    track.enter({ stage: 'queued', detail: '' })
    assert.equal(track.text(80), 'queued 0.0s')
    await clock.advance(1_250)
    track.enter({ stage: 'queued', detail: '1 node matches; it lacks 2 GB of memory' })
    assert.equal(track.text(80), 'queued 1.2s: 1 node matches; it lacks 2 GB of memory')
    await clock.advance(1_000)
    track.enter({ stage: 'placed', detail: 'on QmA, preparing inputs' })
    await clock.advance(300)
    track.enter({ stage: 'running', detail: 'on QmA' })
    await clock.advance(75_000)
    assert.equal(track.text(80), 'queued 2.2s › placed 0.3s › running 1m 15s: on QmA')
  })

  test('leaves out the past where there is no room for it', async () => {
    const clock = createVirtualClock()
    const track = createTrack(clock)
    track.enter({ stage: 'queued', detail: '' })
    track.enter({ stage: 'running', detail: 'on QmA' })
    assert.equal(track.text(20), 'running 0.0s: on QmA')
  })

  test('begins anew when the job is tried again', async () => {
    const clock = createVirtualClock()
    const track = createTrack(clock)
    for (const stage of ['queued', 'placed', 'running'] as const) track.enter({ stage, detail: '' })
    await clock.advance(2_000)
    track.enter({ stage: 'placed', detail: 'on QmB' })
    assert.equal(track.text(80), 'queued 0.0s › placed 0.0s: on QmB')
  })
})
