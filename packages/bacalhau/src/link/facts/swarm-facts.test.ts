import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { fixtureKey } from '../../network/fixtures/keys.ts'
import { startTestHost } from '../../network/fixtures/test-host.ts'
import { openGossip } from '../../network/gossip/gossip.ts'
import { systemClock } from '../../runtime/clock.ts'
import { silentLogger } from '../../runtime/logger.ts'
import { seededRandom } from '../../runtime/random.ts'
import { createDirectory } from './directory.ts'
import { fixtureSigner } from './fixtures/signer.ts'
import { nodeInfo, recorded } from './fixtures/statements.ts'
import type { KnownNode, NodeDirectory } from './known-node.ts'
import { GO_TOPIC, startSwarmFacts } from './swarm-facts.ts'

/** A node of this program, as far as it tells of itself and hears of others. */
async function startNode(t: TestContext, index: number) {
  const host = await startTestHost(t, index, { gossip: [GO_TOPIC] })
  const { peerId } = fixtureKey(index)
  const directory = createDirectory({ self: peerId, clock: systemClock, trusts: () => true })
  const facts = await startSwarmFacts({
    host,
    directory,
    signer: fixtureSigner(index),
    describe: () => nodeInfo(peerId),
    addresses: () => host.getMultiaddrs().map(String),
    worksForGo: () => true,
    dials: false,
    clock: systemClock,
    random: seededRandom(index),
    logger: silentLogger,
  })
  t.after(async () => {
    await facts.stop()
    await directory.stop()
  })
  return { host, peerId, directory, facts }
}

/** A node that speaks as Go nodes do: by gossip alone. */
async function startGoNode(t: TestContext, index: number, who: string) {
  const host = await startTestHost(t, index, { gossip: [GO_TOPIC] })
  const { peerId } = fixtureKey(index)
  const gossip = openGossip(host)
  const heard: { readonly author: string; readonly message: Record<string, unknown> }[] = []
  const waiting: (() => void)[] = []
  gossip.subscribe(GO_TOPIC, ({ author, data }) => {
    heard.push({ author, message: JSON.parse(Buffer.from(data).toString()) as Record<string, unknown> })
    for (const look of waiting) look()
    return true
  })
  const { json } = recorded(who)
  const message = { ...json, ...('NodeID' in json ? { NodeID: peerId } : {}), PeerInfo: { ID: peerId, Addrs: [] } }
  return {
    host,
    peerId,
    speak: (changes = {}) => gossip.publish(GO_TOPIC, Buffer.from(JSON.stringify({ ...message, ...changes }))),
    /** Resolves when it has heard such a message. */
    async hears(author: string, test: (message: Record<string, unknown>) => boolean): Promise<void> {
      const { promise, resolve } = Promise.withResolvers<void>()
      const look = () => heard.some((one) => one.author === author && test(one.message)) && resolve()
      waiting.push(look)
      look()
      await promise
    },
  }
}

/** Resolves with the node when `directory` has one of which that is true, or when it has none, for undefined. */
function until(
  directory: NodeDirectory,
  peerId: string,
  test: (node: KnownNode | undefined) => boolean,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const look = () => test(directory.find(peerId)) && resolve()
  const stop = directory.watch(look)
  look()
  return promise.finally(stop)
}

test('nodes that are connected to the same one know each other, until they take leave', async (t) => {
  const [hub, a, b] = [await startNode(t, 0), await startNode(t, 1), await startNode(t, 2)]
  await a.host.dial(hub.host.getMultiaddrs())
  await b.host.dial(hub.host.getMultiaddrs())
  await Promise.all([
    until(a.directory, b.peerId, (node) => node !== undefined),
    until(b.directory, a.peerId, (node) => node !== undefined),
    until(hub.directory, b.peerId, (node) => node !== undefined),
  ])
  const known = a.directory.find(b.peerId)
  assert.deepEqual([known?.kind, known?.role, known?.version], ['bacalhau', 'Compute', 'v0.1.0'])
  assert.deepEqual(
    known?.addresses,
    b.host.getMultiaddrs().map((address) => address.toString().replace(/\/p2p\/.*/, '')),
  )
  await Promise.all([b.facts.stop(), until(a.directory, b.peerId, (node) => node === undefined)])
  assert.deepEqual(
    a.directory.nodes().map(({ peerId }) => peerId),
    [hub.peerId],
  )
})

test('Go nodes hear of all nodes, also of those that they are not connected to, and are heard of', async (t) => {
  const [hub, leaf] = [await startNode(t, 0), await startNode(t, 1)]
  const go = await startGoNode(t, 2, 'Go v1.2.3 compute')
  await leaf.host.dial(hub.host.getMultiaddrs())
  await go.host.dial(hub.host.getMultiaddrs())
  // Before it has said a word.
  await go.hears(hub.peerId, ({ NodeType, Info }) => NodeType === 'Compute' && Info !== undefined)
  await go.speak()
  await until(leaf.directory, go.peerId, (node) => node?.kind === 'go' && node.version === 'v1.2.3')
  await go.hears(leaf.peerId, ({ NodeType }) => NodeType === 'Compute')
  assert.deepEqual(hub.directory.find(go.peerId)?.info.ComputeNodeInfo.ExecutionEngines, ['wasm'])
  // Its own sign of leaving.
  await Promise.all([leaf.facts.stop(), go.hears(leaf.peerId, ({ NodeType }) => NodeType === 'Requester')])
})

test('nodes of v1.0.3 are spoken to in their own form', async (t) => {
  const hub = await startNode(t, 0)
  const go = await startGoNode(t, 1, 'Go v1.0.3 requester')
  await go.host.dial(hub.host.getMultiaddrs())
  await go.hears(hub.peerId, ({ NodeType }) => NodeType === 'Compute')
  await go.speak()
  await go.hears(hub.peerId, ({ NodeType }) => NodeType === 1)
  assert.equal(hub.directory.find(go.peerId)?.generation, 'b')
})

test('nobody speaks for another one', async (t) => {
  const hub = await startNode(t, 0)
  const go = await startGoNode(t, 1, 'Go v1.2.3 compute')
  await go.host.dial(hub.host.getMultiaddrs())
  await go.hears(hub.peerId, () => true)
  const { peerId: victim } = fixtureKey(2)
  await go.speak({ NodeID: victim, PeerInfo: { ID: victim, Addrs: [] } })
  await go.speak()
  await until(hub.directory, go.peerId, (node) => node !== undefined)
  assert.equal(hub.directory.find(victim), undefined)
})
