// A container job as a user has it: a spec in YAML, a node that is killed while it runs, results in a folder.
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { after, afterEach, beforeEach, describe, test } from 'node:test'
import { connectEngine } from '../../src/executors/docker/engine/engine.ts'
import { IMAGE, startTestEngine } from '../../src/executors/docker/fixtures/engine.ts'
import { bacalhau, createWorld, freePorts, type NodeProcess, until, type World } from '../program.ts'

const engine = await startTestEngine()

if (typeof engine === 'string') {
  test('container jobs', { skip: engine }, () => undefined)
} else {
  const { address } = engine
  after(() => engine.stop())

  describe('container jobs', { timeout: 120_000 }, () => {
    let world: World
    beforeEach(async () => {
      world = await createWorld()
    })
    afterEach(() => world.end())

    const spec = (script: string) => `
Name: container
Type: batch
Tasks:
  - Name: main
    Engine:
      Type: docker
      Params:
        Image: ${IMAGE}
        Entrypoint: [/bin/sh, -c]
        Parameters: ['${script}']
        EnvironmentVariables: [LAYER=engine]
    Env: { LAYER: task, OTHER: task }
    InputSources:
      - Target: /inputs/file
        Source: { Type: inline, Params: { URL: "data:text/plain,from%20the%20input%0A" } }
    ResultPaths: [{ Name: outputs, Path: /outputs }]
    Publisher: { Type: ipfs }
    Resources: { CPU: "0.1", Memory: 32mb }
`

    async function submit(node: NodeProcess, script: string, more = ''): Promise<string> {
      const file = path.join(world.folder, 'job.yaml')
      await writeFile(file, `${spec(script)}${more}`)
      const { stdout, stderr } = await bacalhau(['job', 'run', file, '--wait=false', '--id-only', ...node.api])
      assert.match(stdout, /^j-/, stderr)
      return stdout.trim()
    }
    const state = async (node: NodeProcess, id: string) => {
      const answer = await fetch(`${node.apiUrl}/api/v1/orchestrator/jobs/${id}`)
      return ((await answer.json()) as { Job: { State: { StateType: string } } }).Job.State.StateType
    }
    const containers = async (node: NodeProcess) =>
      (await connectEngine(address, new AbortController().signal)).list(`bacalhau.node=${node.peerId}`)

    test('outlive a node that is killed, and their results are whole', async () => {
      const [port, apiPort] = await freePorts(2)
      const args = ['--port', String(port), '--api-port', String(apiPort)]
      const env = { DOCKER_HOST: address.name }
      const first = await world.node('node', args, env)
      const waiting = 'i=0; while [ $i -lt 300 ] && [ ! -e /tmp/go ]; do i=$((i+1)); sleep 0.02; done'
      const id = await submit(
        first,
        `cat /inputs/file; echo $LAYER $OTHER; ${waiting}; cat /inputs/file; echo kept > /outputs/f; exit 3`,
      )
      await until(async () => (await containers(first)).some(({ State }) => State === 'running'))
      await first.kill()
      const [survivor] = await containers(first)
      assert.equal(survivor?.State, 'running')

      const second = await world.node('node', args, env)
      assert.deepEqual(
        (await containers(second)).map(({ Id }) => Id),
        [survivor.Id],
      )
      await until(async () => (await state(second, id)) === 'Completed')
      const folder = path.join(world.folder, 'results')
      const { code, stderr } = await bacalhau(['job', 'get', id, '--output-dir', folder, ...second.api])
      assert.equal(code, 0, stderr)
      const result = (name: string) => readFile(path.join(folder, name), 'utf8')
      assert.equal(await result('stdout'), 'from the input\nengine task\nfrom the input\n')
      assert.deepEqual([await result('exitCode'), await result('outputs/f')], ['3', 'kept\n'])
      const history = await fetch(`${second.apiUrl}/api/v1/orchestrator/jobs/${id}/history?event_type=execution`)
      assert.match(await history.text(), /"Note":"image (?:[^"]+@)?sha256:[\da-f]{64}"/)
      await second.stop()
      assert.deepEqual(await containers(second), [])
    })

    test('reach the domains that they list, through the node alone', async (t) => {
      const jobs: unknown[] = []
      const server = createServer((request, reply) => {
        jobs.push(request.headers['x-bacalhau-job-id'])
        reply.end('from the net')
      })
      await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
      t.after(() => server.close())
      const { port } = server.address() as AddressInfo
      const env = { DOCKER_HOST: address.name, BACALHAU_ENGINES_DOCKER_ALLOWEDADDRESSES: '127.0.0.1' }
      const node = await world.node('node', [], env)
      const network = '    Network: { Type: HTTP, Domains: [127.0.0.1] }\n'
      const script = `unset no_proxy NO_PROXY; wget -q -O- http://127.0.0.1:${port}/; wget -q -O- http://127.0.0.2:${port}/ || echo " refused"`
      const id = await submit(node, script, network)
      await until(async () => ['Completed', 'Failed'].includes((await state(node, id)) ?? ''))
      const { stdout } = await bacalhau(['job', 'logs', id, ...node.api])
      assert.match(stdout, /from the net refused/)
      assert.deepEqual(jobs, [id])
      const metrics = await (await fetch(`${node.apiUrl}/metrics`)).text()
      assert.match(metrics, /bacalhau_container_egress_requests_total\{result="refused"\} 1\n/)
    })

    test('are not taken by a node that has no engine', async () => {
      const node = await world.node('node', [], { DOCKER_HOST: 'unix:///nowhere/docker.sock' })
      const answer = await fetch(`${node.apiUrl}/api/v1/agent/node`)
      const { ComputeNodeInfo } = (await answer.json()) as { ComputeNodeInfo: { ExecutionEngines: string[] } }
      assert.deepEqual(ComputeNodeInfo.ExecutionEngines, ['wasm', 'noop'])
      const { end, child } = node
      child.kill('SIGINT')
      assert.match((await end).stderr, /offers no Docker.*|nowhere\/docker\.sock does not answer/)
    })
  })
}
