// A module that asks a server on the net, on a swarm in which one node gives jobs that network and one does not.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo, Server } from 'node:net'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { loadSelfSigned } from '../../src/node/certificate/self-signed.ts'
import { bacalhau, CHECKOUT, createWorld, type NodeProcess, nodesOf, until, type World } from '../program.ts'

const MODULE = path.join(CHECKOUT, 'packages/bacalhau/src/executors/wasm/fixtures/http.wasm')

describe('a module with HTTP', { timeout: 120_000 }, () => {
  const asked: (string | undefined)[] = []
  const answer: RequestListener = (request, response) => {
    asked.push(request.url)
    if (request.url === '/down') response.writeHead(302, { location: url })
    response.end(`hello from ${request.url}`)
  }
  const server = createServer(answer)
  const secure: Server[] = []
  let world: World
  let orchestrator: NodeProcess
  let granting: NodeProcess
  let url: string
  before(async () => {
    await once(server.listen(0, '127.0.0.1'), 'listening')
    url = `http://${placeOf(server)}`
    world = await createWorld()
    orchestrator = await world.node('orchestrator', ['--orchestrator'])
    const compute = ['--compute', '--peer', orchestrator.addresses[0] ?? '']
    for (const name of ['known', 'unknown']) {
      await mkdir(path.join(world.folder, name))
      secure.push(createSecureServer(await loadSelfSigned(path.join(world.folder, name), Date.now()), answer))
    }
    await Promise.all(secure.map((each) => once(each.listen(0, '127.0.0.1'), 'listening')))
    const env = { NODE_EXTRA_CA_CERTS: path.join(world.folder, 'known/api-cert.pem') }
    granting = await world.node('granting', [...compute, '-c', 'Engines.Wasm.AllowedAddresses=127.0.0.1'], env)
    await world.node('closed', [...compute, '-c', 'Engines.Wasm.Networks=none'])
    await until(async () => (await nodesOf(orchestrator)).filter((state) => state === 'APPROVED CONNECTED').length >= 2)
  })
  after(async () => {
    for (const each of [server, ...secure]) each.close()
    await world.end()
  })

  const placeOf = (each: Server) => `127.0.0.1:${(each.address() as AddressInfo).port}`
  const run = (...args: string[]) => bacalhau(['wasm', 'run', MODULE, ...args, ...orchestrator.api])

  test('goes where it is granted, and reaches the domains that its job lists', async () => {
    const network = ['--network', 'http', '--domain', '127.0.0.1', '--domain', '169.254.169.254']
    for (const turn of ['a', 'b', 'c']) {
      const { code, stdout, stderr } = await run(`${url}/${turn}`, 'http://169.254.169.254/', ...network, '--follow')
      assert.equal(code, 0, stderr)
      assert.match(stdout, new RegExp(`0 200 13[^]*hello from /${turn}[^]*4 0 0`))
      assert.match(stdout, new RegExp(granting.peerId.slice(0, 10)))
    }
    assert.deepEqual(asked, ['/a', '/b', '/c'])
  })

  test('trusts who has a certificate that the machine trusts, and is not led from there to one without', async () => {
    asked.length = 0
    const [known = '', unknown = ''] = secure.map((each) => `https://${placeOf(each)}`)
    const urls = [`${known}/safe`, `${known}/down`, `${unknown}/other`]
    const { code, stdout, stderr } = await run(...urls, '--network', 'http', '--domain', '127.0.0.1', '--follow')
    assert.equal(code, 0, stderr)
    assert.match(stdout, /0 200 16[^]*hello from \/safe\n---\n2 0 0\n\n---\n2 0 0/)
    assert.deepEqual(asked, ['/safe', '/down'])
  })

  test('is refused any other network in one clear sentence, and gets none without asking', async () => {
    const bridge = await run(url, '--network', 'bridge')
    assert.equal(bridge.code, 1)
    assert.match(
      bridge.stderr,
      /jobs of the engine wasm get the network HTTP, which reaches listed domains only, or none/,
    )
    const none = await run(url)
    assert.equal(none.code, 1)
    assert.match(none.stderr, /Network\.Type HTTP \(--network http\)/)
  })
})
