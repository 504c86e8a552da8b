import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ask, nodeInfo, PEER_ID, temporaryApi } from '../testing/api.ts'

describe('agent', () => {
  test('says that it is alive, in one line of JSON', async (context) => {
    const { url } = await temporaryApi(context)
    const response = await fetch(`${url}/api/v1/agent/alive`)
    assert.equal(response.status, 200)
    assert.equal(response.headers.get('content-type'), 'application/json')
    assert.equal(await response.text(), '{"Status":"OK"}\n')
  })

  test('indents on demand', async (context) => {
    const { url } = await temporaryApi(context)
    assert.equal(await (await fetch(`${url}/api/v1/agent/alive?pretty`)).text(), '{\n  "Status": "OK"\n}\n')
  })

  test('names its build, flat, and in headers', async (context) => {
    const { url } = await temporaryApi(context)
    const { body, headers } = await ask(`${url}/api/v1/agent/version`)
    assert.deepEqual(body, nodeInfo.BacalhauVersion)
    assert.equal(headers.get('x-bacalhau-git-version'), 'v0.1.0')
    assert.equal(headers.get('x-bacalhau-build-os'), 'linux')
    assert.match(headers.get('x-request-id') ?? '', /^[\da-f]{32}$/)
  })

  test('repeats a request id only if it is a sensible one', async (context) => {
    const { url } = await temporaryApi(context)
    const echo = async (id: string) =>
      (await ask(`${url}/api/v1/agent/alive`, { headers: { 'x-request-id': id } })).headers.get('x-request-id')
    assert.equal(await echo('my-id.1'), 'my-id.1')
    assert.notEqual(await echo('a b'), 'a b')
    assert.notEqual(await echo('x'.repeat(200)), 'x'.repeat(200))
  })

  test('describes the node with what a Go node reads of a peer', async (context) => {
    const { url } = await temporaryApi(context)
    const PeerInfo = { ID: PEER_ID, Addrs: ['/ip4/127.0.0.1/tcp/1235'] }
    for (const path of ['agent/node', 'node_info']) {
      const Info = { ...nodeInfo, PeerInfo }
      const state = { Approval: 'APPROVED', Info, Membership: 'APPROVED', Connection: 'CONNECTED' }
      assert.deepEqual((await ask(`${url}/api/v1/${path}`)).body, { ...Info, ...state })
    }
    assert.deepEqual((await ask(`${url}/api/v1/id`)).body, PEER_ID)
    assert.deepEqual((await ask(`${url}/api/v1/peer`)).body, {
      ID: PEER_ID,
      Addresses: [`/ip4/127.0.0.1/tcp/1235/p2p/${PEER_ID}`],
    })
  })

  test('redirects the short names', async (context) => {
    const { url } = await temporaryApi(context)
    for (const [from, to] of [
      ['/', '/api/v1/agent/version'],
      ['/version', '/api/v1/agent/version'],
      ['/livez', '/api/v1/agent/alive'],
    ]) {
      const response = await fetch(`${url}${from}`, { redirect: 'manual' })
      assert.equal(response.status, 301)
      assert.equal(response.headers.get('location'), to)
    }
  })

  test('tells strangers no more than how to reach the node', async (context) => {
    const { url } = await temporaryApi(context)
    const stranger = { headers: { 'x-forwarded-for': '192.0.2.1' } }
    for (const path of ['agent/alive', 'agent/version', 'peer', 'id']) {
      assert.equal((await ask(`${url}/api/v1/${path}`, stranger)).status, 200, path)
    }
    const { body } = await ask(`${url}/api/v1/agent/node`, stranger)
    assert.deepEqual(body, { NodeID: PEER_ID, PeerInfo: { ID: PEER_ID, Addrs: ['/ip4/127.0.0.1/tcp/1235'] } })
    const { status, headers } = await ask(`${url}/api/v1/orchestrator/nodes`, stranger)
    assert.equal(status, 401)
    assert.equal(headers.get('x-bacalhau-git-version'), null)
  })
})
