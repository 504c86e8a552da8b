import assert from 'node:assert/strict'
import { test } from 'node:test'
import { channelCompliance, listen, type Notice } from './compliance.ts'
import { createLoopback } from './loopback.ts'

channelCompliance('a loopback', async () => createLoopback<Notice, Notice>('self'))

test('both ends know each other as the same node on the same machine', () => {
  for (const end of createLoopback<Notice, Notice>('QmSelf')) {
    assert.deepEqual([end.peer, end.sameMachine], ['QmSelf', true])
  }
})

test('messages are handed over as they are, without a copy', async () => {
  const [left, right] = createLoopback<Notice, Notice>('self')
  const message = { text: 'the very same' }
  const { promise, resolve } = Promise.withResolvers<Notice>()
  right.start({ onMessage: resolve, onClose: () => undefined })
  left.send(message)
  assert.equal(await promise, message)
})

test('a hundred thousand messages of one turn take no longer than they are many', async () => {
  const [left, right] = createLoopback<Notice, Notice>('self')
  const [speaker, listener] = [listen(left), listen(right)]
  const texts = Array.from({ length: 100_000 }, (_, index) => String(index))
  speaker.say(...texts)
  await listener.arrived(texts.length)
  assert.equal(listener.received.at(-1), '99999')
})
