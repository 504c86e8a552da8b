import assert from 'node:assert/strict'
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { createClient } from '@bacalhau/client'
import { newSwarmKeyText } from '../network/private-swarm/swarm-key.ts'
import { startLocalNode } from './fixtures/local-node.ts'
import type { RunningNode } from './serve.ts'

type Env = Readonly<Record<string, string>>

async function temporary(context: TestContext): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'joining-'))
  context.after(() => rm(folder, { recursive: true }))
  return folder
}

/** A node that is stopped after the test, unless it is before. */
async function start(context: TestContext, folder: string, env: Env) {
  const node = await startLocalNode(folder, env)
  context.after(() => node.stop())
  return { ...node, client: createClient({ baseUrl: node.apiUrl }) }
}

type Started = RunningNode & { readonly client: ReturnType<typeof createClient> }

/** The variables that stand for the flags of a line to paste. */
function envOf(line: string): Env {
  const flag = (name: string) => new RegExp(`--${name} (\\S+)`).exec(line)?.[1] ?? ''
  return {
    BACALHAU_COMPUTE_ENABLED: String(line.includes('--compute')),
    BACALHAU_SWARM_PEERS: flag('peer'),
    BACALHAU_SWARM_JOIN_TOKEN: flag('join-token'),
  }
}

async function until(question: () => Promise<boolean>): Promise<void> {
  while (!(await question())) await new Promise((resolve) => setTimeout(resolve, 20))
}

const nodesOf = async ({ client }: Started) =>
  (await client.nodes.list()).map(({ Info, Membership, Connection }) => `${Info.NodeID} ${Membership} ${Connection}`)

const approved = ({ peerId }: RunningNode) => `${peerId} APPROVED CONNECTED`

describe('joining', () => {
  test('by the line that a node of a private swarm prints, once its key is copied', async (context) => {
    const [here, there] = [await temporary(context), await temporary(context)]
    await writeFile(path.join(here, 'swarm.key'), newSwarmKeyText(), { mode: 0o600 })
    const orchestrator = await start(context, here, {
      BACALHAU_ORCHESTRATOR_ENABLED: 'true',
      BACALHAU_NODE_APPROVAL: 'token',
      BACALHAU_SWARM_KEY: path.join(here, 'swarm.key'),
    })
    const line = orchestrator.joinLine ?? ''
    assert.match(line, /--swarm-key swarm\.key$/)
    await copyFile(path.join(here, 'swarm.key'), path.join(there, 'swarm.key'))
    const key = path.join(there, 'swarm.key')
    const compute = await start(context, there, { ...envOf(line), BACALHAU_SWARM_KEY: key })
    await until(async () => (await nodesOf(orchestrator)).includes(approved(compute)))
    const facts = await compute.client.peers.network()
    assert.match(facts.SwarmKey ?? '', /^[\da-f]{16}$/)
  })

  test('a node without the key is told which flag it lacks', async (context) => {
    const [here, there] = [await temporary(context), await temporary(context)]
    await writeFile(path.join(here, 'swarm.key'), newSwarmKeyText(), { mode: 0o600 })
    const env = { BACALHAU_ORCHESTRATOR_ENABLED: 'true', BACALHAU_SWARM_KEY: path.join(here, 'swarm.key') }
    const orchestrator = await start(context, here, env)
    const compute = await start(context, there, envOf(orchestrator.joinLine ?? ''))
    await until(async () => (await compute.client.peers.list())[0]?.LastError !== undefined)
    const [peer] = await compute.client.peers.list()
    assert.equal(peer?.LastError?.Code, 'SwarmKeyMismatch')
    assert.match(peer.LastError.Hint ?? '', /--swarm-key FILE/)
    assert.deepEqual(await nodesOf(orchestrator), [])
  })

  test('by adding a peer to a node that runs; it is there again after a restart, until it is removed', async (context) => {
    const orchestrator = await start(context, await temporary(context), { BACALHAU_ORCHESTRATOR_ENABLED: 'true' })
    const folder = await temporary(context)
    const env = { BACALHAU_COMPUTE_ENABLED: 'true' }
    const first = await start(context, folder, env)
    const address = orchestrator.addresses[0] ?? ''
    const added = await first.client.peers.add(address)
    assert.deepEqual([added.Peer, added.Origin], [address, 'added'])
    await until(async () => (await nodesOf(orchestrator)).includes(approved(first)))
    await assert.rejects(first.client.peers.add(address), { code: 'Conflict' })
    await first.stop()
    const second = await start(context, folder, env)
    assert.equal(second.peerId, first.peerId)
    await until(async () => (await second.client.peers.list())[0]?.State === 'connected')
    await until(async () => (await nodesOf(orchestrator)).includes(approved(second)))
    const pinged = await second.client.peers.ping(orchestrator.peerId.slice(0, 12))
    assert.deepEqual([pinged.PeerID, pinged.Reach], [orchestrator.peerId, 'local'])
    await second.client.peers.remove(orchestrator.peerId)
    await until(async () => (await nodesOf(orchestrator)).includes(`${second.peerId} APPROVED DISCONNECTED`))
    assert.deepEqual(await second.client.peers.list(), [])
  })
})
