// The plug is pulled: what a killed orchestrator or compute node leaves behind, and what becomes of its jobs.
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { bacalhau, createWorld, freePorts, type NodeProcess, nodesOf, until, type World } from '../program.ts'
import { LOOPS, olderSpec, RETURNS } from '../wasm-modules.ts'

interface State {
  readonly StateType: string
  readonly Message?: string
  readonly Details?: { readonly ErrorCode?: string }
}

describe('nodes that are killed', { timeout: 120_000 }, () => {
  let world: World
  beforeEach(async () => {
    world = await createWorld()
  })
  afterEach(() => world.end())

  async function submit(node: NodeProcess, spec: object): Promise<string> {
    const file = path.join(world.folder, 'spec.json')
    await writeFile(file, JSON.stringify(spec))
    const { stdout, stderr } = await bacalhau(['run', file, '--wait=false', '--id-only', ...node.api])
    assert.match(stdout, /^j-/, stderr)
    return stdout.trim()
  }
  const document = async (node: NodeProcess, id: string) => {
    const answer = await fetch(`${node.apiUrl}/api/v1/orchestrator/jobs/${id}?include=executions`)
    return (await answer.json()) as { Job: { State: State }; Executions: { Items: unknown[] } }
  }
  const state = async (node: NodeProcess, id: string) => (await document(node, id)).Job.State

  test('an orchestrator that was killed finds its jobs again, and the execution that went on without it', async () => {
    const [port, apiPort] = await freePorts(2)
    const args = ['--orchestrator', '--port', String(port), '--api-port', String(apiPort)]
    const orchestrator = await world.node('orchestrator', args)
    await world.node('compute', ['--compute', '--peer', orchestrator.addresses[0] ?? ''])
    await until(async () => (await nodesOf(orchestrator)).includes('APPROVED CONNECTED'))
    const finished = await submit(orchestrator, olderSpec(RETURNS))
    await until(async () => (await state(orchestrator, finished)).StateType === 'Completed')
    // It ends by its own time limit, some time after the orchestrator is back.
    const running = await submit(orchestrator, olderSpec(LOOPS, { Timeout: 6 }))
    await until(async () => (await state(orchestrator, running)).StateType === 'Running')
    await orchestrator.kill()
    const again = await world.node('orchestrator', args)
    assert.equal(again.peerId, orchestrator.peerId)
    assert.equal((await state(again, finished)).StateType, 'Completed')
    await until(async () => (await state(again, running)).StateType === 'Failed')
    const { Job, Executions } = await document(again, running)
    assert.equal(Job.State.Details?.ErrorCode, 'ExecutionTimeout')
    assert.equal(Executions.Items.length, 1)
  })

  test('a compute node that was killed and is back at once runs again what it was running', async () => {
    const { orchestrator, compute } = await world.swarm()
    const id = await submit(orchestrator, olderSpec(LOOPS, { Timeout: 3 }))
    await until(async () => (await state(orchestrator, id)).StateType === 'Running')
    await compute.kill()
    await world.node('compute', ['--compute', '--peer', orchestrator.addresses[0] ?? ''])
    await until(async () => (await state(orchestrator, id)).StateType === 'Failed')
    // Not that the node was lost: the job came to the end that it comes to.
    assert.equal((await state(orchestrator, id)).Details?.ErrorCode, 'ExecutionTimeout')
  })

  test('a job whose only compute node is stopped waits, and is run when the node is back', async () => {
    const { orchestrator, compute } = await world.swarm()
    const id = await submit(orchestrator, olderSpec(LOOPS, { Timeout: 3 }))
    await until(async () => (await state(orchestrator, id)).StateType === 'Running')
    assert.equal((await compute.stop()).code, 0)
    await until(async () => (await nodesOf(orchestrator)).includes('APPROVED DISCONNECTED'))
    assert.notEqual((await state(orchestrator, id)).StateType, 'Failed')
    await world.node('compute', ['--compute', '--peer', orchestrator.addresses[0] ?? ''])
    await until(async () => (await state(orchestrator, id)).StateType === 'Failed')
    assert.equal((await state(orchestrator, id)).Details?.ErrorCode, 'ExecutionTimeout')
  })
})
