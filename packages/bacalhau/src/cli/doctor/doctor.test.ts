import assert from 'node:assert/strict'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer, type Server } from 'node:net'
import path from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { createClient } from '@bacalhau/client'
import { PEER_ID, temporaryApi } from '../../api/testing/api.ts'
import { temporaryFolder } from '../../content/testing/temporary.ts'
import { nodeFolder } from '../../node/node-folder.ts'
import { lockStore } from '../../store/store-lock.ts'
import { recordedIo } from '../fixtures/recorded-io.ts'
import { runProgram } from '../program.ts'
import { checkDocker, checkIpfs } from './engines.ts'
import { checkFolder, checkNode, checkStore } from './machine.ts'
import { checkApi, checkClock, checkCredential, checkPorts, findNode } from './node-here.ts'
import { addressOf, checkPeers } from './peers.ts'

const { signal } = new AbortController()

/** A server on a free port of loopback, or at a socket. Gives its port. */
async function listening(context: TestContext, server: Server, socket?: string): Promise<number> {
  await new Promise<void>((resolve) =>
    socket === undefined ? server.listen(0, '127.0.0.1', resolve) : server.listen(socket, resolve),
  )
  context.after(() => server.close())
  return socket === undefined ? (server.address() as AddressInfo).port : 0
}

/** A port at which nobody listens. */
async function closedPort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

const words = ({ status, message }: { status: string; message: string }) => `${status}: ${message}`

describe('this machine', () => {
  test('has a Node that is new enough', () => {
    assert.equal(words(checkNode('24.21.0')), 'ok: 24.21.0')
    assert.equal(words(checkNode('22.13.0')), 'ok: 22.13.0; 24 is faster')
    assert.equal(words(checkNode('22.12.9')), 'fail: 22.12.9 is too old')
    assert.equal(words(checkNode('20.20.2')), 'fail: 20.20.2 is too old')
  })

  test('has a data folder, or may make one', async (context) => {
    const folder = await temporaryFolder(context)
    const [there, space] = await checkFolder(folder)
    assert.deepEqual([there?.status, there?.message, space?.check], ['ok', folder, 'Disk'])
    const [missing] = await checkFolder(path.join(folder, 'a/b'))
    assert.equal(missing?.message, `${path.join(folder, 'a/b')} will be made`)
    await writeFile(path.join(folder, 'file'), '')
    assert.equal((await checkFolder(path.join(folder, 'file')))[0]?.status, 'fail')
    await mkdir(path.join(folder, 'open'))
    await chmod(path.join(folder, 'open'), 0o777)
    const open = await checkFolder(path.join(folder, 'open'))
    assert.ok(open.some(({ status, hint }) => status === 'warn' && hint?.startsWith('chmod 700') === true))
  })

  test('has a store that is free, or that the node uses', async (context) => {
    const folder = await temporaryFolder(context)
    assert.equal((await checkStore(folder, 1235, false)).message, 'none yet')
    const { root, store } = nodeFolder(folder, 1235)
    await mkdir(root)
    await writeFile(store, '')
    assert.match(words(await checkStore(folder, 1235, false)), /^ok: .*store\.db is not in use$/)
    const lock = lockStore(store)
    assert.match(words(await checkStore(folder, 1235, true)), /^ok: .* is in use by the node$/)
    assert.match(words(await checkStore(folder, 1235, false)), /^warn: .* is in use, but no node answers$/)
    lock.release()
  })
})

