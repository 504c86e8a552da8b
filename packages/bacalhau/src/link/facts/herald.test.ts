import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { seededRandom } from '../../runtime/random.ts'
import { createVirtualClock } from '../../runtime/virtual-clock.ts'
import { fixtureSigner } from './fixtures/signer.ts'
import { nodeInfo } from './fixtures/statements.ts'
import { intervalOf, startHerald } from './herald.ts'
import type { Generation, Statement } from './known-node.ts'
import { openFacts } from './signed-facts.ts'

function setUp() {
  const clock = createVirtualClock()
  const signer = fixtureSigner(0)
  const world = {
    info: nodeInfo(signer.peerId),
    addresses: ['/ip4/192.0.2.1/tcp/1235'],
    go: [] as Generation[],
    known: 1,
  }
  const told: { readonly said: Statement; readonly isNews: boolean; readonly at: number }[] = []
  const published: Record<string, unknown>[] = []
  const herald = startHerald({
    signer,
    clock,
    random: seededRandom(1),
    describe: () => world.info,
    addresses: () => world.addresses,
    worksForGo: () => true,
    goPeers: () => world.go,
    goNodes: () => world.go,
    known: () => world.known,
    tell(facts, isNews) {
      const said = openFacts(facts, new Map())
      assert.ok(said !== undefined)
      told.push({ said, isNews, at: clock.monotonic() })
    },
    publish: (message) => published.push(message as Record<string, unknown>),
  })
  const busy = (RunningExecutions: number) => {
    world.info = { ...world.info, ComputeNodeInfo: { ...world.info.ComputeNodeInfo, RunningExecutions } }
  }
  return { clock, world, told, published, herald, busy }
}

describe('the herald', () => {
  test('says at once what the node is, then from time to time that it is there, how busy it is included', async () => {
    const { clock, told, busy } = setUp()
    assert.deepEqual([told.length, told[0]?.isNews, told[0]?.said.role], [1, true, 'Compute'])
    busy(7)
    await clock.advance(36_000)
    assert.deepEqual([told.length, told[1]?.isNews], [2, false])
    assert.equal(told[1]?.said.info.ComputeNodeInfo.RunningExecutions, 7)
    await clock.advance(10 * 60_000)
    assert.ok(told.length >= 16 && told.length <= 22, String(told.length))
    const numbers = told.map(({ said }) => said.sequence ?? 0)
    assert.deepEqual(
      numbers,
      [...new Set(numbers)].toSorted((a, b) => a - b),
    )
  })

  test('says changes soon, and many changes not each', async () => {
    const { clock, world, told } = setUp()
    await clock.advance(10_000)
    world.addresses = ['/ip4/192.0.2.2/tcp/1235']
    await clock.advance(5_000)
    assert.deepEqual([told.length, told[1]?.isNews], [2, true])
    for (let i = 0; i < 60; i++) {
      world.addresses = [`/ip4/192.0.2.3/tcp/${2_000 + i}`]
      await clock.advance(500)
    }
    assert.ok(told.length <= 8, String(told.length))
  })

  test('says that it is there more seldom the more nodes there are', async () => {
    assert.deepEqual(
      [intervalOf(0), intervalOf(50), intervalOf(100), intervalOf(200), intervalOf(4_000)],
      [30_000, 30_000, 60_000, 120_000, 120_000],
    )
    const { clock, world, told } = setUp()
    world.known = 200
    await clock.advance(40_000)
    const before = told.length
    await clock.advance(10 * 60_000)
    assert.ok(told.length - before <= 6, String(told.length - before))
  })

  test('speaks to Go nodes while one is about, to each generation in its form', async () => {
    const { clock, world, published, herald } = setUp()
    await clock.advance(60_000)
    assert.deepEqual(published, [])
    world.go = ['c']
    herald.greet()
    assert.deepEqual(
      published.map(({ NodeType }) => NodeType),
      ['Compute'],
    )
    herald.greet()
    assert.equal(published.length, 2)
    world.go = ['b', 'c']
    await clock.advance(5_000)
    assert.deepEqual(
      published.slice(2).map(({ NodeType }) => NodeType),
      ['Compute', 1],
    )
    world.go = []
    await clock.advance(5_000)
    const length = published.length
    await clock.advance(120_000)
    assert.equal(published.length, length)
  })

  test('outdoes what the process before it has said', () => {
    const { told, herald } = setUp()
    const first = told[0]?.said.sequence ?? 0
    herald.outdo(first - 1)
    assert.equal(told.length, 1)
    herald.outdo(first + 1_000)
    assert.deepEqual([told.length, told[1]?.said.sequence], [2, first + 1_001])
  })

  test('takes leave once, and says nothing after that', async () => {
    const { clock, world, told, published, herald } = setUp()
    world.go = ['c']
    let over = false
    const left = herald.leave().then(() => (over = true))
    assert.deepEqual([told.at(-1)?.said.leaving, published.at(-1)?.['NodeType']], [true, 'Requester'])
    await clock.advance(100)
    assert.equal(over, false)
    await clock.advance(1_000)
    await left
    const said = told.length
    await herald.leave()
    herald.look()
    herald.greet()
    herald.outdo(Number.MAX_SAFE_INTEGER - 1)
    await clock.advance(300_000)
    assert.deepEqual([told.length, clock.pending], [said, 0])
  })
})
