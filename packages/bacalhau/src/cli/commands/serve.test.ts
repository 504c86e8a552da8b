import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { temporaryFolder } from '../../content/testing/temporary.ts'
import { type NodeConfig, toNodeConfig } from '../../node/config.ts'
import { serveFlags } from '../catalogue/nodes.ts'
import { recordedIo } from '../fixtures/recorded-io.ts'
import { globalFlags } from '../global-flags.ts'
import { Interruption } from '../interruption.ts'
import { parseLine, readFlags } from '../parse-flags.ts'
import { runProgram } from '../program.ts'
import { loadSettings } from '../settings.ts'
import { settingsOf, withAllowed } from './serve.ts'

const ALL = { ...globalFlags, ...serveFlags }

/** The configuration that a command line `serve …` makes, in an empty data folder. */
async function configOf(line: string, env: Record<string, string> = {}): Promise<NodeConfig> {
  const parsed = await parseLine(
    line.split(' ').filter((word) => word !== ''),
    ALL,
  )
  const flags = { 'data-dir': '/nowhere' }
  const given = settingsOf(withAllowed(readFlags(ALL, parsed), parsed.args))
  const { settings } = await loadSettings(recordedIo({ env }), flags, given)
  return toNodeConfig(settings)
}

describe('flags of serve', () => {
  test('roles', async () => {
    const roles = async (line: string) => {
      const { orchestrator, compute } = (await configOf(line)).roles
      return `${orchestrator} ${compute}`
    }
    assert.equal(await roles(''), 'true true')
    for (const line of ['--orchestrator', '--node-type requester', '--node-type ORCHESTRATOR']) {
      assert.equal(await roles(line), 'true false', line)
    }
    for (const line of ['--compute', '--node-type compute']) assert.equal(await roles(line), 'false true', line)
    for (const line of [
      '--compute --orchestrator',
      '--node-type requester,compute',
      '--node-type compute --orchestrator',
    ]) {
      assert.equal(await roles(line), 'true true', line)
    }
    await assert.rejects(configOf('--node-type teapot'), { code: 'InvalidFlag', message: /'teapot' is neither/ })
  })

  test('ports and addresses, under each of their names', async () => {
    const config = await configOf('--port 11 --api-port 12 --host 127.0.0.1 --swarm-host 127.0.0.2')
    assert.deepEqual(
      [config.swarmPort, config.apiPort, config.apiHost, config.swarmHost],
      [11, 12, '127.0.0.1', '127.0.0.2'],
    )
    const others = await configOf('--swarm-port 21 --api-host 127.0.0.3')
    assert.deepEqual([others.swarmPort, others.apiHost], [21, '127.0.0.3'])
  })

  test('peers are repeated or separated by commas; none is nobody', async () => {
    assert.deepEqual((await configOf('--peer /a,/b --peer /c')).peers, ['/a', '/b', '/c'])
    assert.deepEqual((await configOf('--peer none')).peers, [])
    assert.equal((await configOf('')).peers.length, 3)
  })

  test('everything else', async () => {
    const config = await configOf(
      '--join-token t --node-approval auto --labels a=1,b=2 --labels c=3 --allow-listed-local-paths /x/** ' +
        '--limit-total-cpu 2 --limit-total-memory 50% --limit-total-disk 1GB --limit-total-gpu 1 ' +
        '--disable-engine Docker --mdns --upnp --relay=true --log-level debug',
    )
    assert.deepEqual(
      {
        joinToken: 't',
        nodeApproval: 'auto',
        labels: { a: '1', b: '2', c: '3' },
        allowListedLocalPaths: ['/x/**'],
        capacity: { CPU: { amount: 2 }, Memory: { percent: 50 }, Disk: { amount: 1e9 }, GPU: { amount: 1 } },
        enginesDisabled: ['docker'],
        mdns: true,
        upnp: true,
        relay: true,
        logLevel: 'debug',
      },
      {
        joinToken: config.joinToken,
        nodeApproval: config.nodeApproval,
        labels: config.labels,
        allowListedLocalPaths: config.allowListedLocalPaths,
        capacity: config.capacity,
        enginesDisabled: config.enginesDisabled,
        mdns: config.mdns,
        upnp: config.upnp,
        relay: config.relay,
        logLevel: config.logLevel,
      },
    )
  })

  test('a flag beats the environment, an absent one leaves it alone', async () => {
    const env = { BACALHAU_API_PORT: '7', BACALHAU_SWARM_MDNS: 'true' }
    assert.deepEqual(await configOf('--api-port 8', env).then(({ apiPort, mdns }) => [apiPort, mdns]), [8, true])
    assert.equal((await configOf('--mdns=false', env)).mdns, false)
  })

  test('--discover lan looks for nodes by multicast', async () => {
    assert.deepEqual(
      [(await configOf('--discover lan')).mdns, (await configOf('--discover none')).mdns, (await configOf('')).mdns],
      [true, false, false],
    )
    assert.equal((await configOf('--discover none', { BACALHAU_SWARM_MDNS: 'true' })).mdns, false)
  })

  test('--legacy-peers allows nodes of the Go program by their IDs, all of them, or none', async () => {
    const [a, b] = [
      'QmQ7pRfW7zzPnEBLrkjSAXcNZ5UaqAiQbNLADByY8ohkd1',
      '12D3KooWLhDnK1Y8sNYU8WDF4M47P546Fhh6a7t2ndjJsuJ5xhmv',
    ]
    const read = async (line: string) => (await configOf(line)).legacyPeers
    assert.equal(await read(''), 'loopback')
    for (const word of ['all', 'none', 'loopback']) assert.equal(await read(`--legacy-peers ${word}`), word)
    assert.equal(await read('--legacy-peers allow,all'), 'all')
    for (const line of [`--legacy-peers ${a},${b}`, `--legacy-peers allow,${a},${b}`, `--legacy-peers allow ${a} ${b}`])
      assert.deepEqual(await read(line), [a, b], line)
    for (const wrong of ['friends', `all,${a}`, 'allow', `allow,${a.slice(5)}0`])
      await assert.rejects(read(`--legacy-peers ${wrong}`), /--legacy-peers: .*must be allow and peer IDs/, wrong)
    await assert.rejects(read(`--peer none ${a}`), { code: 'InvalidFlag', message: /unexpected argument 'Qm/ })
  })

  test('a wrong value is refused under the name of its flag', async () => {
    await assert.rejects(configOf('--limit-total-memory lots'), {
      message: /^--limit-total-memory: .*must be a percentage/,
    })
    await assert.rejects(configOf('--labels a'), { message: /^--labels: Labels must be names and values/ })
  })
})

describe('a node', () => {
  const LOCAL = ['--peer', 'none', '--port', '0', '--api-port', '0', '--host', '127.0.0.1', '--swarm-host', '127.0.0.1']

  test('says what to do next, and stops in order when it is interrupted', async (context) => {
    const folder = await temporaryFolder(context)
    const controller = new AbortController()
    const io = recordedIo({ env: { BACALHAU_PATH: folder } })
    const greeted = Promise.withResolvers<void>()
    const out = { ...io.out, write: (chunk: string | Uint8Array) => io.out.write(chunk).then(greeted.resolve) }
    const ended = runProgram(['serve', ...LOCAL], { ...io, out }, controller.signal)
    await Promise.race([greeted.promise, ended])
    for (const line of [
      /^bacalhau \S+ is running as requester and compute node\.$/m,
      /^ {2}Peer ID {3}Qm[1-9A-Za-z]{44}$/m,
      /^ {2}Swarm {5}\/ip4\/127\.0\.0\.1\/tcp\/\d+\/p2p\/Qm/m,
      /^ {2}REST API {2}http:\/\/127\.0\.0\.1:\d+$/m,
      /^ {2}Add a machine {2}bacalhau serve --compute --peer \/ip4\/\S+ --join-token \S+$/m,
      /^ {2}Run a job {6}bacalhau run job\.yaml --api-port \d+$/m,
    ]) {
      assert.match(io.outText(), line)
    }
    controller.abort(new Interruption('SIGINT'))
    assert.equal(await ended, 0)
    assert.equal(io.errText(), '\nStopping. Press Ctrl-C again to end at once.\nStopped.\n')
  })

  test('refuses wrong peers before it makes anything, naming where they were written', async (context) => {
    const folder = await temporaryFolder(context)
    const io = recordedIo({ env: { BACALHAU_PATH: `${folder}/data`, BACALHAU_SWARM_PEERS: 'nonsense' } })
    assert.equal(await runProgram(['serve', ...LOCAL.slice(2)], io, new AbortController().signal), 1)
    assert.match(io.errText(), /^Error: BACALHAU_SWARM_PEERS: The peer address "nonsense" .*\nHint: /)
  })
})
