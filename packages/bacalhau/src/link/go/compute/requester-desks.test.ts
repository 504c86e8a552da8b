import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import type { OrchestratorMessage, ReportMessage } from '@bacalhau/models'
import { BacalhauError } from '../../../runtime/error.ts'
import { silentLogger } from '../../../runtime/logger.ts'
import { seededRandom } from '../../../runtime/random.ts'
import { createVirtualClock } from '../../../runtime/virtual-clock.ts'
import { createMemoryStore } from '../../../store/memory.ts'
import type { Write } from '../../../store/store.ts'
import type { ComputeChannel } from '../../link-protocol.ts'
import { sampleNode } from '../../fixtures/samples.ts'
import { execution } from '../fixtures/asks.ts'
import type { Callback } from './callbacks.ts'
import { RequesterDesks } from './requester-desks.ts'

const REQUESTER = 'QmRequester'
const askOf = (executionId: string, approval = true) => ({
  executionId,
  jobId: `j-${executionId}`,
  generation: 'c' as const,
  approval,
  job: execution(executionId).Job,
  addresses: [],
})

/** One process of a node; the test plays its compute node, its disk, and the requester. */
async function start(t: TestContext, store = createMemoryStore(), why?: string) {
  const clock = createVirtualClock()
  const told: string[] = []
  const offered: string[] = []
  const cancelled: string[] = []
  const disk = { full: false, stuck: false, dead: false }
  const line = { cut: false }
  const over = Promise.withResolvers<void>()
  let [channel, sent]: [ComputeChannel | undefined, number] = [undefined, 0]
  const onMessage = (message: OrchestratorMessage) => {
    if (message.type !== 'parcel') return
    for (const order of message.messages)
      if (order.type === 'offer') offered.push(...order.executions.map(({ id }) => id))
      else cancelled.push(order.executionId)
  }
  const commit = async (writes: readonly Write[]) => {
    if (disk.full) throw new BacalhauError('DiskFull', 'no space left')
    if (disk.stuck || disk.dead) await over.promise
    await store.commit(writes)
  }
  const desks = await RequesterDesks.open({
    self: 'QmNode',
    store: { ...store, commit },
    clock,
    random: seededRandom(1),
    logger: silentLogger,
    consider: async () => why,
    attach(opened) {
      channel = opened
      opened.start({ onMessage, onClose: () => undefined })
      opened.send({ type: 'hello', node: sampleNode('QmNode'), storeGeneration: 'g', held: [] })
      return { ended: new Promise(() => undefined), refresh: () => undefined, close: () => undefined }
    },
    async send(_requester, { protocol, message }: Callback) {
      if (disk.dead) await over.promise
      if (line.cut) throw new BacalhauError('PeerUnreachable', 'no way')
      told.push(`${protocol.split('/')[3]} ${JSON.stringify(message).includes('"Accepted":true') ? 'yes' : ''}`.trim())
    },
  })
  t.after(async () => {
    over.resolve()
    await desks.stop()
  })
  desks.recover()
  const report = (...messages: ReportMessage[]) =>
    channel?.send({ type: 'parcel', seq: (sent += 1), mark: 'm', messages })
  return { clock, desks, desk: desks.at(REQUESTER), told, offered, cancelled, disk, line, report, store }
}

const completed = (executionId: string): ReportMessage => ({
  type: 'completed',
  executionId,
  output: null,
  result: { Type: '' },
})

describe('what a Go requester is told', () => {
  test('stays: a cancel that comes while an end is being told is refused', async (t) => {
    const { clock, desk, told, line, report } = await start(t)
    await Promise.all([desk.ask(askOf('e-1', false)), clock.advance(10)])
    report({ type: 'accepted', executionId: 'e-1' })
    line.cut = true
    report(completed('e-1'))
    await clock.advance(10)
    await assert.rejects(desk.cancel('e-1', 'enough'), /cannot cancel execution e-1 in state Completed/)
    line.cut = false
    await clock.advance(60_000)
    assert.deepEqual(told, ['on_run_complete'])
  })

  test('stays in the next process, where it would have been decided otherwise', async (t) => {
    const first = await start(t, undefined, 'this node is being stopped')
    first.line.cut = true
    await Promise.all([first.desk.ask(askOf('e-1', false)), first.clock.advance(10)])
    first.disk.dead = true
    const second = await start(t, first.store)
    await second.clock.advance(10)
    assert.deepEqual([second.told, second.offered], [['on_compute_failure'], []])
  })

  test('is no refusal before it is on disk', async (t) => {
    const { clock, desk, told, disk } = await start(t, undefined, 'not today')
    await Promise.all([desk.ask(askOf('e-1', false)), Promise.resolve()])
    disk.stuck = true
    await clock.advance(100)
    assert.deepEqual(told, [])
  })
})

