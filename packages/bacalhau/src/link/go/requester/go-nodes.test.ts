import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { handClock } from '../../../network/fixtures/hand-clock.ts'
import { LIMITS } from '../../../runtime/limits.ts'
import { silentLogger } from '../../../runtime/logger.ts'
import { createMemoryStore } from '../../../store/memory.ts'
import type { KnownNode } from '../../facts/known-node.ts'
import { sampleNode } from '../../fixtures/samples.ts'
import type { OrchestratorChannel } from '../../link-protocol.ts'
import { PlayedOrchestrator } from '../fixtures/requester-bench.ts'
import type { Speaker } from '../wire/rpc.ts'
import type { GoChannel } from './go-channel.ts'
import { GoDesk } from './go-desk.ts'
import { keepGoNodes } from './go-nodes.ts'

const NODE = 'QmGo'
const node = (more: Partial<KnownNode> = {}): KnownNode => ({
  peerId: NODE,
  kind: 'go',
  generation: 'c',
  version: 'v1.2.3',
  role: 'Compute',
  info: sampleNode(NODE),
  addresses: ['/ip4/192.0.2.1/tcp/1235'],
  sequence: undefined,
  leaving: false,
  goPeers: [],
  seenAt: 0,
  ...more,
})

interface World {
  readonly admits?: (speaker: Speaker) => boolean
  readonly joinToken?: string
  /** Does a dial succeed? */
  readonly back?: () => boolean
}

/** A swarm in which a test says who is there, and an orchestrator that takes whoever comes. */
async function world(t: TestContext, { admits = () => true, joinToken, back = () => false }: World = {}) {
  const clock = handClock()
  const known = new Map<string, KnownNode>()
  const connected = new Map<string, string>()
  const dialled: string[] = []
  const attached: PlayedOrchestrator[] = []
  let onNode: ((node: KnownNode, gone: boolean) => void) | undefined
  let onPeer: ((peer: string, connected: boolean) => void) | undefined
  const desk = await GoDesk.open({
    store: createMemoryStore(),
    clock,
    logger: silentLogger,
    call: async () => undefined,
    restore: async (job) => job,
  })
  const connect = (peer = NODE, address = '/ip4/127.0.0.1/tcp/1') => {
    connected.set(peer, address)
    onPeer?.(peer, true)
  }
  const nodes = keepGoNodes({
    desk,
    clock,
    logger: silentLogger,
    admits,
    joinTokenOf: () => joinToken,
    addressOf: (peer) => connected.get(peer),
    directory: {
      nodes: () => [...known.values()],
      find: (peer) => known.get(peer),
      watch(listener) {
        onNode = listener
        return () => (onNode = undefined)
      },
    },
    swarm: {
      peerId: 'QmSelf',
      isConnected: (peer) => connected.has(peer),
      onPeer(listener) {
        onPeer = listener
        return () => (onPeer = undefined)
      },
    },
    async dial(peer, addresses) {
      dialled.push(...addresses)
      if (!back()) throw new Error('no way')
      connect(peer)
    },
    attach: (channel: OrchestratorChannel) => attached.push(new PlayedOrchestrator(channel as GoChannel)),
  })
  t.after(() => Promise.all([nodes.stop(), desk.stop()]))
  return {
    clock,
    attached,
    dialled,
    nodes,
    connect,
    disconnect: (peer = NODE) => {
      connected.delete(peer)
      onPeer?.(peer, false)
    },
    say: (said: KnownNode) => {
      known.set(said.peerId, said)
      onNode?.(said, false)
    },
    forget: (peer = NODE) => {
      const gone = known.get(peer)
      known.delete(peer)
      if (gone !== undefined) onNode?.(gone, true)
    },
  }
}

