import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import fc from 'fast-check'
import { stringify } from 'yaml'
import { type ConfigSources, loadConfig } from './config.ts'
import { SETTING_NAMES, SETTINGS } from './config-settings.ts'
import { configTree } from './config-tree.ts'

let folder: string
before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'config-flag-'))
  await writeFile(path.join(folder, 'config.yaml'), 'API: {Port: 2}\nSwarm: {Port: 22}\n')
  await writeFile(path.join(folder, 'one.yaml'), 'API:\n  Port: 3\n  Host: one\n')
  await writeFile(path.join(folder, 'two.yml'), 'API: {Host: two}\nDataDir: ./elsewhere\n')
  await writeFile(
    path.join(folder, 'go.yaml'),
    'NameProvider: hostname\nCompute:\n  Enabled: true\n  Orchestrators: [nats://127.0.0.1:4222]\nJobDefaults: {Batch: {Task: {}}}\nWebUI:\n  Enabled: true\n',
  )
})
after(() => rm(folder, { recursive: true }))

const load = (config: readonly string[], more: Partial<ConfigSources> = {}) =>
  loadConfig({ env: { BACALHAU_PATH: folder }, home: '/home/somebody', cwd: folder, flags: {}, config, ...more })

const failure = (message: RegExp) => ({ code: 'ConfigurationError', message })

describe('--config', () => {
  test('KEY=VALUE wins over the environment and files', async () => {
    const { settings, origins } = await load(['api.PORT=9', 'Labels=a=b,c=d'], {
      env: { BACALHAU_PATH: folder, BACALHAU_API_PORT: '8' },
    })
    assert.deepEqual([settings.apiPort, origins.apiPort], [9, '--config'])
    assert.deepEqual(settings.labels, { a: 'b', c: 'd' })
    assert.equal(settings.swarmPort, 22)
  })

  test('the bare key of a switch turns it on', async () => {
    assert.equal((await load(['Compute.Enabled'])).settings.compute, true)
    await assert.rejects(load(['API.Port']), failure(/API\.Port: config flag key requires a value/))
  })

  test('files take the place of the one in the data folder; a later one wins', async () => {
    const { settings, origins } = await load(['one.yaml', 'two.yml'])
    assert.deepEqual([settings.apiPort, settings.apiHost, settings.swarmPort], [3, 'two', 1235])
    assert.equal(origins.apiPort, `${path.join(folder, 'one.yaml')} line 2`)
    // The variable is stronger than a file; without it a named file may say where the folder is.
    assert.equal(settings.dataDir, folder)
    assert.equal((await load(['two.yml'], { env: {} })).settings.dataDir, path.join(folder, 'elsewhere'))
    assert.equal((await load(['one.yaml', 'API.Port=4'])).settings.apiPort, 4)
  })

  test('the same setting by a flag of its own as well is a conflict', async () => {
    const flags = { apiPort: { flag: 'api-port', value: '1' } }
    await assert.rejects(
      load(['API.Port=1'], { flags }),
      failure(/^flag: --api-port and config flag key "API\.Port" cannot both be provided$/),
    )
    assert.equal((await load(['one.yaml'], { flags })).settings.apiPort, 1)
  })

  test('mistakes are told in the words that are documented', async () => {
    await assert.rejects(load(['nope.yaml']), failure(/^specified configuration file doesn't exist: nope\.yaml$/))
    for (const wrong of ['API.Prot=1', 'nothing', '=1', '']) {
      await assert.rejects(
        load([wrong]),
        failure(/no matching config key\. Run 'bacalhau config list' for a list of valid keys$/),
      )
    }
    await assert.rejects(load(['API.Port=many']), failure(/^--config: API\.Port must be a port/))
  })

  test('keys of the Go program that mean nothing here are set aside, with a sentence', async () => {
    const { settings, warnings } = await load(['go.yaml', 'DisableAnalytics'])
    assert.equal(settings.compute, true)
    const file = path.join(folder, 'go.yaml')
    assert.deepEqual(warnings, [
      '--config: DisableAnalytics has no effect here',
      `${file} line 1: NameProvider has no effect here`,
      `${file} line 4: Compute.Orchestrators has no effect here; see Swarm.Peers`,
      `${file} line 7: WebUI.Enabled has no effect here`,
    ])
  })

  test('any text is read or refused as a fault of the configuration', async () => {
    const fragment = fc.oneof(
      fc.constantFrom('API.', 'Port', '=', '.yaml', 'Labels', 'Compute.Enabled', '/', '1', ','),
      fc.string(),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(fragment, { maxLength: 5 }), async (parts) => {
        await load([parts.join('')]).catch((error: Error & { code?: string }) => {
          assert.equal(error.code, 'ConfigurationError', error.message)
        })
      }),
      { numRuns: 100 },
    )
  })
})

describe('the tree of settings', () => {
  test('holds every setting that has a value, and no secret', async () => {
    const { settings } = await load(['Swarm.JoinToken=hush', 'Compute.AllocatedCapacity.CPU=50%'])
    const tree = configTree(settings) as Record<string, Record<string, unknown>>
    assert.deepEqual(tree['API']?.['Port'], 2)
    assert.deepEqual(tree['Compute']?.['AllocatedCapacity'], { CPU: '50%', Memory: '80%', Disk: '80%', GPU: '100%' })
    assert.equal(tree['Swarm']?.['JoinToken'], '********')
    assert.doesNotMatch(JSON.stringify(tree), /hush/)
    for (const name of SETTING_NAMES.filter((name) => settings[name] !== undefined && settings[name] !== false)) {
      const value = SETTINGS[name].key
        .split('.')
        .reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], tree)
      assert.notEqual(value, undefined, name)
    }
  })

  test('can be read again as a file; a secret that is hidden in it is no secret', async () => {
    const file = path.join(folder, 'copy.yaml')
    const { settings } = await load(['Labels=a=b', 'Compute.AllocatedCapacity.Memory=2GB', 'API.TLS.SelfSigned'])
    await writeFile(file, stringify(configTree(settings)))
    assert.deepEqual((await load([file])).settings, settings)
    await assert.rejects(load(['Swarm.JoinToken=********']), failure(/Swarm\.JoinToken is only the \*{8} that a list/))
  })
})