describe('the node', () => {
  test('answers, and its credential, clock and ports are looked at', async (context) => {
    const { client, port, url } = await temporaryApi(context)
    const now = Date.now()
    const node = await findNode(client, () => now, signal)
    assert.equal(node?.peer?.ID, PEER_ID)
    assert.equal(words(checkApi(url, node, true)).startsWith(`ok: ${url}`), true)
    assert.equal(words(await checkCredential(client, signal)), 'ok: jobs may be read')
    assert.equal(checkClock(node?.ahead).status, 'ok')
    const wrong = await findNode(client, () => now + 90_000, signal)
    assert.match(words(checkClock(wrong?.ahead)), /^fail: 1m (?:29|30|31)s ahead of that of the node$/)
    assert.equal(words(checkClock(-30_000)), 'warn: 30s ahead of that of the node')
    assert.equal(words(checkClock(30_000)), 'warn: 30s behind that of the node')
    const hosts = { apiHost: '127.0.0.1', swarmHost: '127.0.0.1' }
    const [api, swarm] = await checkPorts({ ...hosts, apiPort: port, swarmPort: 0 }, node)
    assert.deepEqual([api?.message, swarm?.message], [`${port} is in use by the node`, 'any free one'])
  })

  test('that is not there is a warning, or an error for who has chosen its address', async () => {
    const url = `http://127.0.0.1:${await closedPort()}`
    assert.equal(await findNode(createClient({ baseUrl: url }), Date.now, signal), undefined)
    assert.equal(checkApi(url, undefined, false).status, 'warn')
    assert.equal(checkApi(url, undefined, true).status, 'fail')
    assert.match(checkApi(url, undefined, true).hint ?? '', /bacalhau serve/)
  })

  test('may be of another version', () => {
    const node = { version: 'v9.9.9', ahead: 0, peer: undefined }
    assert.match(words(checkApi('http://x', node, true)), /^warn: http:\/\/x has version 9\.9\.9, this program is /)
  })

  test('that refuses this caller says what to do', async (context) => {
    const server = createHttpServer((request, response) => {
      response.writeHead(request.url?.includes('jobs') === true ? 401 : 403).end('{}')
    })
    const client = createClient({ baseUrl: `http://127.0.0.1:${await listening(context, server)}` })
    const finding = await checkCredential(client, signal)
    assert.equal(finding.status, 'fail')
    assert.match(finding.hint ?? '', /auth token create/)
  })

  test('cannot listen where another program does', async (context) => {
    const port = await listening(context, createServer())
    const free = await closedPort()
    const hosts = { apiHost: '127.0.0.1', swarmHost: '127.0.0.1' }
    const [api, swarm] = await checkPorts({ ...hosts, apiPort: port, swarmPort: free }, undefined)
    assert.equal(words(api ?? checkNode('0')), `fail: ${port} is in use by another program`)
    assert.equal(swarm?.message, `${free} is free`)
    const [far] = await checkPorts({ ...hosts, apiHost: '192.0.2.1', apiPort: 1234, swarmPort: 0 }, undefined)
    assert.equal(far?.status, 'warn')
    const ours = {
      version: 'v1',
      ahead: 0,
      peer: { ID: PEER_ID, Addresses: [`/ip4/127.0.0.1/tcp/${port}/p2p/${PEER_ID}`] },
    }
    const [, mine] = await checkPorts({ ...hosts, apiPort: 0, swarmPort: port }, ours)
    assert.equal(mine?.message, `${port} is in use by the node`)
  })
})

describe('peers', () => {
  test('are called only when the user has named them', async (context) => {
    let calls = 0
    const port = await listening(
      context,
      createServer(() => (calls += 1)),
    )
    const peer = `/ip4/127.0.0.1/tcp/${port}/p2p/${PEER_ID}`
    const [builtIn] = await checkPeers([peer], 'default')
    assert.equal(builtIn?.message, 'the 3 public ones, which are not called by this check')
    assert.deepEqual((await checkPeers(['none'], '--peer')).map(words), ['ok: none, as configured'])
    assert.equal(calls, 0)
    const closed = await closedPort()
    const found = await checkPeers([peer, `/ip4/127.0.0.1/tcp/${closed}/http`, 'nonsense'], '--peer')
    assert.deepEqual(found.slice(0, 2).map(words), [
      `ok: ${peer} is reachable`,
      `fail: /ip4/127.0.0.1/tcp/${closed}/http: nobody listens there`,
    ])
    assert.match(words(found[2] ?? checkNode('0')), /^fail: The peer address "nonsense"/)
  })

  test('are found in their addresses', () => {
    assert.deepEqual(addressOf('/dns4/node.example/tcp/1235/p2p/Qm'), { host: 'node.example', port: 1235 })
    assert.equal(addressOf('/dnsaddr/example.com'), undefined)
  })
})