describe('an end', () => {
  test('is told once, also where the execution was run again', async (t) => {
    const { clock, desk, told, cancelled, line, report } = await start(t)
    await Promise.all([desk.ask(askOf('e-1', false)), clock.advance(10)])
    line.cut = true
    report({ type: 'failed', executionId: 'e-1', code: 'JobFailed', message: 'no' })
    await clock.advance(10)
    report({ type: 'progress', executionId: 'e-1', state: 6 }, completed('e-1'))
    await clock.advance(10)
    assert.deepEqual(cancelled, ['e-1'])
    line.cut = false
    await clock.advance(60_000)
    assert.deepEqual(told, ['on_compute_failure'])
  })
})

test('an acceptance that cannot be written leaves a bid, which may be accepted again', async (t) => {
  const { clock, desk, offered, disk } = await start(t)
  await Promise.all([desk.ask(askOf('e-1')), clock.advance(10)])
  disk.full = true
  await assert.rejects(desk.accept('e-1'), /no space left/)
  disk.full = false
  await clock.advance(2_000)
  assert.deepEqual(offered, [])
  await Promise.all([desk.accept('e-1'), clock.advance(10)])
  assert.deepEqual(offered, ['e-1'])
})

test('what is cancelled while its acceptance is written is not run, and nothing is left of it', async (t) => {
  const { clock, desk, desks, offered } = await start(t)
  await Promise.all([desk.ask(askOf('e-1')), clock.advance(10)])
  await Promise.all([desk.accept('e-1'), desk.cancel('e-1', 'enough'), clock.advance(10)])
  assert.deepEqual([offered, desks.table.size], [[], 0])
})

describe('an ask', () => {
  test('is answered when it is on disk, also the second time', async (t) => {
    const { clock, desk, disk } = await start(t)
    disk.stuck = true
    let answers = 0
    for (let time = 0; time < 2; time++) void desk.ask(askOf('e-1')).then(() => (answers += 1))
    await clock.advance(1_000)
    assert.equal(answers, 0)
  })

  test('that could not be written is none, and may be made again', async (t) => {
    const { clock, desk, told, disk } = await start(t)
    disk.full = true
    await assert.rejects(desk.ask(askOf('e-1')), /no space left/)
    disk.full = false
    await clock.advance(2_000)
    await Promise.all([desk.ask(askOf('e-1')), clock.advance(10)])
    assert.deepEqual(told, ['on_bid_complete yes'])
  })
})

test('a cancel is answered and told when it is on disk', async (t) => {
  const { clock, desk, told, disk, report } = await start(t)
  await Promise.all([desk.ask(askOf('e-1', false)), clock.advance(10)])
  report({ type: 'accepted', executionId: 'e-1' })
  await clock.advance(10)
  disk.full = true
  await assert.rejects(desk.cancel('e-1', 'enough'), /no space left/)
  await clock.advance(5_000)
  assert.deepEqual(told, [])
  disk.full = false
  await clock.advance(5_000)
  assert.deepEqual(told, ['on_cancel_complete'])
})

test('what there is no room for is offered again, after pauses that grow', async (t) => {
  const { clock, desk, offered, report } = await start(t)
  await Promise.all([desk.ask(askOf('e-1', false)), clock.advance(10)])
  const pauses: number[] = []
  for (let [seen, waited] = [1, 0]; pauses.length < 6; waited += 100) {
    if (waited === 0) report({ type: 'refused', executionId: 'e-1', reason: 'full', later: true })
    await clock.advance(100)
    if (offered.length === seen) continue
    pauses.push(waited)
    ;[seen, waited] = [offered.length, -100]
  }
  const [first = 0, , , , , last = 0] = pauses
  assert.ok(first <= 500 && last > 5_000, pauses.join())
})
