import assert from 'node:assert/strict'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { dockerCredentials } from './credentials.ts'

async function folderWith(t: TestContext, config: object): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'credentials-'))
  t.after(() => rm(folder, { recursive: true }))
  await writeFile(path.join(folder, 'config.json'), JSON.stringify(config))
  return folder
}

const decode = (header: string | undefined): unknown => {
  if (header === undefined) return undefined
  assert.match(header, /^(?:[\w-]{4})*[\w-]{2}(?:==|[\w-](?:=|[\w-]))$/, 'for URLs, with its padding')
  return JSON.parse(Buffer.from(header, 'base64url').toString())
}
const basic = (text: string) => ({ auth: Buffer.from(text).toString('base64') })

describe('credentials for a registry', () => {
  test('are those that `docker login` has left for it, and nothing for another one', async (t) => {
    const auths = {
      'https://index.docker.io/v1/': basic('me:pass:word'),
      'registry.example.com:5000': basic('other:secret'),
      'ghcr.io': { identitytoken: 'token' },
      'broken.example.com': { auth: 'nonsense' },
    }
    const find = dockerCredentials({ env: { DOCKER_CONFIG: await folderWith(t, { auths }) }, home: '/nowhere' })
    assert.deepEqual(decode(await find('docker.io')), {
      username: 'me',
      password: 'pass:word',
      serveraddress: 'https://index.docker.io/v1/',
    })
    assert.deepEqual(decode(await find('registry.example.com:5000')), {
      username: 'other',
      password: 'secret',
      serveraddress: 'registry.example.com:5000',
    })
    assert.deepEqual(decode(await find('ghcr.io')), { identitytoken: 'token', serveraddress: 'ghcr.io' })
    for (const registry of ['broken.example.com', 'example.com', 'registry.example.com'])
      assert.equal(await find(registry), undefined)
  })

  test('of the environment are for the default registry only', async () => {
    const env = { DOCKER_USERNAME: 'me', DOCKER_PASSWORD: 'secret', DOCKER_CONFIG: '/nowhere' }
    const find = dockerCredentials({ env, home: '/nowhere' })
    assert.deepEqual(decode(await find('docker.io')), {
      username: 'me',
      password: 'secret',
      serveraddress: 'https://index.docker.io/v1/',
    })
    assert.equal(await find('ghcr.io'), undefined)
  })

  test('come from a helper program where one is named', async (t) => {
    const folder = await folderWith(t, { credHelpers: { 'ghcr.io': 'test', 'bad.example.com': '../evil' } })
    const helper = path.join(folder, 'docker-credential-test')
    await writeFile(helper, '#!/bin/sh\nread key\necho "{\\"Username\\":\\"for $key\\",\\"Secret\\":\\"s\\"}"\n')
    await chmod(helper, 0o755)
    const before = process.env['PATH']
    t.after(() => (process.env['PATH'] = before))
    process.env['PATH'] = `${folder}:${before ?? ''}`
    const find = dockerCredentials({ env: { DOCKER_CONFIG: folder }, home: '/nowhere' })
    assert.deepEqual(decode(await find('ghcr.io')), {
      username: 'for ghcr.io',
      password: 's',
      serveraddress: 'ghcr.io',
    })
    assert.equal(await find('bad.example.com'), undefined)
  })

  test('that cannot be read fail the pull instead of going on as a stranger', async (t) => {
    const folder = await folderWith(t, {})
    await writeFile(path.join(folder, 'config.json'), '{')
    await assert.rejects(dockerCredentials({ env: { DOCKER_CONFIG: folder }, home: '/' })('ghcr.io'), SyntaxError)
  })
})
