import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, test, type TestContext } from 'node:test'
import { type Answer, json, playedServer } from '../test/played-server.ts'
import { createClient } from './client.ts'

const played = (context: TestContext, ...answers: Answer[]) => playedServer(context, answers)
const document = (body: Buffer | undefined): unknown => JSON.parse(body?.toString() ?? '')

const JOBS = '/api/v1/orchestrator/jobs'

describe('client', () => {
  test('asks in the documented way', async (context) => {
    const { seen, url } = await played(context, json({ JobID: 'j-1', EvaluationID: '', Warnings: null }))
    const client = createClient({ baseUrl: `${url}//` })
    assert.equal((await client.jobs.submit({ Name: 'x' }, { namespace: 'team' })).JobID, 'j-1')
    const [request] = seen
    assert.deepEqual([request?.method, request?.url], ['PUT', JOBS])
    assert.equal(request?.headers['content-type'], 'application/json')
    assert.deepEqual(document(request?.body), { Job: { Name: 'x' }, Namespace: 'team' })
    assert.equal(request?.headers.authorization, undefined)
  })

  test('leaves out what is not set, and escapes what is', async (context) => {
    const { seen, client } = await played(context, json({ NextToken: '', Items: null, EvaluationID: '' }))
    const { jobs } = client
    await jobs.list()
    await jobs.list({ limit: 5, reverse: true, namespace: 'a b', labels: 'env=dev,!old', orderBy: 'modified_at' })
    await jobs.history('na/me', { type: 'job', nextToken: 'x=', since: 7 })
    await jobs.history('j', { allVersions: true })
    await jobs.listExecutions('j', { version: 2, limit: 50, nextToken: 't', orderBy: 'created_at', reverse: true })
    await jobs.versions('j', { namespace: 'team' })
    assert.deepEqual(
      seen.map(({ url }) => url),
      [
        JOBS,
        `${JOBS}?namespace=a+b&labels=env%3Ddev%2C%21old&order_by=modified_at&reverse=true&limit=5`,
        `${JOBS}/na%2Fme/history?next_token=x%3D&event_type=job&since=7`,
        `${JOBS}/j/history?all_job_versions=true`,
        `${JOBS}/j/executions?job_version=2&order_by=created_at&reverse=true&limit=50&next_token=t`,
        `${JOBS}/j/versions?namespace=team`,
      ],
    )
  })

  test('makes versions of a job', async (context) => {
    const { seen, client } = await played(
      context,
      json({ JobID: 'j-1', EvaluationID: '', Warnings: null }),
      json({ Diff: '- Count: 1', Warnings: null }),
      json({ JobID: 'j-1', JobVersion: 3, EvaluationID: '', Warnings: null }),
      json({ EvaluationID: 'e' }),
    )
    const { jobs } = client
    await jobs.submit({ Name: 'x' }, { force: true })
    assert.equal((await jobs.diff({ Name: 'x' }, { namespace: 'team' })).Diff, '- Count: 1')
    assert.equal((await jobs.rerun('x/y', { version: 2 })).JobVersion, 3)
    assert.deepEqual(await jobs.stop('x', 'too long', { namespace: 'team' }), { EvaluationID: 'e' })
    assert.deepEqual(
      seen.map(({ method, url, body }) => [method, url, document(body)]),
      [
        ['PUT', JOBS, { Job: { Name: 'x' }, Force: true }],
        ['PUT', `${JOBS}/diff`, { Job: { Name: 'x' }, Namespace: 'team' }],
        ['PUT', `${JOBS}/x%2Fy/rerun`, { JobVersion: 2 }],
        ['DELETE', `${JOBS}/x`, { Namespace: 'team', reason: 'too long' }],
      ],
    )
  })

  test('reads all pages', async (context) => {
    const page = (ID: string, NextToken: string) =>
      json({ NextToken, Items: [{ ID, ComputeState: {}, State: {}, Tasks: [], Revision: 1 }] })
    const { seen, client } = await played(context, page('1', 'a'), page('2', 'b'), page('3', ''))
    const executions = await client.jobs.executions('j', { version: 1 })
    const jobs = await Array.fromAsync(client.jobs.all({ labels: 'a=b' }))
    assert.deepEqual([executions.map(({ ID }) => ID), jobs.map(({ ID }) => ID)], [['1', '2', '3'], ['3']])
    assert.deepEqual(
      seen.map(({ url }) => url?.split('?')[1]),
      ['job_version=1', 'job_version=1&next_token=a', 'job_version=1&next_token=b', 'labels=a%3Db'],
    )
  })

  test('looks at nodes, decides about them, and hears when that was not possible', async (context) => {
    const { seen, client } = await played(
      context,
      json({ NextToken: '', Nodes: [] }),
      json({ Success: true }),
      json({ Success: false, Error: 'too late' }),
    )
    const { nodes } = client
    assert.deepEqual(await nodes.list({ labels: 'gpu', approval: 'pending', status: 'connected', orderBy: 'id' }), [])
    await nodes.approve('Qm/1', { message: 'mine' })
    await assert.rejects(nodes.reject('Qm2'), { name: 'ApiError', message: 'too late' })
    const path = '/api/v1/orchestrator/nodes'
    assert.equal(seen[0]?.url, `${path}?labels=gpu&filter-approval=pending&filter-status=connected&order_by=id`)
    assert.deepEqual(
      seen.slice(1).map(({ method, url, body }) => [method, url, document(body)]),
      [
        ['PUT', `${path}/Qm%2F1`, { Action: 'approve', Message: 'mine' }],
        ['PUT', `${path}/Qm2`, { Action: 'reject' }],
      ],
    )
  })

  test('makes, lists and revokes tokens', async (context) => {
    const Info = { ID: 't-1', Name: 'ci', Scope: 'read', CreatedAt: '2026-01-01T00:00:00Z' }
    const { seen, client } = await played(
      context,
      json({ Token: 'secret', Info }),
      json({ NextToken: '', Items: [Info] }),
      json({ Info }),
    )
    const expiresAt = new Date(Date.UTC(2030, 0, 1))
    const made = await client.tokens.create({ name: 'ci', scope: 'read', namespaces: ['a'], expiresAt })
    assert.equal(made.Token, 'secret')
    assert.deepEqual(await client.tokens.list(), [Info])
    assert.deepEqual(await client.tokens.revoke('t-1'), Info)
    assert.deepEqual(document(seen[0]?.body), {
      Name: 'ci',
      Scope: 'read',
      Namespaces: ['a'],
      ExpiresAt: '2030-01-01T00:00:00.000Z',
    })
    assert.deepEqual(
      seen.map(({ method, url }) => `${method} ${url}`),
      ['POST /api/v1/auth/tokens', 'GET /api/v1/auth/tokens', 'DELETE /api/v1/auth/tokens/t-1'],
    )
  })

  test('shows its token, or its user', async (context) => {
    const { seen, url } = await played(context, json({ Status: 'OK' }))
    await createClient({ baseUrl: url, token: 'secret' }).agent.alive()
    await createClient({ baseUrl: url, basic: { username: 'jo', password: 'pä:ss' } }).agent.alive()
    assert.deepEqual(
      seen.map(({ headers }) => headers.authorization),
      ['Bearer secret', `Basic ${Buffer.from('jo:pä:ss').toString('base64')}`],
    )
  })

  test('uses the fetch that it is given', async () => {
    const asked: string[] = []
    const client = createClient({
      baseUrl: 'http://node',
      fetch: async (url) => {
        asked.push(url)
        return new Response('{"Status":"OK"}')
      },
    })
    await client.agent.alive()
    assert.deepEqual(asked, ['http://node/api/v1/agent/alive'])
  })

  test('tells at once when nobody answers', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    server.close()
    await once(server, 'close')
    const after = () => assert.fail('nothing is waited for')
    const client = createClient({ baseUrl: `http://127.0.0.1:${port}`, timeout: Infinity, after })
    const unreachable = {
      name: 'ApiError',
      code: 'Unreachable',
      message: `server is not running or not reachable at http://127.0.0.1:${port}`,
    }
    await assert.rejects(client.agent.alive(), unreachable)
    await assert.rejects(client.data.add(new Uint8Array(10)), unreachable)
    await assert.rejects(Array.fromAsync(client.jobs.logs('j-1')), unreachable)
    await assert.rejects(Array.fromAsync(client.jobs.events()), unreachable)
  })

  test('tells when the answer breaks off', async (context) => {
    const { client, seen } = await played(context, (response) => {
      response.writeHead(200, { 'content-length': '100' }).write('{"Status"')
      setImmediate(() => response.destroy())
    })
    await assert.rejects(client.agent.alive(), { name: 'ApiError', code: 'Unreachable' })
    assert.equal(seen.length, 4)
  })

  test('tells when something else answers', async (context) => {
    const { client } = await played(context, (response) => response.end('<html>'), json({ hello: 1 }), json([], 418))
    await assert.rejects(client.agent.version(), { code: 'BadAnswer', message: /not JSON/ })
    await assert.rejects(client.agent.version(), { code: 'BadAnswer', message: /GitVersion/ })
    await assert.rejects(client.agent.version(), { status: 418, code: 'Unknown' })
  })

  test('ends at once when it is told to', async (context) => {
    const { client } = await played(context, () => {})
    const reason = new Error('enough')
    const early = AbortSignal.abort(reason)
    await assert.rejects(client.agent.alive({ signal: early }), reason)
    await assert.rejects(Array.fromAsync(client.jobs.logs('j-1', { signal: early })), reason)
    const calls = (signal: AbortSignal): Promise<unknown>[] => [
      client.agent.alive({ signal }),
      client.jobs.wait('j', { signal }),
      client.jobs.submit({}, { signal }),
      Array.fromAsync(client.jobs.events({ signal })),
      Array.fromAsync(client.data.read('QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn', { signal })),
    ]
    const controller = new AbortController()
    const all = calls(controller.signal).map((call) => assert.rejects(call, reason))
    controller.abort(reason)
    await Promise.all(all)
  })
})

