// Nodes that find each other in the local network, by multicast between two network namespaces.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, afterEach, before, describe, test } from 'node:test'
import { bacalhau, CHECKOUT, launchNode, type NodeProcess, type StartingNode, until } from '../program.ts'
import { layCable, whyNoLan } from './cable.ts'

const skip = whyNoLan() ?? false

describe('--discover lan', { skip, timeout: 90_000 }, () => {
  let lan: ReturnType<typeof layCable>
  let folder: string
  let nodes: StartingNode[] = []

  before(async () => {
    lan = layCable()
    folder = await mkdtemp(path.join(tmpdir(), 'bacalhau-lan-'))
  })
  afterEach(async () => {
    for (const node of nodes.toReversed()) await node.kill()
    nodes = []
  })
  after(async () => {
    lan.remove()
    await rm(folder, { recursive: true, force: true })
  })

  /** A node that was pointed at nobody, on one of the two machines. */
  async function start(index: 0 | 1, name: string, ...args: string[]): Promise<NodeProcess> {
    const { address, through } = lan.machines[index]
    const all = ['--swarm-host', address, '--peer', 'none', ...args]
    const launched = launchNode(path.join(folder, name), all, {}, through)
    nodes.push(launched)
    return launched.ready
  }

  /** Asks the API of a node, from its own machine. */
  async function ask(index: 0 | 1, node: NodeProcess, ...words: string[]): Promise<string> {
    const { stdout, stderr, code } = await bacalhau([...words, ...node.api], { through: lan.machines[index].through })
    assert.equal(code, 0, stderr)
    return stdout
  }

  const states = async (orchestrator: NodeProcess) => {
    const list = JSON.parse(await ask(0, orchestrator, 'node', 'list', '--output', 'json')) as {
      readonly Info: { readonly NodeID: string }
      readonly Membership: string
      readonly Connection: string
    }[]
    return list.map(({ Membership, Connection }) => `${Membership} ${Connection}`)
  }

  test('a compute node finds the orchestrator that has its join token, and works for it', async () => {
    const orchestrator = await start(0, 'orchestrator', '--orchestrator', '--discover', 'lan', '--join-token', 'secret')
    await start(1, 'compute', '--compute', '--discover', 'lan', '--join-token', 'secret')
    await until(async () => (await states(orchestrator)).includes('APPROVED CONNECTED'))
    const hello = path.join(CHECKOUT, 'examples/hello/hello.wasm')
    assert.match(await ask(0, orchestrator, 'wasm', 'run', hello), /completed after/)
  })

  test('one with another token finds it too, and gets and does no work', async () => {
    const orchestrator = await start(0, 'other', '--orchestrator', '--discover', 'lan', '--join-token', 'secret')
    const compute = await start(1, 'stranger', '--compute', '--discover', 'lan', '--join-token', 'another')
    const known = async () => (await ask(1, compute, 'peer', 'list', '--output', 'json')).includes(orchestrator.peerId)
    await until(known)
    assert.deepEqual(await states(orchestrator), [])
  })

  test('nodes that do not ask for it find nobody', async () => {
    const orchestrator = await start(0, 'silent', '--orchestrator', '--join-token', 'secret')
    const compute = await start(1, 'seeker', '--compute', '--discover', 'lan', '--join-token', 'secret')
    const found = await start(0, 'witness', '--orchestrator', '--discover', 'lan', '--join-token', 'secret')
    await until(async () => (await states(found)).includes('APPROVED CONNECTED'))
    assert.ok(!(await ask(1, compute, 'peer', 'list', '--output', 'json')).includes(orchestrator.peerId))
  })
})
