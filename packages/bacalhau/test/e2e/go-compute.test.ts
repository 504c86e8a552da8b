// An orchestrator as a user starts it, over compute nodes as the Go program has them: scripted ones, on real connections.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { generateKeyPair, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import { multiaddr } from '@multiformats/multiaddr'
import {
  type GoComputeScript,
  type ScriptedGoNode,
  startGoComputeNode,
} from '../../src/link/go/fixtures/go-compute-node.ts'
import { openGossip } from '../../src/network/gossip/gossip.ts'
import { createHost } from '../../src/network/host.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { bacalhau, createWorld, freePorts, type NodeProcess, nodesOf, until, type World } from '../program.ts'

const TOPIC = 'bacalhau-node-info'

/** What v1.2.3 tells of a compute node. */
function nodeInfo(id: string) {
  const capacity = { CPU: 3.2, Memory: 13_298_053_939, Disk: 84_110_888_140 }
  return {
    NodeID: id,
    PeerInfo: { ID: id, Addrs: [] },
    NodeType: 'Compute',
    Labels: { Architecture: 'amd64', 'Operating-System': 'linux' },
    ComputeNodeInfo: {
      ExecutionEngines: ['wasm'],
      Publishers: ['ipfs', 'local', 'noop'],
      StorageSources: ['ipfs', 'urldownload', 'inline'],
      MaxCapacity: capacity,
      AvailableCapacity: capacity,
      MaxJobRequirements: capacity,
      RunningExecutions: 0,
      EnqueuedExecutions: 0,
    },
    BacalhauVersion: {
      Major: '1',
      Minor: '2',
      GitVersion: 'v1.2.3',
      GitCommit: '',
      BuildDate: '2024-03-14T10:00:00Z',
      GOOS: 'linux',
      GOARCH: 'amd64',
    },
    Approval: 'APPROVED',
  }
}