describe('data', () => {
  test('goes up as it is, under its name', async (context) => {
    const { seen, client } = await played(context, json({ CID: 'Qm', Bytes: 3, Files: 1 }))
    const { data } = client
    async function* parts() {
      yield Uint8Array.of(97)
      yield new Blob(['bc'])
    }
    await data.add(parts(), { name: 'a b', cidVersion: 1 })
    await data.add('xyz', { tar: true })
    await data.add(new Blob(['blob']))
    assert.deepEqual(
      seen.map(({ url, headers, body }) => [url, headers['content-type'], body.toString()]),
      [
        ['/api/v1/data?cid-version=1&name=a+b', 'application/octet-stream', 'abc'],
        ['/api/v1/data', 'application/x-tar', 'xyz'],
        ['/api/v1/data', 'application/octet-stream', 'blob'],
      ],
    )
  })

  test('is gathered first where a body cannot be streamed', async (context) => {
    const { seen, client } = await playedServer(context, [json({ CID: 'Qm', Bytes: 3, Files: 1 })], {
      streamsBodies: false,
    })
    await client.data.add(new Blob(['abc']).stream())
    const [request] = seen
    assert.deepEqual([request?.body.toString(), request?.headers['content-length']], ['abc', '3'])
  })

  test('comes down as a stream, by its path', async (context) => {
    const { seen, client } = await played(context, (response) => response.end('content'))
    const stream = await client.data.get('Qm/a b/c?', { format: 'tar', skip: 3 })
    assert.equal(await new Response(stream).text(), 'content')
    assert.equal(seen[0]?.url, '/ipfs/Qm/a%20b/c%3F?format=tar&skip=3')
  })

  test('an upload that fails in the middle is an error', async (context) => {
    const { client } = await played(context, json({ CID: 'Qm', Bytes: 3, Files: 1 }))
    async function* failing() {
      yield Uint8Array.of(97)
      throw new Error('disk gone')
    }
    const { data } = client
    await assert.rejects(data.add(failing()), { name: 'Error', message: 'disk gone' })
    await assert.rejects(data.add(ReadableStream.from(failing())), { name: 'Error', message: 'disk gone' })
  })
})
