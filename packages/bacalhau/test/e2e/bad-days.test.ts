// Disks that are wiped or damaged, everything going down at once, one key on two machines: what becomes of the jobs, and what
// the operator is told.
import assert from 'node:assert/strict'
import { type Execution, EXECUTION_STATES, type Job } from '@bacalhau/models'
import { chmod, copyFile, mkdir, open, readdir, readFile, rm } from 'node:fs/promises'
import path from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { createWorld, freePorts, type NodeProcess, nodesOf, until, type World } from '../program.ts'

const JOBS = '/api/v1/orchestrator/jobs'

describe('bad days', { timeout: 120_000 }, () => {
  let world: World
  beforeEach(async () => {
    world = await createWorld()
  })
  afterEach(() => world.end())

  /** An orchestrator whose ports stay, so that it comes back at the same place, and how to start it and a compute node. */
  async function machines() {
    const [port, apiPort] = await freePorts(2)
    const orchestrator = () =>
      world.node('orchestrator', ['--orchestrator', '--port', String(port), '--api-port', String(apiPort)])
    const compute = (name = 'compute') =>
      world.node(name, ['--compute', '--peer', `/ip4/127.0.0.1/tcp/${apiPort}/http`])
    return { orchestrator, compute }
  }
  const connected = (node: NodeProcess) => until(async () => (await nodesOf(node)).includes('APPROVED CONNECTED'))

  test('a compute node that lost its store runs its work again', async () => {
    const { orchestrator, compute } = await machines()
    const [front, worker] = [await orchestrator(), await compute()]
    await connected(front)
    const id = await submit(front, { DelayMs: 1_500 })
    await until(async () => (await jobOf(front, id)).State.StateType === 'Running')
    await worker.kill()
    await wipe(worker)
    await compute()
    await until(async () => (await jobOf(front, id)).State.StateType === 'Completed')
    assert.deepEqual(await completions(front, id), [0])
  })

  test('an orchestrator that lost its store begins anew, and its nodes drop what it no longer knows', async () => {
    const { orchestrator, compute } = await machines()
    const first = await orchestrator()
    await compute()
    await connected(first)
    const lost = await submit(first, { DelayMs: 600_000 })
    await until(async () => (await jobOf(first, lost)).State.StateType === 'Running')
    await first.kill()
    await wipe(first)
    const again = await orchestrator()
    await connected(again)
    assert.equal((await fetch(`${again.apiUrl}${JOBS}/${lost}`)).status, 404)
    await until(async () => (await runningOn(again)).every((count) => count === 0))
    const id = await submit(again, {})
    await until(async () => (await jobOf(again, id)).State.StateType === 'Completed')
  })

  test('an orchestrator and a compute node that go down together finish what they had begun, once', async () => {
    const { orchestrator, compute } = await machines()
    const nodes = [await orchestrator(), await compute()]
    const [front] = nodes
    assert.ok(front)
    await connected(front)
    const ids = [await submit(front, { DelayMs: 1_000 }, 3), await submit(front, {}, 20)]
    await until(async () => (await jobOf(front, ids[0] ?? '')).State.StateType === 'Running')
    await Promise.all(nodes.map((node) => node.kill()))
    const [again] = await Promise.all([orchestrator(), compute()])
    for (const id of ids) await until(async () => (await jobOf(again, id)).State.StateType === 'Completed')
    assert.deepEqual(await completions(again, ids[0] ?? ''), [0, 1, 2])
    assert.equal((await completions(again, ids[1] ?? '')).length, 20)
  })

  test('a second machine with the key of a node is kept out, and the first one works on', async () => {
    const { orchestrator, compute } = await machines()
    const front = await orchestrator()
    const worker = await compute()
    await connected(front)
    const id = await submit(front, { DelayMs: 3_000 })
    await until(async () => (await jobOf(front, id)).State.StateType === 'Running')
    const key = 'private_key.0'
    await mkdir(path.join(world.folder, 'twin'))
    await copyFile(path.join(worker.dataDir, key), path.join(world.folder, 'twin', key))
    const twin = await compute('twin')
    assert.equal(twin.peerId, worker.peerId)
    await until(async () => (await jobOf(front, id)).State.StateType === 'Completed')
    assert.equal((await completions(front, id)).length, 1)
    assert.deepEqual(await nodesOf(front), ['APPROVED CONNECTED'])
  })

  test('a damaged store is named at the start, and left as it is', async () => {
    const node = await world.node('damaged', ['--orchestrator'])
    await node.stop()
    const file = await storeOf(node)
    const handle = await open(file, 'r+')
    await handle.write(Buffer.alloc(4_096, 0x5a), 0, 4_096, 4_096)
    await handle.close()
    const before = await readFile(file)
    await assert.rejects(world.node('damaged', ['--orchestrator']), (error: Error) => {
      assert.match(error.message, /exit code 1/)
      assert.ok(error.message.includes(file), error.message)
      assert.match(error.message, /Hint: .*(back-up|restore)/i)
      return true
    })
    assert.deepEqual(await readFile(file), before)
  })

  const root = process.getuid?.() === 0 ? 'root may write to any file' : false
  test('a store that may not be written is named at the start', { skip: root }, async () => {
    const node = await world.node('read-only', ['--orchestrator'])
    await node.stop()
    const file = await storeOf(node)
    await chmod(file, 0o400)
    await assert.rejects(world.node('read-only', ['--orchestrator']), (error: Error) => {
      assert.ok(error.message.includes(file), error.message)
      return true
    })
  })
})

async function submit(node: NodeProcess, params: object, count = 1): Promise<string> {
  const Tasks = [{ Name: 'main', Engine: { Type: 'noop', Params: params }, Resources: { CPU: '10m', Memory: '1Mb' } }]
  const answer = await fetch(`${node.apiUrl}${JOBS}`, {
    method: 'PUT',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ Job: { Type: 'batch', Count: count, Tasks } }),
  })
  assert.equal(answer.status, 200)
  return ((await answer.json()) as { JobID: string }).JobID
}

async function jobOf(node: NodeProcess, id: string): Promise<Job> {
  const answer = await fetch(`${node.apiUrl}${JOBS}/${id}`)
  return ((await answer.json()) as { Job: Job }).Job
}

/** The partitions that were completed, in order; one that was completed twice is there twice. */
async function completions(node: NodeProcess, id: string): Promise<number[]> {
  const answer = await fetch(`${node.apiUrl}${JOBS}/${id}/executions`)
  const { Items } = (await answer.json()) as { Items: Execution[] }
  return Items.filter(({ ComputeState }) => ComputeState.StateType === EXECUTION_STATES.Completed)
    .map(({ PartitionIndex }) => PartitionIndex)
    .toSorted((a, b) => a - b)
}

/** How many executions each node says that it runs. */
async function runningOn({ apiUrl }: NodeProcess): Promise<number[]> {
  const answer = await fetch(`${apiUrl}/api/v1/orchestrator/nodes`)
  const { Nodes } = (await answer.json()) as {
    Nodes: { Info: { ComputeNodeInfo: { RunningExecutions: number } } }[]
  }
  return Nodes.map(({ Info }) => Info.ComputeNodeInfo.RunningExecutions)
}

async function storeOf({ dataDir }: NodeProcess): Promise<string> {
  const [folder = ''] = (await readdir(dataDir)).filter((name) => name.startsWith('node.'))
  return path.join(dataDir, folder, 'store.db')
}

/** Everything that the node knew is gone, but for its key. */
async function wipe(node: NodeProcess): Promise<void> {
  await rm(path.dirname(await storeOf(node)), { recursive: true })
}
