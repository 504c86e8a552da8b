import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ask, temporaryApi } from '../testing/api.ts'
import { toGoConfig } from './go-config.ts'

describe('configuration in the documented form', () => {
  test('has every group, and of values those that say something', () => {
    const config = toGoConfig({
      API: { Host: '0.0.0.0', Port: 1234, Token: '********' },
      Compute: { Enabled: false, AllowListedLocalPaths: [], AllocatedCapacity: { CPU: '80%', GPU: 0 } },
      Labels: { zone: 'eu', empty: '' },
      Swarm: { MDNS: true, UPnP: false, Host: '' },
    }) as Record<string, Record<string, unknown>>
    assert.deepEqual(config['API'], {
      Auth: { Oauth2: {} },
      TLS: { Insecure: false },
      Host: '0.0.0.0',
      Port: 1234,
      Token: '********',
    })
    assert.deepEqual(config['Compute'], {
      Auth: {},
      Env: {},
      AllocatedCapacity: { CPU: '80%' },
      Heartbeat: {},
      Network: {},
      TLS: {},
    })
    assert.deepEqual(config['Swarm'], { MDNS: true })
    assert.deepEqual(config['Labels'], { zone: 'eu' })
    assert.deepEqual(config['JobDefaults']?.['Service'], { Task: { Resources: {} } })
    assert.deepEqual(Object.keys(config).slice(0, 4), ['API', 'Orchestrator', 'Compute', 'Engines'])
  })

  test('of nothing is the groups alone', () => {
    assert.deepEqual(Object.keys(toGoConfig({})), [
      'API',
      'Orchestrator',
      'Compute',
      'Engines',
      'InputSources',
      'Publishers',
      'ResultDownloaders',
      'JobAdmissionControl',
      'JobDefaults',
      'Logging',
      'UpdateConfig',
      'WebUI',
    ])
  })
})

describe('inspection', () => {
  test('shows the configuration below a key in lower case', async (context) => {
    const { url } = await temporaryApi(context, { config: () => ({ DataDir: '/x' }) })
    const { status, body } = await ask(`${url}/api/v1/agent/config`)
    const { config, ...others } = body as { config: Record<string, unknown> }
    assert.deepEqual([status, config['DataDir'], others], [200, '/x', {}])
  })

  test('tells what the node is doing', async (context) => {
    const { url } = await temporaryApi(context)
    const { body } = await ask(`${url}/api/v1/agent/debug`)
    assert.deepEqual(Object.keys(body as object), ['Process', 'Compute', 'Orchestrator'])
    const alone = await temporaryApi(context, { orchestrator: undefined })
    const { body: less } = await ask(`${alone.url}/api/v1/agent/debug`)
    assert.deepEqual(Object.keys(less as object), ['Process', 'Compute'])
  })
})