describe('Go compute nodes of the swarm', () => {
  test('are presented when they are known and connected, whichever comes first, and once', async (t) => {
    for (const order of [
      ['connect', 'say'],
      ['say', 'connect'],
    ] as const) {
      const { attached, connect, say } = await world(t)
      for (const what of order) {
        assert.equal(attached.length, 0)
        if (what === 'connect') connect()
        else say(node())
      }
      say(node())
      connect()
      assert.equal(attached.length, 1)
      const hello = await attached[0]?.approve()
      assert.deepEqual(
        [hello?.node.NodeID, hello?.node.SupportedProtocols, hello?.held],
        [NODE, ['go-libp2p/v1.2.3'], []],
      )
    }
  })

  test('are none of our own program, none that only ask, none that are not trusted', async (t) => {
    const refused: Speaker[] = []
    const admits = (speaker: Speaker) => refused.push(speaker) === 0
    const { attached, connect, say } = await world(t, { admits })
    connect(NODE, '/ip4/192.0.2.7/tcp/9')
    for (const other of [node({ kind: 'bacalhau' }), node({ role: 'Requester' }), node({ peerId: 'QmSelf' })])
      say(other)
    assert.deepEqual([attached.length, refused.length], [0, 0])
    say(node())
    assert.deepEqual([attached.length, refused], [0, [{ peer: NODE, address: '/ip4/192.0.2.7/tcp/9' }]])
  })

  test('are on this machine when they are seen there, and show a token when they were allowed by name', async (t) => {
    const near = await world(t)
    near.connect()
    near.say(node())
    const far = await world(t, { joinToken: 'secret' })
    far.connect(NODE, '/ip4/192.0.2.7/tcp/9')
    far.say(node())
    const over = await world(t)
    over.connect(NODE, '/ip4/127.0.0.1/tcp/1/p2p/QmRelay/p2p-circuit')
    over.say(node())
    const [a, b, c] = [near, far, over].map(({ attached }) => attached[0])
    assert.deepEqual(
      [a, b, c].map((played) => played?.channel.sameMachine),
      [true, false, false],
    )
    assert.deepEqual([(await a?.approve())?.joinToken, (await b?.approve())?.joinToken], [undefined, 'secret'])
  })

  test('tell what is new of them', async (t) => {
    const { attached, connect, say } = await world(t)
    connect()
    say(node())
    say(node({ info: sampleNode(NODE, { RunningExecutions: 3 }) }))
    const [beat] = attached[0]?.beats ?? []
    assert.equal(beat?.type === 'heartbeat' && beat.node?.ComputeNodeInfo.RunningExecutions, 3)
  })
})

describe('a Go compute node that goes', () => {
  test('with a goodbye, or after having said nothing for long, is gone at once', async (t) => {
    for (const leave of ['goodbye', 'silence'] as const) {
      const { attached, connect, say, forget } = await world(t)
      connect()
      say(node())
      if (leave === 'silence') forget()
      else say(node({ role: 'Requester' }))
      assert.match(
        attached[0]?.ended?.error?.message ?? '',
        leave === 'silence' ? /told its facts/ : /compute any more/,
      )
    }
  })

  test('without a word is dialled, and gone when it cannot be reached for as long as it may be away', async (t) => {
    const { attached, connect, say, disconnect, clock, dialled } = await world(t)
    connect()
    say(node())
    disconnect()
    await clock.advance(LIMITS.goAbsence - 1_000)
    const ended = () => attached[0]?.ended
    assert.equal(ended(), undefined)
    assert.ok(dialled.includes('/ip4/192.0.2.1/tcp/1235'))
    await clock.advance(5_000)
    assert.equal(ended()?.error?.message, 'the node cannot be reached')
  })

  test('and is back in time keeps its channel', async (t) => {
    let dials = 0
    const { attached, connect, say, disconnect, clock } = await world(t, { back: () => (dials += 1) === 3 })
    connect()
    say(node())
    disconnect()
    await clock.advance(2 * LIMITS.goAbsence)
    assert.deepEqual([dials, attached.length, attached[0]?.ended], [3, 1, undefined])
  })

  test('and comes again is presented again', async (t) => {
    const { attached, connect, say, forget } = await world(t)
    connect()
    say(node())
    forget()
    say(node())
    assert.deepEqual(
      attached.map(({ ended }) => ended === undefined),
      [false, true],
    )
  })

  test('that the orchestrator has dropped is presented again, as long as it is there', async (t) => {
    const { attached, connect, say, clock, nodes } = await world(t)
    connect()
    say(node())
    attached[0]?.channel.abort(new Error('a fault'))
    await clock.advance(5_000)
    assert.equal(attached.length, 2)
    await nodes.stop()
    await clock.advance(5_000)
    assert.equal(attached.length, 2)
  })
})
