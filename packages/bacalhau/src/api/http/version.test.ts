import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ask, temporaryApi } from '../testing/api.ts'
import { refuseVersion } from './version.ts'

const ALIVE = '/api/v1/agent/alive'
const header = (version: string) => ({ headers: { 'x-bacalhau-git-version': version } })

describe('versions of clients', () => {
  for (const version of ['v1.4.0', '1.4.0', 'v1.9.3', 'v2', 'v1.10.0-rc1', 'v1.4.1-rc1+build', 'v1.5']) {
    test(`${version} is served`, () => assert.equal(refuseVersion(version, 'v1.9.3'), undefined))
  }

  for (const version of ['v1.3.9', '1.3.2', 'v1.4.0-rc1', 'v0.3.29', 'v1', 'v0.0.1', '1.2.3']) {
    test(`${version} is told to renew itself`, () => {
      assert.deepEqual(refuseVersion(version, 'v1.9.3'), {
        status: 403,
        body: {
          Error: 'Client version is outdated. Update your client',
          MinVersion: '1.4.0',
          ClientVersion: version.replace('v', ''),
          ServerVersion: '1.9.3',
        },
      })
    })
  }

  for (const version of ['latest', 'v1.x', 'v1.2.3.4', '1.9.3 ', 'v', 'v-1', 'v1..2']) {
    test(`'${version}' is no version`, () => {
      const refusal = { status: 400, body: { Error: `Invalid client version ${version}` } }
      assert.deepEqual(refuseVersion(version, 'v1.9.3'), refusal)
    })
  }

  test('are looked at in every request but those of old paths', async (context) => {
    const { url } = await temporaryApi(context)
    const old = await ask(`${url}/api/v1/data/pins`, header('v1.2.3'))
    assert.equal(old.status, 403)
    assert.deepEqual(Object.keys(old.body as object), ['Error', 'MinVersion', 'ClientVersion', 'ServerVersion'])
    assert.equal(old.headers.get('x-bacalhau-git-version'), 'v0.1.0')
    assert.equal(old.headers.get('content-type'), 'application/json')
    assert.deepEqual((await ask(`${url}${ALIVE}`, header('nightly'))).body, { Error: 'Invalid client version nightly' })
    assert.equal((await ask(`${url}/api/v1/id`, header('v1.2.3'))).status, 200)
    assert.equal((await ask(`${url}${ALIVE}`, header('v1.2.3'))).status, 200)
  })

  for (const version of ['', 'v0.0.0', 'v0.0.0-abcdef1', 'v1.9.3']) {
    test(`'${version}' is served`, async (context) => {
      const { url } = await temporaryApi(context)
      assert.equal((await ask(`${url}${ALIVE}`, header(version))).status, 200)
    })
  }
})
