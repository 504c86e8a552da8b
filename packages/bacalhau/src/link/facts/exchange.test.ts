import assert from 'node:assert/strict'
import { test } from 'node:test'
import { handClock, settle } from '../../network/fixtures/hand-clock.ts'
import { memoryStreamPair } from '../../network/fixtures/memory-stream.ts'
import { frames } from '../../network/frames.ts'
import { LIMITS } from '../../runtime/limits.ts'
import { converse } from './exchange.ts'
import { signedFacts } from './fixtures/signer.ts'
import type { Spread, SpreadMessage } from './spread.ts'

function listen() {
  const heard: SpreadMessage[] = []
  const spread: Pick<Spread, 'add'> = {
    add: () => ({ receive: (message) => void heard.push(message), gone: () => undefined }),
  }
  const [near, far] = memoryStreamPair('QmChatty', 'QmNode')
  const [clock, ending] = [handClock(), new AbortController()]
  const done = converse(far, spread, clock, ending.signal)
  const fact = { ...signedFacts(1), age: 0 }
  const said = Buffer.from(JSON.stringify({ facts: Array.from({ length: 300 }, () => fact) }))
  const times = Math.ceil(LIMITS.factsBytes / said.length)
  const speak = async () => {
    for (let time = 0; time < times + 1; time++) await frames(near).send(said)
    await near.close()
  }
  return { heard, clock, ending, done, speak, times }
}

test('a neighbour that says too much is not heard for a while', async () => {
  const { heard, clock, done, speak, times } = listen()
  const spoken = speak()
  while (heard.length < times) await settle()
  for (let turn = 0; turn < 100; turn++) await settle()
  assert.equal(heard.length, times)
  await clock.advance(10_000)
  await Promise.all([spoken, done])
  assert.equal(heard.length, times + 1)
})

test('a pause holds up no stop', async () => {
  const { heard, ending, done, speak, times } = listen()
  const spoken = speak()
  while (heard.length < times) await settle()
  ending.abort(new Error('the node is stopping'))
  await Promise.all([spoken, done])
  assert.equal(heard.length, times + 1)
})
