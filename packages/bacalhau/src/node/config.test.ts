import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import fc from 'fast-check'
import { allocated, allocatedGpus, type ConfigSources, loadConfig, toNodeConfig } from './config.ts'
import { SETTING_NAMES, type SettingName, SETTINGS, variablesOf } from './config-settings.ts'

let folder: string
before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'config-'))
})
after(() => rm(folder, { recursive: true }))

/** Loads with a file of this content, in a folder of this test only. */
async function load(
  sources: { file?: string; env?: ConfigSources['env']; flags?: ConfigSources['flags'] } = {},
): Promise<Awaited<ReturnType<typeof loadConfig>>> {
  const dataDir = await mkdtemp(path.join(folder, 'data-'))
  if (sources.file !== undefined) await writeFile(path.join(dataDir, 'config.yaml'), sources.file)
  return loadConfig({
    env: { BACALHAU_PATH: dataDir, ...sources.env },
    home: '/home/somebody',
    cwd: '/work',
    flags: sources.flags ?? {},
  })
}

const failure = (message: RegExp, hint?: RegExp) => (error: Error & { code?: string; hint?: string }) => {
  assert.equal(error.code, 'ConfigurationError')
  assert.match(error.message, message)
  if (hint !== undefined) assert.match(error.hint ?? '', hint)
  return true
}

describe('precedence', () => {
  const file = 'API: {Port: 2}'
  const env = { BACALHAU_API_PORT: '3' }
  const flags = { apiPort: { flag: 'api-port', value: '4' } }

  test('defaults are those that are documented', async () => {
    const { settings, origins } = await load()
    assert.equal(settings.apiPort, 1234)
    assert.equal(settings.apiHost, '0.0.0.0')
    assert.equal(settings.swarmPort, 1235)
    assert.equal(settings.peers.length, 3)
    assert.match(settings.peers[0] ?? '', /^\/ip4\/35\.245\.115\.191\/tcp\/1235\/p2p\/QmdZQ7/)
    assert.deepEqual(
      [settings.mdns, settings.upnp, settings.relay, settings.holePunching, settings.autonat],
      [false, false, undefined, true, true],
    )
    assert.equal(origins.apiPort, 'default')
  })

  test('the file beats the default, the environment the file, a flag the environment', async () => {
    const inFile = await load({ file })
    assert.equal(inFile.settings.apiPort, 2)
    assert.match(inFile.origins.apiPort, /config\.yaml line 1$/)
    const inEnv = await load({ file, env })
    assert.deepEqual([inEnv.settings.apiPort, inEnv.origins.apiPort], [3, 'BACALHAU_API_PORT'])
    const inFlag = await load({ file, env, flags })
    assert.deepEqual([inFlag.settings.apiPort, inFlag.origins.apiPort], [4, '--api-port'])
  })

  test('an empty variable sets nothing', async () => {
    assert.equal((await load({ file, env: { BACALHAU_API_PORT: '' } })).settings.apiPort, 2)
  })

  test('every setting but the folder can be set by its variable alone', async () => {
    const samples: Record<string, string> = {
      'a text that is not empty': 'x',
      'a port from 0 to 65535': '7',
      'true or false': 'true',
      'a list of texts': 'x,y',
      'addresses and ranges like 10.1.2.3,10.0.0.0/8': '10.0.0.0/8',
      'some of docker, noop, wasm, or none': 'docker',
      'some of inline, ipfs, job, local, localdirectory, s3, urldownload, or none': 's3',
      'some of ipfs, local, s3, s3managed, or none': 'ipfs',
      'a list of peer addresses, or none': '/ip4/127.0.0.1/tcp/1,/ip4/127.0.0.1/tcp/2',
      'names and values like a=b,c=d': 'a=b',
      'one of token, auto, manual': 'auto',
      'one of spread, pack': 'pack',
      'one of anywhere, local': 'local',
      'a URL like https://policy.example/jobs': 'https://policy.example/jobs',
      'one of missing, always, never': 'always',
      'allow and peer IDs, all, none, or loopback': 'all',
      'some of http, or none': 'http',
      'two ports like 20000-32000': '30000-30010',
      'some of http, bridge, host, or none': 'http,host',
      'one of debug, info, warn, error, silent': 'debug',
      'a list of users': '[{"APIKey":"12345678901234567890","Capabilities":[{"Actions":["*"]}]}]',
      'a list of client IDs: 64 hexadecimal digits, as `bacalhau id` prints them': 'a'.repeat(64),
      'a list of origins like https://dashboard.example.org, or *': 'https://a.example',
    }
    const isThere = (name: SettingName) => name !== 'dataDir' && !SETTINGS[name].kind.expects.startsWith('left out')
    for (const name of SETTING_NAMES.filter(isThere)) {
      const [variable = ''] = variablesOf(name)
      const value = samples[SETTINGS[name].kind.expects] ?? '1'
      assert.equal((await load({ env: { [variable]: value } })).origins[name], variable)
    }
  })
})

