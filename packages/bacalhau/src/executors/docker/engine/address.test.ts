import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, test } from 'node:test'
import { type AddressSources, engineAddresses } from './address.ts'

const nobody: AddressSources = { env: {}, home: '/nowhere', uid: 4_242_424, host: undefined }

describe('the address of the engine', () => {
  test('is the one that the setting names, else DOCKER_HOST, else CONTAINER_HOST', () => {
    const env = { DOCKER_HOST: 'unix:///a', CONTAINER_HOST: 'unix:///b' }
    const names = (sources: Partial<AddressSources>) =>
      engineAddresses({ ...nobody, ...sources }).map(({ name }) => name)
    assert.deepEqual(names({ env, host: '/c' }), ['unix:///c'])
    assert.deepEqual(names({ env }), ['unix:///a'])
    assert.deepEqual(names({ env: { ...env, DOCKER_HOST: '' } }), ['unix:///b'])
  })

  test('may be a port', () => {
    const [plain] = engineAddresses({ ...nobody, host: 'tcp://127.0.0.1:2375' })
    assert.deepEqual(plain?.target, { host: '127.0.0.1', port: 2_375, tls: undefined })
    const [six] = engineAddresses({ ...nobody, host: 'tcp://[::1]:2375' })
    assert.deepEqual(six?.target, { host: '::1', port: 2_375, tls: undefined })
  })

  test('over TLS takes the files of DOCKER_CERT_PATH', async (t) => {
    const folder = await mkdtemp(path.join(tmpdir(), 'certs-'))
    t.after(() => rm(folder, { recursive: true }))
    const env = { DOCKER_HOST: 'tcp://engine:2376', DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: folder }
    assert.throws(() => engineAddresses({ ...nobody, env }), { code: 'ConfigurationError', message: /ca\.pem/ })
    for (const name of ['ca', 'cert', 'key']) await writeFile(path.join(folder, `${name}.pem`), name)
    const [address] = engineAddresses({ ...nobody, env })
    assert.ok(address !== undefined && 'tls' in address.target)
    assert.equal(address.target.tls?.key.toString(), 'key')
  })

  test('that is none is told with what one looks like', () => {
    for (const host of ['tcp://nowhere', 'ssh://host', 'tcp://a:99999', 'npipe:////./pipe/x', 'unix://relative'])
      assert.throws(() => engineAddresses({ ...nobody, host }), {
        code: 'ConfigurationError',
        message: /unix:\/\/\/path/,
      })
  })

  test('is otherwise any of the usual sockets that are there', async (t) => {
    const runtime = await mkdtemp(path.join(tmpdir(), 'runtime-'))
    t.after(() => rm(runtime, { recursive: true }))
    await mkdir(path.join(runtime, 'podman'))
    for (const name of ['docker.sock', 'podman/podman.sock']) await writeFile(path.join(runtime, name), '')
    const names = engineAddresses({ ...nobody, env: { XDG_RUNTIME_DIR: runtime } }).map(({ name }) => name)
    const own = names.filter((name) => name.includes(runtime))
    assert.deepEqual(own, [`unix://${runtime}/docker.sock`, `unix://${runtime}/podman/podman.sock`])
  })
})
