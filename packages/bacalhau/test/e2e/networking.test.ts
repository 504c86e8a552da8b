// Every line of docs/networking.md, "The contract", with real processes. Line 6 is checked as configuration only: nothing here
// dials the default bootstrap nodes.
import assert from 'node:assert/strict'
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { once } from 'node:events'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { bacalhau, createWorld, freePorts, nodesOf, startNode, until, type World } from '../program.ts'

const json = async (url: string) => (await fetch(url)).json() as Promise<Record<string, unknown>>

describe('the networking contract', { timeout: 120_000 }, () => {
  let world: World
  before(async () => {
    world = await createWorld()
  })
  after(() => world.end())

  test('1, 8: nodes talk over libp2p and know each other by peer ID; /http asks an API for it', async () => {
    const { orchestrator, compute } = await world.swarm()
    const nodes = (await json(`${orchestrator.apiUrl}/api/v1/orchestrator/nodes`)) as {
      Nodes: { Info: { NodeID: string } }[]
    }
    assert.deepEqual(
      nodes.Nodes.map(({ Info }) => Info.NodeID),
      [compute.peerId],
    )
    const viaHttp = orchestrator.apiUrl.replace('http://', '/ip4/').replace(':', '/tcp/') + '/http'
    await world.node('via-http', ['--compute', '--peer', viaHttp])
    await until(
      async () => (await nodesOf(orchestrator)).filter((state) => state === 'APPROVED CONNECTED').length === 2,
    )
    await orchestrator.stop()
  })

  test('2, 3, 4: serve makes the key once, in BACALHAU_PATH, named after the port, readable by its owner only', async () => {
    const folder = path.join(world.folder, 'keys')
    const first = await bacalhau(['id', '--port', '4321'], { env: { BACALHAU_PATH: folder } })
    assert.equal(first.code, 0, first.stderr)
    const file = path.join(folder, 'private_key.4321')
    const key = await readFile(file, 'utf8')
    assert.match(key, /^[A-Za-z0-9+/]+={0,2}\n$/)
    assert.equal(
      Buffer.from(key, 'base64').subarray(0, 4).toString('hex'),
      '080012' + Buffer.from(key, 'base64').subarray(3, 4).toString('hex'),
    )
    assert.equal((await stat(file)).mode & 0o777, 0o600)
    const again = await bacalhau(['id', '--swarm-port', '4321'], { env: { BACALHAU_PATH: folder } })
    assert.equal(again.stdout, first.stdout)
    assert.equal(await readFile(file, 'utf8'), key)
  })

  test('4: a key of the Go line v1.2 is taken over, byte for byte', async () => {
    const [from, to] = [path.join(world.folder, 'go-from'), path.join(world.folder, 'go-to')]
    const { stdout } = await bacalhau(['id'], { env: { BACALHAU_PATH: from } })
    const key = await readFile(path.join(from, 'private_key.1235'))
    await mkdir(to)
    await writeFile(path.join(to, 'libp2p_private_key'), key, { mode: 0o600 })
    const taken = await bacalhau(['id'], { env: { BACALHAU_PATH: to } })
    assert.equal((JSON.parse(taken.stdout) as { ID: string }).ID, (JSON.parse(stdout) as { ID: string }).ID)
    assert.deepEqual(await readFile(path.join(to, 'private_key.1235')), key)
  })

  test('5: id prints the ID that the node then has', async () => {
    const node = await world.node('same-id')
    const { stdout } = await bacalhau(['id', '--port', '0', '--data-dir', node.dataDir])
    const { ID, ClientID } = JSON.parse(stdout) as { ID: string; ClientID: string }
    assert.equal(ID, node.peerId)
    assert.match(ClientID, /^[0-9a-f]{64}$/)
    await node.stop()
  })

  test('6: without --peer the default bootstrap nodes are configured', async () => {
    const folder = path.join(world.folder, 'defaults')
    const { stdout } = await bacalhau(['config', 'list', '--output', 'json', '--data-dir', folder])
    for (const peer of [
      '/ip4/35.245.115.191/tcp/1235/p2p/QmdZQ7ZbhnvWY1J12XYKGHApJ6aufKyLNSvf8jZBrBaAVL',
      '/ip4/35.245.61.251/tcp/1235/p2p/QmXaXu9N5GNetatsvwnTfQqNtSeKAD6uCmarbh3LMRYAcF',
      '/ip4/35.245.251.239/tcp/1235/p2p/QmYgxZiySj3MRkwLSL4X2MF5F9f2PMhAE3LV49XkfNL1o3',
    ])
      assert.ok(stdout.includes(peer), `${peer} is missing in ${stdout}`)
  })

  test('7, 13: --peer A,B connects to both, also when one comes up later', async () => {
    const [a, b] = [await world.node('a', ['--orchestrator']), await world.node('b', ['--orchestrator', '--port', '0'])]
    const address = b.addresses[0] ?? ''
    const port = /\/tcp\/(\d+)\//.exec(address)?.[1] ?? ''
    await b.stop()
    await world.node('c', ['--compute', '--peer', `${a.addresses[0]},${address}`])
    await until(async () => (await nodesOf(a)).includes('APPROVED CONNECTED'))
    // The same node comes back: the key is named after the port, which was 0 the first time.
    await writeFile(
      path.join(b.dataDir, `private_key.${port}`),
      await readFile(path.join(b.dataDir, 'private_key.0')),
      { mode: 0o600 },
    )
    const back = await startNode(b.dataDir, ['--orchestrator', '--port', port])
    try {
      assert.equal(back.peerId, b.peerId)
      await until(async () => (await nodesOf(back)).includes('APPROVED CONNECTED'))
    } finally {
      await back.stop()
    }
  })

  test('9, 10, 11: --port, --api-port and --host are what is listened on', async () => {
    const [swarmPort, apiPort] = await freePorts(2)
    const node = await world.node('ports', ['--port', String(swarmPort), '--api-port', String(apiPort)])
    assert.equal(node.apiUrl, `http://127.0.0.1:${apiPort}`)
    assert.deepEqual(node.addresses, [`/ip4/127.0.0.1/tcp/${swarmPort}/p2p/${node.peerId}`])
    assert.deepEqual(await json(`${node.apiUrl}/api/v1/agent/alive`), { Status: 'OK' })
    const peer = await json(`${node.apiUrl}/api/v1/peer`)
    assert.deepEqual(peer, { ID: node.peerId, Addresses: node.addresses })
    await assert.rejects(fetch(`http://127.0.0.2:${apiPort}/api/v1/agent/alive`))
    await node.stop()
  })

  describe('13: one clear error that says what to do', () => {
    const fails = async (args: readonly string[], ...expected: RegExp[]) => {
      const folder = path.join(world.folder, `fails-${expected[0]?.source.replaceAll(/\W/g, '')}`)
      const result = await bacalhau([
        'serve',
        ...(args.includes('--peer') ? [] : ['--peer', 'none']),
        '--host',
        '127.0.0.1',
        '--swarm-host',
        '127.0.0.1',
        '--port',
        '0',
        '--api-port',
        '0',
        '--data-dir',
        folder,
        ...args,
      ])
      assert.equal(result.code, 1, result.stderr)
      for (const pattern of expected) assert.match(result.stderr, pattern)
      assert.equal(result.stdout, '')
      assert.match(result.stderr, /^Error: /m)
    }

    test('a bad multiaddr', () => fails(['--peer', '/ip4/300.1.1.1/tcp/1'], /300\.1\.1\.1/, /Hint: .*none/))
    test('none together with a peer', () => fails(['--peer', 'none,/ip4/127.0.0.1/tcp/1/http'], /none/))
    test('an unknown flag, with the one that was meant', () => fails(['--pear', 'none'], /--pear/, /--peer/))
    test('a node type that does not exist', () => fails(['--node-type', 'teapot'], /teapot/, /compute/))

    for (const [what, flag] of [
      ['swarm', '--port'],
      ['API', '--api-port'],
    ] as const) {
      test(`a port of the ${what} that is taken`, async () => {
        const server = await listen()
        await fails([flag, String(portOf(server))], new RegExp(`${portOf(server)}`), new RegExp(flag))
        server.close()
      })
    }

    test('a key file that is none is named and left alone', async () => {
      const folder = path.join(world.folder, 'foreign')
      await mkdir(folder)
      const file = path.join(folder, 'private_key.0')
      await writeFile(file, '-----BEGIN SOMETHING-----\n', { mode: 0o600 })
      await fails(['--data-dir', folder], /private_key\.0/, /left as it is/)
      assert.equal(await readFile(file, 'utf8'), '-----BEGIN SOMETHING-----\n')
    })

    test('a data folder that is a file', async () => {
      const file = path.join(world.folder, 'a-file')
      await writeFile(file, '')
      await fails(['--data-dir', file], /a-file/, /--data-dir|BACALHAU_PATH/)
      await rm(file)
    })
  })

  test('13: another peer at the address of a wanted one is said once, with both IDs', async () => {
    const [a, b] = [await world.node('wanted', ['--orchestrator']), await world.node('other', ['--orchestrator'])]
    const wrong = (b.addresses[0] ?? '').replace(b.peerId, a.peerId)
    const node = await world.node('lost', ['--compute', '--peer', wrong, '--log-level', 'warn'])
    const seen = new Promise<string>((resolve) => {
      let text = ''
      node.child.stderr?.on('data', (chunk: string) => {
        text += chunk
        if (text.includes(b.peerId) && text.includes(a.peerId)) resolve(text)
      })
    })
    assert.match(await seen, /not of/)
  })
})

describe('stopping', { timeout: 60_000 }, () => {
  let world: World
  before(async () => {
    world = await createWorld()
  })
  after(() => world.end())

  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    test(`${name} ends the node in order, with exit code 0`, async () => {
      const node = await world.node(`ends-${name}`)
      node.child.kill(name)
      const { code, stderr } = await node.end
      assert.equal(code, 0, stderr)
      assert.match(stderr, /Stopped/)
    })
  }

  test('a node that was killed starts again with the same identity', async () => {
    const first = await world.node('killed')
    await first.kill()
    const again = await world.node('killed')
    assert.equal(again.peerId, first.peerId)
    await again.stop()
  })
})

async function listen(): Promise<Server> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

function portOf(server: Server): number {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}