describe('data folder', () => {
  const base = { home: '/home/somebody', cwd: '/work', flags: {} }

  test('lies in the home folder, unless BACALHAU_PATH or the flag say otherwise', async () => {
    assert.equal((await loadConfig({ ...base, env: {} })).settings.dataDir, path.resolve('/home/somebody/.bacalhau'))
    const env = { BACALHAU_PATH: '/path', BACALHAU_DIR: '/dir' }
    assert.equal((await loadConfig({ ...base, env })).settings.dataDir, path.resolve('/path'))
    const flags = { dataDir: { flag: 'data-dir', value: 'here' } }
    assert.equal((await loadConfig({ ...base, env, flags })).settings.dataDir, path.resolve('/work/here'))
  })

  test('cannot be set in the file that lies in it', async () => {
    await assert.rejects(load({ file: 'DataDir: /elsewhere' }), failure(/line 1: DataDir cannot be set/, /--data-dir/))
  })
})

describe('file', () => {
  test('keys are nested or dotted, in any letter case', async () => {
    const { settings } = await load({
      file: 'api:\n  PORT: 5\nSwarm.peers: none\nlabels: {zone: eu, ssd: true, n: 3}\n',
    })
    assert.equal(settings.apiPort, 5)
    assert.deepEqual(settings.peers, [])
    assert.deepEqual(settings.labels, { zone: 'eu', ssd: 'true', n: '3' })
  })

  test('an empty file and empty values set nothing', async () => {
    assert.equal((await load({ file: '' })).settings.apiPort, 1234)
    assert.equal((await load({ file: '# nothing\nAPI:\nLogging:\n  Level:\n' })).settings.logLevel, 'warn')
  })

  test('an unknown key is named with its line and the nearest known key', async () => {
    await assert.rejects(
      load({ file: 'Logging:\n  Level: info\nAPI:\n  Host: ::1\n  Prot: 1\n' }),
      failure(/config\.yaml line 5: unknown key API\.Prot/, /Did you mean API\.Port\?/),
    )
    await assert.rejects(load({ file: 'Qwertz: 1' }), failure(/line 1: unknown key Qwertz/, /config list/))
  })

  test('a wrong value is named with its line and what is expected', async () => {
    await assert.rejects(
      load({ file: '\nAPI:\n  Port: 65536\n' }),
      failure(/config\.yaml line 3: API\.Port must be a port from 0 to 65535, not 65536$/),
    )
    await assert.rejects(
      load({ file: 'Swarm: {MDNS: maybe}' }),
      failure(/Swarm\.MDNS must be true or false, not "maybe"/),
    )
    await assert.rejects(load({ file: 'Labels: {a: [1]}' }), failure(/Labels must be names and values/))
  })

  test('broken YAML is named with its line', async () => {
    await assert.rejects(load({ file: 'API:\n  Port: [1\n' }), failure(/config\.yaml line \d+: /))
    await assert.rejects(load({ file: 'API: 3' }), failure(/line 1: API must hold further keys/))
    await assert.rejects(load({ file: '- a' }), failure(/line 1: must hold keys and values/))
    await assert.rejects(load({ file: 'API: {Port: 1}\nAPI: {Port: 2}' }), failure(/line 2: /))
  })

  test('a file that is too large or a folder is refused', async () => {
    await assert.rejects(load({ file: '#'.repeat(1_048_577) }), failure(/larger than/))
  })

  test('any text either loads or fails with a configuration error', async () => {
    const fragment = fc.oneof(
      fc.constantFrom(
        'API',
        'Port',
        ': ',
        '\n',
        '  ',
        '- ',
        '[',
        '{',
        '}',
        '*a',
        '&a ',
        '"',
        '!!map ',
        '? ',
        '1',
        'none',
      ),
      fc.string({ maxLength: 5 }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(fragment, { maxLength: 12 }), async (parts) => {
        await load({ file: parts.join('') }).then(
          () => {},
          (error: Error & { code?: string }) => assert.equal(error.code, 'ConfigurationError', error.message),
        )
      }),
      { numRuns: 150 },
    )
  })
})

