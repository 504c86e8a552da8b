import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { loadConfig, toNodeConfig } from './config.ts'
import { serve } from './serve.ts'

test('a node lets in who comes from elsewhere with its token, and nobody else', async (context) => {
  const folder = await mkdtemp(path.join(tmpdir(), 'serve-'))
  const env = {
    BACALHAU_PATH: folder,
    BACALHAU_API_TOKEN: 'secret',
    BACALHAU_API_HOST: '127.0.0.1',
    BACALHAU_API_PORT: '0',
    BACALHAU_SWARM_HOST: '127.0.0.1',
    BACALHAU_SWARM_PORT: '0',
    BACALHAU_SWARM_PEERS: 'none',
    BACALHAU_ORCHESTRATOR_ENABLED: 'true',
  }
  const { settings } = await loadConfig({ env, home: folder, cwd: folder, flags: {} })
  const node = await serve(toNodeConfig(settings))
  context.after(async () => {
    await node.stop()
    await rm(folder, { recursive: true })
  })
  const status = async (headers: Record<string, string>) =>
    (await fetch(`${node.apiUrl}/api/v1/data/pins`, { headers: { 'x-forwarded-for': '192.0.2.1', ...headers } })).status
  assert.equal(await status({ authorization: 'Bearer secret' }), 200)
  assert.equal(await status({ authorization: 'Bearer other' }), 401)
  assert.equal(await status({}), 401)
})
