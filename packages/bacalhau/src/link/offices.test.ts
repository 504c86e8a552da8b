import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { computeMessageSchema, orchestratorMessageSchema } from '@bacalhau/models'
import { frames } from '../network/frames.ts'
import { memoryStreamPair } from '../network/fixtures/memory-stream.ts'
import { silentLogger } from '../runtime/logger.ts'
import { seededRandom } from '../runtime/random.ts'
import { createVirtualClock, settle } from '../runtime/virtual-clock.ts'
import { Journal } from '../store/journal.ts'
import { createMemoryStore, type MemoryStore } from '../store/memory.ts'
import { createComputeOffice } from './compute-office.ts'
import { cancel, cancelled, NODE, OWNER } from './fixtures/offices.ts'
import { sampleNode } from './fixtures/samples.ts'
import type { ComputeChannel, OrchestratorChannel } from './link-protocol.ts'
import { createLoopback } from './loopback.ts'
import { createOrchestratorOffice } from './orchestrator-office.ts'
import { streamChannel } from './stream-channel.ts'

/** Both offices on what they really run on: a journal over a store, and a channel of either kind. */

const clock = createVirtualClock()
const random = seededRandom(3)
const surroundings = (store: MemoryStore) => ({
  store,
  journal: new Journal({ store, clock, logger: silentLogger }),
  clock,
  random,
  logger: silentLogger,
})

async function openOwner(store: MemoryStore) {
  const heard: string[] = []
  const ended: (string | undefined)[] = []
  const office = await createOrchestratorOffice({
    ...surroundings(store),
    storeGeneration: 'g-owner',
    handler: {
      admit: () => ({ membership: 'APPROVED', message: '' }),
      onConnected: (_, { resumed }) => void heard.push(resumed ? 'resumed' : 'anew'),
      onInfo: () => undefined,
      onPreparing: () => undefined,
      onReport: (_, { executionId }) => void heard.push(executionId),
      onAnswered: () => undefined,
      onDisconnected: (_, error) => void ended.push(error?.message),
    },
  })
  return { office, heard, ended }
}

async function openNode(store: MemoryStore, peer: string) {
  const taken: string[] = []
  const office = await createComputeOffice({
    ...surroundings(store),
    storeGeneration: 'g-node',
    node: () => sampleNode(peer),
    handler: {
      held: () => [],
      onOrder: (from, order) => {
        if (order.type !== 'cancel') return
        taken.push(order.executionId)
        office.post(from, cancelled(order.executionId))
      },
      onMembership: () => undefined,
    },
  })
  return { office, taken }
}

type Ends = [ComputeChannel, OrchestratorChannel]
const kinds: Record<string, { node: string; owner: string; connect: () => Ends }> = {
  loopback: { node: 'QmSelf', owner: 'QmSelf', connect: () => createLoopback('QmSelf') },
  stream: {
    node: NODE,
    owner: OWNER,
    connect: () => {
      const [near, far] = memoryStreamPair(NODE, OWNER)
      return [streamChannel(near, orchestratorMessageSchema), streamChannel(far, computeMessageSchema)]
    },
  },
}

for (const [kind, { node, owner, connect }] of Object.entries(kinds)) {
  describe(`two offices over a ${kind}`, () => {
    const begin = async (t: TestContext) => {
      // One store serves both roles of a node.
      const stores = kind === 'loopback' ? [createMemoryStore()] : [createMemoryStore(), createMemoryStore()]
      const [left, right = left] = stores
      assert.ok(left !== undefined && right !== undefined)
      t.after(() => Promise.all(stores.map((store) => store.stop())))
      return { left, right, here: await openOwner(left), there: await openNode(right, node) }
    }

    test('orders go one way and reports the other, across the end of a link', async (t) => {
      const { here, there } = await begin(t)
      const first = connect()
      here.office.attach(first[1])
      const session = there.office.attach(first[0])
      await settle()
      for (const id of ['e-1', 'e-2']) here.office.post(node, cancel(id))
      await settle()
      first[1].abort(new Error('cut'))
      here.office.post(node, cancel('e-3'))
      assert.ok((await session.ended) instanceof Error)
      const second = connect()
      here.office.attach(second[1])
      there.office.attach(second[0])
      await settle()
      assert.deepEqual(there.taken, ['e-1', 'e-2', 'e-3'])
      assert.deepEqual(here.heard, ['anew', 'e-1', 'e-2', 'resumed', 'e-3'])
      assert.deepEqual([here.office.backlog(node).messages, there.office.backlog(owner).messages], [0, 0])
    })

    test('both crash at once in the middle of everything: what was durable goes on', async (t) => {
      const { left, right, here, there } = await begin(t)
      const ends = connect()
      here.office.attach(ends[1])
      there.office.attach(ends[0])
      await settle()
      here.office.post(node, cancel('e-1'))
      await settle()
      here.office.post(node, cancel('e-lost'))
      left.crash()
      right.crash()
      const [owners, nodes] = [await openOwner(left), await openNode(right, node)]
      const again = connect()
      owners.office.attach(again[1])
      nodes.office.attach(again[0])
      owners.office.post(node, cancel('e-2'))
      await settle()
      assert.deepEqual([owners.heard, nodes.taken], [['resumed', 'e-2'], ['e-2']])
    })
  })
}

test('a frame that means nothing ends the link, and the role is told why', async () => {
  const garbage: [string, RegExp][] = [
    ['{"type":"parcel"}\n', /not understood/],
    ['{"type":"parcel","seq":1,"mark":"m","messages":[{"type":"offer"}]}\n', /not understood/],
    ['nonsense\n', /not valid JSON/],
  ]
  for (const [text, words] of garbage) {
    const { office, ended } = await openOwner(createMemoryStore())
    const [near, far] = memoryStreamPair(NODE, OWNER)
    office.attach(streamChannel(far, computeMessageSchema))
    const stranger = frames(near)
    const hello = { type: 'hello', node: sampleNode(NODE), storeGeneration: 'g', held: [] }
    await stranger.send(Buffer.from(`${JSON.stringify(hello)}\n`))
    await settle()
    await stranger.send(Buffer.from(text))
    await settle()
    assert.equal(ended.length, 1)
    assert.match(String(ended[0]), words)
  }
})