describe('an orchestrator over compute nodes of the Go program', { timeout: 120_000 }, () => {
  let world: World
  const ends: (() => Promise<unknown> | void)[] = []
  before(async () => {
    world = await createWorld()
  })
  after(async () => {
    for (const end of ends.toReversed()) await end()
    await world.end()
  })

  /** Joins by dialling, as `--peer` does there, and tells its facts until it is a node of the orchestrator. */
  async function join(orchestrator: NodeProcess, script: GoComputeScript = {}): Promise<ScriptedGoNode> {
    const key = privateKeyToProtobuf(await generateKeyPair('Ed25519'))
    const host = await createHost({ key, port: 0, listen: ['127.0.0.1'], gossip: [TOPIC] })
    ends.push(() => host.stop())
    const node = await startGoComputeNode(host, orchestrator.peerId, script)
    const gossip = openGossip(host, systemClock)
    gossip.subscribe(TOPIC, () => true)
    await host.dial(multiaddr(orchestrator.addresses[0] ?? ''))
    const before = (await nodesOf(orchestrator)).length
    const facts = Buffer.from(JSON.stringify(nodeInfo(node.peer)))
    await until(async () => {
      await gossip.publish(TOPIC, facts)
      await new Promise((resolve) => setTimeout(resolve, 200))
      return (await nodesOf(orchestrator)).length > before
    })
    return node
  }

  async function moduleFile(): Promise<string> {
    const file = path.join(world.folder, 'main.wasm')
    await writeFile(file, Buffer.from('AGFzbQEAAAA=', 'base64'))
    return file
  }

  /** The archive of a result as such a node serves it: without a leading folder. */
  async function serveArchive(): Promise<number> {
    const folder = path.join(world.folder, 'result')
    await mkdir(path.join(folder, 'outputs'), { recursive: true })
    await writeFile(path.join(folder, 'stdout'), 'all of it\n')
    await writeFile(path.join(folder, 'stderr'), '')
    await writeFile(path.join(folder, 'exitCode'), '0')
    await writeFile(path.join(folder, 'outputs', 'data.txt'), 'made there')
    const names = ['exitCode', 'stderr', 'stdout', 'outputs']
    await promisify(execFile)('tar', ['-czf', '../result.tgz', ...names], { cwd: folder })
    const archive = await readFile(path.join(world.folder, 'result.tgz'))
    const server = createServer((_, response) => {
      response.setHeader('Content-Type', 'application/x-compressed-tar')
      response.end(archive)
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    ends.push(() => void server.close())
    return (server.address() as AddressInfo).port
  }

  test('runs jobs there, shows their output, fetches their results, and stops them', async () => {
    const orchestrator = await world.node('over-go', ['--orchestrator'])
    const port = await serveArchive()
    const entry = (line: string) => JSON.stringify({ value: { Type: 1, Line: line } })
    const node = await join(orchestrator, {
      logs: { entries: [entry('row 1\n'), entry('row 2\n')] },
      ending: (name, id) =>
        name === 'long'
          ? 'running'
          : { exitCode: -1, publish: { Type: 'urlDownload', Params: { URL: `http://public:${port}/${id}.tgz` } } },
    })
    const file = await moduleFile()
    const { api } = orchestrator

    const ran = await bacalhau(['wasm', 'run', ...api, '--publisher', 'local', '--name', 'short', file])
    assert.equal(ran.code, 0, ran.stderr)
    assert.match(ran.stdout, /^hi$/m)
    // The node has no way to what the command line has put into IPFS.
    assert.match(
      node.requests[0]?.text ?? '',
      /"EntryModule":\{"Source":\{"Type":"inline","Params":\{"URL":"data:application\/wasm;base64,AGFzbQEAAAA/,
    )

    const target = path.join(world.folder, 'fetched')
    const got = await bacalhau(['job', 'get', ...api, 'short', '--output-dir', target])
    assert.equal(got.code, 0, got.stderr)
    assert.equal(await readFile(path.join(target, 'stdout'), 'utf8'), 'all of it\n')
    assert.equal(await readFile(path.join(target, 'outputs', 'data.txt'), 'utf8'), 'made there')

    const ended = await bacalhau(['job', 'logs', ...api, 'short'])
    assert.equal(ended.stdout, 'hi\n', ended.stderr)

    const begun = await bacalhau(['wasm', 'run', ...api, '--wait=false', '--id-only', '--name', 'long', file])
    assert.equal(begun.code, 0, begun.stderr)
    await until(async () => node.running() === 1)
    const logs = await bacalhau(['job', 'logs', ...api, 'long'])
    assert.equal(logs.stdout, 'row 1\nrow 2\n', logs.stderr)
    const stopped = await bacalhau(['job', 'stop', ...api, 'long'])
    assert.equal(stopped.code, 0, stopped.stderr)
    await until(async () => node.running() === 0)

    assert.deepEqual(node.crashes, [])
    const list = await bacalhau(['node', 'list', ...api, '--wide'])
    assert.match(list.stdout, /go-libp2p\/v1\.2\.3/)
    const described = await bacalhau(['node', 'describe', ...api, node.peer])
    assert.match(described.stdout, /Guarantees:\n\s+- /)
  })

  test('goes on with what is out there after a crash', async () => {
    const [port = 0] = await freePorts(1)
    const orchestrator = await world.node('crashing', ['--orchestrator', '--port', String(port)])
    const node = await join(orchestrator, { ending: () => 'running' })
    const begun = await bacalhau([
      'wasm',
      'run',
      ...orchestrator.api,
      '--wait=false',
      '--name',
      'out',
      await moduleFile(),
    ])
    assert.equal(begun.code, 0, begun.stderr)
    await until(async () => node.running() === 1)
    await orchestrator.kill()
    const again = await world.node('crashing', ['--orchestrator', '--port', String(port)])
    await node.host.dial(multiaddr(again.addresses[0] ?? ''))
    const [id = ''] = node.executions.keys()
    await node.end(id, { stdout: 'after the crash\n' })
    await until(async () => {
      const { stdout } = await bacalhau(['job', 'describe', ...again.api, 'out', '--output', 'json'])
      return stdout.includes('"StateType":"Completed"')
    })
    assert.equal(node.executions.size, 1)
  })

  test('does not take nodes that are not trusted', async () => {
    const orchestrator = await world.node('wary', ['--orchestrator', '--legacy-peers', 'none'])
    const key = privateKeyToProtobuf(await generateKeyPair('Ed25519'))
    const host = await createHost({ key, port: 0, listen: ['127.0.0.1'], gossip: [TOPIC] })
    ends.push(() => host.stop())
    const node = await startGoComputeNode(host, orchestrator.peerId)
    const gossip = openGossip(host, systemClock)
    gossip.subscribe(TOPIC, () => true)
    await host.dial(multiaddr(orchestrator.addresses[0] ?? ''))
    for (let round = 0; round < 5; round++) {
      await gossip.publish(TOPIC, Buffer.from(JSON.stringify(nodeInfo(node.peer))))
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
    assert.deepEqual(await nodesOf(orchestrator), [])
  })
})
