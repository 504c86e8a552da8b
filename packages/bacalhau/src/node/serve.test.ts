import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { startLocalNode } from './fixtures/local-node.ts'

test('a node lets in who comes from elsewhere with its token, and nobody else', async (context) => {
  const folder = await mkdtemp(path.join(tmpdir(), 'serve-'))
  const node = await startLocalNode(folder, { BACALHAU_API_TOKEN: 'secret', BACALHAU_ORCHESTRATOR_ENABLED: 'true' })
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
