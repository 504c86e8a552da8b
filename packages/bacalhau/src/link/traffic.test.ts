import assert from 'node:assert/strict'
import { test } from 'node:test'
import { memoryStreamPair } from '../network/fixtures/memory-stream.ts'
import { createMeter, type Meter } from '../runtime/meter.ts'
import { listen, type Notice, notice } from './compliance.ts'
import { streamChannel } from './stream-channel.ts'
import { measuredTraffic } from './traffic.ts'

const countsOf = (meter: Meter): string[] =>
  meter.read().flatMap((metric) => {
    const samples = metric.kind === 'histogram' ? [] : [...metric.samples]
    return samples.map(({ labels, value }) => `${labels?.['direction']} ${value}`)
  })

test('both ends of a link count the same messages and bytes', async () => {
  const [left, right] = memoryStreamPair()
  const [ours, theirs] = [createMeter(), createMeter()]
  const over = (stream: typeof left, meter: Meter) =>
    listen(streamChannel<Notice, typeof notice>(stream, notice, { traffic: measuredTraffic(meter) }))
  const [speaker, listener] = [over(left, ours), over(right, theirs)]
  speaker.say('a', 'bc')
  await listener.arrived(2)
  speaker.say('d')
  speaker.channel.close()
  await Promise.all([speaker.closed, listener.closed])
  const bytes = ['a', 'bc', 'd'].reduce((sum, text) => sum + `${JSON.stringify({ text })}\n`.length, 0)
  assert.deepEqual(countsOf(ours), ['out 3', `out ${bytes}`])
  assert.deepEqual(countsOf(theirs), ['in 3', `in ${bytes}`])
})