describe('values', () => {
  const peersOf = async (value: string | readonly string[]) =>
    (await load({ flags: { peers: { flag: 'peer', value } } })).settings.peers

  test('peers are separated by commas or repeated; none stands alone', async () => {
    assert.deepEqual(await peersOf(['/a,/b', ' /c ']), ['/a', '/b', '/c'])
    assert.deepEqual(await peersOf('none'), [])
    // What is wrong with that the network says, which knows addresses.
    assert.deepEqual(await peersOf('none,/a'), ['none', '/a'])
  })

  test('labels of a flag are repeated', async () => {
    const { settings } = await load({ flags: { labels: { flag: 'labels', value: ['a=1,b=2', 'c=x=y'] } } })
    assert.deepEqual(settings.labels, { a: '1', b: '2', c: 'x=y' })
    await assert.rejects(load({ env: { BACALHAU_LABELS: 'a' } }), failure(/^BACALHAU_LABELS: Labels must be/))
  })

  test('a share is a percentage or an amount', async () => {
    const read = async (value: string) =>
      (await load({ env: { BACALHAU_COMPUTE_ALLOCATEDCAPACITY_MEMORY: value } })).settings.capacityMemory
    assert.deepEqual(await read('12.5%'), { percent: 12.5 })
    assert.deepEqual(await read('2GB'), { amount: 2e9 })
    for (const wrong of ['101%', '-1', '%', 'lots']) await assert.rejects(read(wrong), failure(/must be a percentage/))
  })
})

describe('node configuration', () => {
  const rolesOf = async (env: Record<string, string>) => toNodeConfig((await load({ env })).settings).roles

  test('a node without a named role has both; a node that names one has that one', async () => {
    assert.deepEqual(await rolesOf({}), { orchestrator: true, compute: true })
    assert.deepEqual(await rolesOf({ BACALHAU_COMPUTE_ENABLED: 'true' }), { orchestrator: false, compute: true })
    assert.deepEqual(await rolesOf({ BACALHAU_COMPUTE_ENABLED: 'false' }), { orchestrator: true, compute: false })
    const both = { BACALHAU_COMPUTE_ENABLED: 'true', BACALHAU_ORCHESTRATOR_ENABLED: 'true' }
    assert.deepEqual(await rolesOf(both), { orchestrator: true, compute: true })
    const none = { BACALHAU_COMPUTE_ENABLED: 'false', BACALHAU_ORCHESTRATOR_ENABLED: 'false' }
    await assert.rejects(rolesOf(none), failure(/no role/))
  })

  test('capacity is the share of the machine', () => {
    const machine = { CPU: 4, Memory: 1001, Disk: 10, GPU: 3 }
    const capacity = { CPU: { percent: 80 }, Memory: { percent: 50 }, Disk: { amount: 70 }, GPU: { percent: 50 } }
    assert.deepEqual(allocated(capacity, machine), { CPU: 3.2, Memory: 500, Disk: 70, GPU: 1 })
  })

  test('GPUs are whole ones, and no more than there are', () => {
    const part = (percent: number, found: number) => allocatedGpus({ percent }, found)
    assert.deepEqual([part(100, 4), part(50, 3), part(80, 1), part(0, 4), part(100, 0)], [4, 1, 1, 0, 0])
    assert.deepEqual([allocatedGpus({ amount: 2 }, 4), allocatedGpus({ amount: 9 }, 4)], [2, 4])
  })

  test('engines are named in any letter case, and those that are not there are refused', async () => {
    const { settings } = await load({ env: { BACALHAU_ENGINES_DISABLED: 'Docker, WASM' } })
    assert.deepEqual(toNodeConfig(settings).enginesDisabled, ['docker', 'wasm'])
    await assert.rejects(load({ env: { BACALHAU_ENGINES_DISABLED: 'dokcer' } }), { code: 'ConfigurationError' })
  })

  test('an address range that is none is refused with the name of the setting', async () => {
    const env = { BACALHAU_ENGINES_WASM_ALLOWEDADDRESSES: '10.0.0.0/99' }
    await assert.rejects(load({ env }), { code: 'ConfigurationError', message: /Engines\.Wasm\.AllowedAddresses/ })
  })
})