describe('engines', () => {
  test('Docker is tried at its socket or where DOCKER_HOST says', async (context) => {
    const socket = path.join(await temporaryFolder(context), 'docker.sock')
    const asked: (string | undefined)[] = []
    const server = createHttpServer((request, response) => {
      asked.push(request.url)
      response.end('OK')
    })
    await listening(context, server, socket)
    assert.equal(words(await checkDocker({ DOCKER_HOST: `unix://${socket}` })), `ok: answers at unix://${socket}`)
    assert.deepEqual(asked, ['/_ping'])
    const closed = await closedPort()
    const gone = await checkDocker({ DOCKER_HOST: `tcp://127.0.0.1:${closed}` })
    assert.equal(words(gone), `fail: tcp://127.0.0.1:${closed}: nobody listens there`)
    assert.equal((await checkDocker({ DOCKER_HOST: 'ssh://me@there' })).status, 'warn')
    const sick = createHttpServer((_, response) => response.writeHead(500).end())
    const port = await listening(context, sick)
    assert.match(words(await checkDocker({ DOCKER_HOST: `tcp://127.0.0.1:${port}` })), /status 500$/)
  })

  test('an IPFS node is tried when one is named', async (context) => {
    assert.equal(words(await checkIpfs({})), 'ok: the one inside of the node')
    const port = await listening(context, createServer())
    const named = `/ip4/127.0.0.1/tcp/${port}`
    assert.equal(words(await checkIpfs({ BACALHAU_IPFS_CONNECT: named })), `ok: ${named} is reachable`)
    assert.equal((await checkIpfs({ BACALHAU_IPFS_CONNECT: 'here' })).status, 'warn')
    const closed = `/ip4/127.0.0.1/tcp/${await closedPort()}`
    assert.equal((await checkIpfs({ BACALHAU_IPFS_CONNECT: closed })).status, 'fail')
  })
})

describe('bacalhau doctor', () => {
  const doctor = async (env: Record<string, string>, argv: string[] = [], terminal?: number) => {
    const io = recordedIo({ env: { NO_COLOR: '1', ...env }, ...(terminal === undefined ? {} : { terminal }) })
    const code = await runProgram(['doctor', ...argv], io, signal)
    return { code, out: io.outText(), err: io.errText() }
  }

  async function environment(context: TestContext) {
    const api = await temporaryApi(context)
    return {
      BACALHAU_PATH: await temporaryFolder(context),
      BACALHAU_API_HOST: '127.0.0.1',
      BACALHAU_API_PORT: String(api.port),
      BACALHAU_SWARM_PORT: '0',
      BACALHAU_SWARM_PEERS: 'none',
    }
  }

  test('says that it is well, in lines that fit', async (context) => {
    const { code, out, err } = await doctor(await environment(context), [], 50)
    assert.deepEqual([code, err], [0, ''])
    assert.match(out, /^ok {4}Node {11}\d+\./)
    assert.match(out, /\n(?:All is well|It works; see the warnings)\.\n$/)
    for (const line of out.split('\n')) assert.ok(line.length < 50, line)
  })

  test('gives a program what it gives a person', async (context) => {
    const { code, out } = await doctor(await environment(context), ['--output', 'json'])
    const findings = JSON.parse(out) as { Check: string; Status: string }[]
    assert.equal(code, 0)
    for (const check of [
      'Node',
      'Configuration',
      'Data folder',
      'Store',
      'API',
      'Access',
      'Clock',
      'Peers',
      'Docker',
    ]) {
      assert.ok(
        findings.some(({ Check }) => Check === check),
        check,
      )
    }
  })

  test('ends with 1 when something must be put right', async (context) => {
    const env = { ...(await environment(context)), BACALHAU_API_PORT: String(await closedPort()) }
    const { code, out } = await doctor(env)
    assert.equal(code, 1)
    assert.match(out, /\nfail {2}API +no node answers at http:\/\/127\.0\.0\.1:\d+\n +Start one with/)
    assert.match(out, /\n1 of these must be put right\.\n$/)
  })

  test('stops at a configuration that cannot be read, and says where it is wrong', async (context) => {
    const { code, out } = await doctor({ ...(await environment(context)), BACALHAU_SWARM_PORT: 'many' })
    assert.equal(code, 1)
    assert.match(out, /fail {2}Configuration {2}BACALHAU_SWARM_PORT: /)
    assert.doesNotMatch(out, /Docker/)
  })
})
