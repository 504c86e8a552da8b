import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, test, type TestContext } from 'node:test'
import { createClient } from './client.ts'

interface Seen {
  method: string | undefined
  url: string | undefined
  headers: IncomingMessage['headers']
  body: string
}

/** A server that gives these answers, one after the other, and remembers what it was asked. */
async function serverOf(context: TestContext, ...answers: ((response: ServerResponse) => void)[]) {
  const seen: Seen[] = []
  const server = createServer((request, response) => {
    void request.toArray().then((chunks: Buffer[]) => {
      const body = Buffer.concat(chunks).toString()
      seen.push({ method: request.method, url: request.url, headers: request.headers, body })
      const answer = answers[Math.min(seen.length, answers.length) - 1]
      answer?.(response)
    }, ignoreAborted)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  context.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return { seen, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

/** A caller may hang up in the middle of its request. */
const ignoreAborted = () => {}

const json =
  (value: unknown, status = 200) =>
  (response: ServerResponse) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
  }

const job = (StateType: string, Revision: number) => ({
  Job: { ID: 'j-1', State: { StateType }, Tasks: [], Revision },
})

describe('client', () => {
  test('asks in the documented way', async (context) => {
    const { seen, url } = await serverOf(context, json({ JobID: 'j-1', EvaluationID: '', Warnings: null }))
    const client = createClient({ baseUrl: `${url}//` })
    assert.equal((await client.jobs.submit({ Name: 'x' }, { namespace: 'team' })).JobID, 'j-1')
    const [request] = seen
    assert.deepEqual([request?.method, request?.url], ['PUT', '/api/v1/orchestrator/jobs'])
    assert.equal(request?.headers['content-type'], 'application/json')
    assert.deepEqual(JSON.parse(request?.body ?? ''), { Job: { Name: 'x' }, Namespace: 'team' })
    assert.equal(request?.headers.authorization, undefined)
  })

  test('leaves out what is not set, and escapes what is', async (context) => {
    const { seen, url } = await serverOf(context, json({ NextToken: '', Items: null }))
    const { jobs } = createClient({ baseUrl: url })
    await jobs.list()
    await jobs.list({ limit: 5, reverse: true, namespace: 'a b' })
    await jobs.history('na/me', { type: 'job', nextToken: 'x=' })
    await jobs.history('j', { allVersions: true })
    await jobs.listExecutions('j', { version: 2, limit: 50, nextToken: 't' })
    await jobs.versions('j', { namespace: 'team' })
    assert.deepEqual(
      seen.map((request) => request.url),
      [
        '/api/v1/orchestrator/jobs',
        '/api/v1/orchestrator/jobs?namespace=a+b&limit=5&reverse=true',
        '/api/v1/orchestrator/jobs/na%2Fme/history?next_token=x%3D&event_type=job',
        '/api/v1/orchestrator/jobs/j/history?all_job_versions=true',
        '/api/v1/orchestrator/jobs/j/executions?job_version=2&limit=50&next_token=t',
        '/api/v1/orchestrator/jobs/j/versions?namespace=team',
      ],
    )
  })

  test('makes versions of a job', async (context) => {
    const { seen, url } = await serverOf(
      context,
      json({ JobID: 'j-1', EvaluationID: '', Warnings: null }),
      json({ Diff: '- Count: 1', Warnings: null }),
      json({ JobID: 'j-1', JobVersion: 3, EvaluationID: '', Warnings: null }),
    )
    const { jobs } = createClient({ baseUrl: url })
    await jobs.submit({ Name: 'x' }, { force: true })
    assert.equal((await jobs.diff({ Name: 'x' }, { namespace: 'team' })).Diff, '- Count: 1')
    assert.equal((await jobs.rerun('x/y', { version: 2 })).JobVersion, 3)
    const base = '/api/v1/orchestrator/jobs'
    assert.deepEqual(
      seen.map(({ method, url, body }) => [method, url, JSON.parse(body) as unknown]),
      [
        ['PUT', base, { Job: { Name: 'x' }, Force: true }],
        ['PUT', `${base}/diff`, { Job: { Name: 'x' }, Namespace: 'team' }],
        ['PUT', `${base}/x%2Fy/rerun`, { JobVersion: 2 }],
      ],
    )
  })

  test('reads all pages of executions', async (context) => {
    const page = (ID: string, NextToken: string) => json({ NextToken, Items: [{ ID, ComputeState: {} }] })
    const { seen, url } = await serverOf(context, page('e-1', 'a'), page('e-2', 'b'), page('e-3', ''))
    const all = await createClient({ baseUrl: url }).jobs.executions('j', { version: 1 })
    assert.deepEqual(
      all.map(({ ID }) => ID),
      ['e-1', 'e-2', 'e-3'],
    )
    assert.deepEqual(
      seen.map(({ url }) => url?.split('?')[1]),
      ['job_version=1', 'job_version=1&next_token=a', 'job_version=1&next_token=b'],
    )
  })

  test('decides about nodes, and hears when that was not possible', async (context) => {
    const { seen, url } = await serverOf(context, json({ Success: true }), json({ Success: false, Error: 'too late' }))
    const { nodes } = createClient({ baseUrl: url })
    await nodes.approve('Qm/1', { message: 'mine' })
    await assert.rejects(nodes.reject('Qm2'), { name: 'ApiError', message: 'too late' })
    assert.deepEqual(
      seen.map(({ method, url, body }) => [method, url, JSON.parse(body) as unknown]),
      [
        ['PUT', '/api/v1/orchestrator/nodes/Qm%2F1', { Action: 'approve', Message: 'mine' }],
        ['PUT', '/api/v1/orchestrator/nodes/Qm2', { Action: 'reject' }],
      ],
    )
  })

  test('shows its token', async (context) => {
    const { seen, url } = await serverOf(context, json({ Status: 'OK' }))
    await createClient({ baseUrl: url, token: 'secret' }).agent.alive()
    assert.equal(seen[0]?.headers.authorization, 'Bearer secret')
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

  test('tells when nobody answers', async (context) => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    server.close()
    await once(server, 'close')
    const client = createClient({ baseUrl: `http://127.0.0.1:${port}` })
    const unreachable = {
      name: 'ApiError',
      code: 'Unreachable',
      message: `server is not running or not reachable at http://127.0.0.1:${port}`,
    }
    await assert.rejects(client.agent.alive(), unreachable)
    await assert.rejects(client.data.add(new Uint8Array(10)), unreachable)
    await assert.rejects(Array.fromAsync(client.jobs.logs('j-1')), unreachable)
    context.signal.throwIfAborted()
  })

  test('tells when the answer breaks off', async (context) => {
    const { url } = await serverOf(context, (response) => {
      response.writeHead(200, { 'content-length': '100' }).write('{"Status"')
      setImmediate(() => response.destroy())
    })
    await assert.rejects(createClient({ baseUrl: url }).agent.alive(), { name: 'ApiError', code: 'Unreachable' })
  })

  test('tells when something else answers', async (context) => {
    const { url } = await serverOf(context, (response) => response.end('<html>'), json({ hello: 1 }), json([], 418))
    const client = createClient({ baseUrl: url })
    await assert.rejects(client.agent.version(), { code: 'BadAnswer', message: /not JSON/ })
    await assert.rejects(client.agent.version(), { code: 'BadAnswer', message: /GitVersion/ })
    await assert.rejects(client.agent.version(), { status: 418, code: 'Unknown' })
  })

  test('ends at once when it is told to', async (context) => {
    const { url } = await serverOf(context, () => {})
    const client = createClient({ baseUrl: url })
    const reason = new Error('enough')
    const early = AbortSignal.abort(reason)
    await assert.rejects(client.agent.alive({ signal: early }), reason)
    await assert.rejects(Array.fromAsync(client.jobs.logs('j-1', { signal: early })), reason)
    const controller = new AbortController()
    const late = client.agent.alive({ signal: controller.signal })
    controller.abort(reason)
    await assert.rejects(late, reason)
  })
})

describe('waiting', () => {
  test('asks for the next revision until the end', async (context) => {
    const { seen, url } = await serverOf(
      context,
      json(job('Pending', 1)),
      json(job('Running', 3)),
      json(job('Failed', 4)),
    )
    const states: string[] = []
    const ended = await createClient({ baseUrl: url }).jobs.wait('name', {
      onChange: ({ State }) => states.push(State.StateType),
    })
    assert.equal(ended.State.StateType, 'Failed')
    assert.deepEqual(states, ['Pending', 'Running', 'Failed'])
    assert.deepEqual(
      seen.map((request) => request.url?.split('?')[1]),
      [undefined, 'revision=1&wait=30', 'revision=3&wait=30'],
    )
  })

  test('does not tell the same state twice', async (context) => {
    const { url } = await serverOf(context, json(job('Pending', 1)), json(job('Pending', 1)), json(job('Completed', 2)))
    let changes = 0
    await createClient({ baseUrl: url }).jobs.wait('j-1', { onChange: () => (changes += 1) })
    assert.equal(changes, 2)
  })

  test('ends with the error of the server', async (context) => {
    const { url } = await serverOf(
      context,
      json(job('Pending', 1)),
      json({ Message: 'stopping', Code: 'ServiceUnavailable' }, 503),
    )
    await assert.rejects(createClient({ baseUrl: url }).jobs.wait('j-1'), { status: 503, message: 'stopping' })
  })
})

describe('data', () => {
  test('goes up as it is, under its name', async (context) => {
    const { seen, url } = await serverOf(context, json({ CID: 'Qm', Bytes: 3, Files: 1 }))
    const { data } = createClient({ baseUrl: url })
    async function* parts() {
      yield Uint8Array.of(97)
      yield Uint8Array.of(98, 99)
    }
    await data.add(parts(), { name: 'a b', cidVersion: 1 })
    await data.add('xyz', { tar: true })
    assert.deepEqual(
      seen.map(({ url, headers, body }) => [url, headers['content-type'], body]),
      [
        ['/api/v1/data?cid-version=1&name=a+b', 'application/octet-stream', 'abc'],
        ['/api/v1/data', 'application/x-tar', 'xyz'],
      ],
    )
  })

  test('comes down as a stream, by its path', async (context) => {
    const { seen, url } = await serverOf(context, (response) => response.end('content'))
    const { data } = createClient({ baseUrl: url })
    const stream = await data.get('Qm/a b/c?', { format: 'tar' })
    assert.equal(await new Response(stream).text(), 'content')
    assert.equal(seen[0]?.url, '/ipfs/Qm/a%20b/c%3F?format=tar')
  })

  test('an upload that fails in the middle is an error', async (context) => {
    const { url } = await serverOf(context, json({ CID: 'Qm', Bytes: 3, Files: 1 }))
    async function* failing() {
      yield Uint8Array.of(97)
      throw new Error('disk gone')
    }
    const { data } = createClient({ baseUrl: url })
    await assert.rejects(data.add(failing()), { name: 'Error', message: 'disk gone' })
    await assert.rejects(data.add(ReadableStream.from(failing())), { name: 'Error', message: 'disk gone' })
  })
})
