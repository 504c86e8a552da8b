import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { apiUrl, endpointOf } from './connection.ts'
import { recordedIo } from './fixtures/recorded-io.ts'
import { loadSettings, sameNode, type SettingFlags } from './settings.ts'

const profile = { endpoint: 'https://profile.example.org' }

let folder: string
before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'connection-'))
  await writeFile(path.join(folder, 'named.yaml'), 'API: {Port: 5}\n')
})
after(() => rm(folder, { recursive: true }))

async function whereTo(flags: SettingFlags, env: Record<string, string> = {}, named = false, saved = true) {
  const io = recordedIo({ env: { BACALHAU_PATH: folder, ...env }, cwd: folder })
  return endpointOf(await loadSettings(io, flags), saved ? profile : undefined, named)
}

describe('where a command calls', () => {
  test('this machine, when nothing is said', async () => {
    assert.equal(await whereTo({}, {}, false, false), 'http://127.0.0.1:1234')
  })

  test('the profile, when nothing else is said', async () => {
    assert.equal(await whereTo({}), profile.endpoint)
    assert.equal(await whereTo({ 'api-port': 1234 }), profile.endpoint)
  })

  test('where a flag, a variable or a file says, before a selected profile', async () => {
    assert.equal(await whereTo({ 'api-port': 5 }), 'http://127.0.0.1:5')
    assert.equal(await whereTo({ config: ['API.Host=192.0.2.1'] }), 'http://192.0.2.1:1234')
    assert.equal(await whereTo({}, { BACALHAU_API_HOST: 'other' }), 'http://other:1234')
    assert.equal(await whereTo({ config: ['named.yaml'] }), 'http://127.0.0.1:5')
  })

  test('a profile that was named for this command, before a file', async () => {
    assert.equal(await whereTo({ config: ['named.yaml'] }, {}, true), profile.endpoint)
    assert.equal(await whereTo({ 'api-port': 5 }, {}, true), 'http://127.0.0.1:5')
    assert.equal(await whereTo({}, { BACALHAU_API_PORT: '5' }, true), 'http://127.0.0.1:5')
  })

  test('addresses that listen everywhere are called on this machine', async () => {
    const { settings } = await loadSettings(recordedIo({ env: { BACALHAU_PATH: folder } }), {})
    const urlOf = (apiHost: string) => apiUrl({ ...settings, apiHost, apiPort: 1 })
    for (const host of ['0.0.0.0', '::', '[::]']) assert.equal(urlOf(host), 'http://127.0.0.1:1')
    assert.equal(urlOf('::1'), 'http://[::1]:1')
    assert.equal(urlOf('https://x/y'), 'https://x/y')
  })
})

test('commands that are suggested name the same node, as a shell takes it', () => {
  assert.equal(sameNode({}), '')
  assert.equal(
    sameNode({ 'api-port': 5, profile: 'lab', config: ["API.Host=it's"] }),
    " --api-port 5 --profile lab --config 'API.Host=it'\\''s'",
  )
})
