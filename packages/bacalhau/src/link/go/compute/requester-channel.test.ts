import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Hello, OrchestratorMessage, ReportMessage } from '@bacalhau/models'
import { sampleNode } from '../../fixtures/samples.ts'
import { LIMITS } from '../../../runtime/limits.ts'
import { createVirtualClock, settle } from '../../../runtime/virtual-clock.ts'
import { createRequesterChannel } from './requester-channel.ts'

function open() {
  const clock = createVirtualClock()
  const heard: OrchestratorMessage[] = []
  const held: string[][] = []
  const settling = new Map<string, () => void>()
  const ends: (Error | undefined)[] = []
  let over = 0
  const channel = createRequesterChannel({
    requester: 'QmR',
    sameMachine: true,
    clock,
    conversation: 'c-1',
    onHello: (ids) => held.push([...ids]),
    onReport: ({ executionId }) => new Promise((resolve) => settling.set(executionId, resolve)),
    onEnd: () => (over += 1),
  })
  channel.start({ onMessage: (message) => heard.push(message), onClose: (error) => ends.push(error) })
  const without = (kind: string) => heard.filter(({ type }) => type !== kind)
  const report = (seq: number, ...ids: string[]) => {
    const messages: ReportMessage[] = ids.map((executionId) => ({ type: 'accepted', executionId }))
    channel.send({ type: 'parcel', seq, mark: 'm', messages })
  }
  return { clock, channel, heard, held, settling, ends, over: () => over, without, report }
}

const hello: Hello = {
  type: 'hello',
  node: sampleNode('QmC'),
  storeGeneration: 'g',
  held: [{ executionId: 'e-1', state: 6 }],
}

describe('the orchestrator that stands for a Go requester', () => {
  test('approves of the node, in a conversation that begins', async () => {
    const { channel, held, without } = open()
    channel.send(hello)
    await settle()
    assert.deepEqual(held, [['e-1']])
    const [welcome, ...rest] = without('heartbeat')
    assert.deepEqual(rest, [])
    assert.ok(welcome?.type === 'welcome')
    assert.deepEqual(
      [welcome.membership, welcome.conversation],
      ['APPROVED', { id: 'c-1', received: { seq: 0, mark: '' } }],
    )
  })

  test('acknowledges reports in order, each when all before it are settled', async () => {
    const { settling, without, report } = open()
    report(1, 'a', 'b')
    report(2, 'c')
    report(3, 'd')
    const acks = async (...settled: string[]) => {
      for (const id of settled) settling.get(id)?.()
      await settle()
      return without('heartbeat').map((message) => (message.type === 'ack' ? message.seq : message.type))
    }
    assert.deepEqual(await acks(), [])
    assert.deepEqual(await acks('c'), [])
    assert.deepEqual(await acks('a'), [])
    assert.deepEqual(await acks('b'), [2])
    assert.deepEqual(await acks('d'), [2, 3])
  })

  test('numbers its orders, and beats', async () => {
    const { clock, channel, heard, without } = open()
    channel.order({ type: 'cancel', executionId: 'e-1', reason: 'r' })
    channel.order({ type: 'cancel', executionId: 'e-2', reason: 'r' })
    await settle()
    assert.deepEqual(
      without('heartbeat').map((message) => (message.type === 'parcel' ? message.seq : message.type)),
      [1, 2],
    )
    const before = heard.length
    await clock.advance(3 * LIMITS.linkHeartbeat)
    assert.equal(heard.length, before + 3)
  })

  test('hears what was said before the end, and ends once', async () => {
    const { clock, channel, heard, ends, over, settling, report } = open()
    report(1, 'a')
    channel.close()
    await settle()
    assert.deepEqual([[...settling.keys()], ends, over()], [['a'], [undefined], 1])
    const before = heard.length
    settling.get('a')?.()
    channel.abort(new Error('again'))
    channel.order({ type: 'cancel', executionId: 'e', reason: '' })
    report(2, 'b')
    await clock.advance(10_000)
    await settle()
    assert.deepEqual([heard.length, ends.length, over(), settling.has('b')], [before, 1, 1, false])
  })

  test('a compute node that breaks on a message has its channel ended', async () => {
    const clock = createVirtualClock()
    const ends: (Error | undefined)[] = []
    const channel = createRequesterChannel({
      requester: 'QmR',
      sameMachine: false,
      clock,
      conversation: 'c',
      onHello: () => undefined,
      onReport: () => Promise.resolve(),
      onEnd: () => undefined,
    })
    channel.start({
      onMessage: () => {
        throw new Error('broken')
      },
      onClose: (error) => ends.push(error),
    })
    await settle()
    assert.match(ends[0]?.message ?? '', /broken/)
  })
})
