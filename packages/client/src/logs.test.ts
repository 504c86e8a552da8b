import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, test, type TestContext } from 'node:test'
import { type WebSocket as ServerSocket, WebSocketServer } from 'ws'
import type { ApiError } from './api-error.ts'
import { createClient } from './client.ts'

interface Play {
  /** One for each connection; the last for all further ones. */
  readonly sessions: readonly ((socket: ServerSocket) => void)[]
  readonly executions?: readonly object[]
  /** Status of the job's own route. */
  readonly jobStatus?: number
}

const line = (Type: number, Line: string) => `${JSON.stringify({ value: { Type, Line } })}\n`
const run = (ID: string, StateType: number, ModifyTime = 1) => ({ ID, ComputeState: { StateType }, ModifyTime })
const [RUNNING, COMPLETED] = [6, 9]

/** A server whose log socket plays these sessions. Waiting takes no time. */
async function serverOf(context: TestContext, { sessions, executions = [run('e-1', RUNNING)], jobStatus = 200 }: Play) {
  const server = createServer((request, response) => {
    const isList = request.url?.includes('/executions') === true
    const status = isList ? 200 : jobStatus
    const body = status === 200 ? { NextToken: '', Items: executions } : { Message: 'no', Code: 'NotFound' }
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  const opened: { url: string | undefined; authorization: string | undefined }[] = []
  const sockets = new WebSocketServer({ server })
  sockets.on('connection', (socket, { url, headers }) => {
    opened.push({ url: url?.split('/logs?')[1], authorization: headers.authorization })
    sessions[Math.min(opened.length, sessions.length) - 1]?.(socket)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  context.after(() => {
    for (const socket of sockets.clients) socket.terminate()
    server.closeAllConnections()
    server.close()
  })
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const pauses: number[] = []
  const after = (delay: number, action: () => void) => {
    if (delay < 20_000) {
      pauses.push(delay)
      setImmediate(action)
    }
    return () => {}
  }
  return { client: createClient({ baseUrl, token: 'secret', after, random: () => 0 }), opened, pauses }
}

const say =
  (...lines: string[]) =>
  (socket: ServerSocket, end: (socket: ServerSocket) => void = (socket) => socket.close(1000)) => {
    for (const text of lines) socket.send(text)
    end(socket)
  }
/** Sends these, then the connection breaks. */
const breakAfter =
  (...lines: string[]) =>
  (socket: ServerSocket) => {
    for (const text of lines) socket.send(text)
    socket.close(1011)
  }

const texts = (parts: { stream: string; text: string }[], stream: string) =>
  parts
    .filter((part) => part.stream === stream)
    .map(({ text }) => text)
    .join('')

describe('logs', () => {
  test('are asked for at the same server, with the token, of the newest execution', async (context) => {
    const executions = [
      run('e-old', RUNNING, 1),
      run('e-new', COMPLETED, 2),
      run('e-refused', 4, 3),
      run('e-offered', 2, 4),
    ]
    const { client, opened } = await serverOf(context, { sessions: [say()], executions })
    assert.deepEqual(await Array.fromAsync(client.jobs.logs('a/b', { follow: true, namespace: 'n' })), [])
    assert.deepEqual(opened, [{ url: 'follow=true&execution_id=e-new&namespace=n', authorization: 'Bearer secret' }])
  })

  test('may be a part only, which ends with the connection when nobody knows where it began', async (context) => {
    const { client, opened } = await serverOf(context, { sessions: [say(), say(), breakAfter(line(1, 'a'))] })
    await Array.fromAsync(client.jobs.logs('j', { executionId: 'e', offset: 5 }))
    await Array.fromAsync(client.jobs.logs('j', { executionId: 'e', offset: { stdout: 5, stderr: 6 } }))
    await assert.rejects(Array.fromAsync(client.jobs.logs('j', { executionId: 'e', lines: 2 })), { code: 'LogsFailed' })
    const urls = opened.map(({ url }) => url)
    assert.deepEqual(urls, ['offset=5&execution_id=e', 'offset=5%2C6&execution_id=e', 'lines=2&execution_id=e'])
  })

  test('come in order, however fast', async (context) => {
    const lines = Array.from({ length: 1_000 }, (_, index) => line((index % 2) + 1, String(index)))
    const { client } = await serverOf(context, { sessions: [say(...lines)] })
    const parts = await Array.fromAsync(client.jobs.logs('j'))
    assert.deepEqual(
      parts.map(({ text }) => Number(text)),
      [...lines.keys()],
    )
    assert.deepEqual([parts[0]?.stream, parts[1]?.stream], ['stdout', 'stderr'])
  })

  test('lose and repeat nothing when the connection breaks', async (context) => {
    const { client, opened, pauses } = await serverOf(context, {
      sessions: [
        breakAfter(line(1, 'one\n'), line(2, 'warning\n'), line(1, 'tw')),
        // From the beginning, cut elsewhere.
        breakAfter(line(1, 'one\ntwo\nth'), line(2, 'war')),
        breakAfter(),
        say(line(2, 'warning\nagain\n'), line(1, 'one\ntwo\nthree\n')),
      ],
    })
    const lost: ApiError[] = []
    const parts = await Array.fromAsync(client.jobs.logs('j', { follow: true, onLost: (error) => lost.push(error) }))
    assert.equal(texts(parts, 'stdout'), 'one\ntwo\nthree\n')
    assert.equal(texts(parts, 'stderr'), 'warning\nagain\n')
    assert.deepEqual(
      opened.map(({ url }) => url),
      Array.from({ length: 4 }, () => 'follow=true&execution_id=e-1'),
    )
    assert.deepEqual([...new Set(lost.map(({ code }) => code))], ['LogsFailed'])
    // What arrives starts the count of failures anew.
    assert.deepEqual(pauses, [100, 100, 200])
  })

  test('go on when the node of a running execution was out of reach for a while', async (context) => {
    const error = '{"error":"the node left","value":{"Type":0,"Line":""}}\n'
    const sessions = [say(line(1, 'one\n'), error), say(line(1, 'one\ntwo\n'))]
    const running = await serverOf(context, { sessions })
    assert.equal(texts(await Array.fromAsync(running.client.jobs.logs('j', { follow: true })), 'stdout'), 'one\ntwo\n')

    const ended = await serverOf(context, { sessions, executions: [run('e-1', COMPLETED)] })
    const gone = Array.fromAsync(ended.client.jobs.logs('j', { follow: true }))
    await assert.rejects(gone, { code: 'LogsFailed', message: 'the node left' })
  })

  test('of an execution that is not there say where to look', async (context) => {
    for (const error of ['unable to find execution e-1 of job j', 'no executions found for job j']) {
      const { client } = await serverOf(context, {
        sessions: [say(`${JSON.stringify({ error, value: { Type: 0, Line: '' } })}\n`)],
      })
      const failure = { code: 'NotFound', message: error, hint: /bacalhau job executions j / }
      await assert.rejects(Array.fromAsync(client.jobs.logs('j', { executionId: 'e-1' })), failure)
    }
  })

  test('that are none are an error', async (context) => {
    for (const text of ['nonsense', '[]', '{"value":null}', '{"value":{"Type":1}}']) {
      const { client } = await serverOf(context, { sessions: [say(text)] })
      await assert.rejects(Array.fromAsync(client.jobs.logs('j')), { code: 'LogsFailed' }, text)
    }
  })

  test('of a job that is not there fail with the reason', async (context) => {
    const { client, opened } = await serverOf(context, { sessions: [breakAfter()], executions: [], jobStatus: 404 })
    await assert.rejects(Array.fromAsync(client.jobs.logs('j')), { status: 404, code: 'NotFound' })
    assert.equal(opened.length, 1)
  })

  test('of a server whose socket never stands fail soon; only what is new cannot be read again', async (context) => {
    const never = await serverOf(context, { sessions: [breakAfter()] })
    await assert.rejects(Array.fromAsync(never.client.jobs.logs('j')), { code: 'LogsFailed', message: /code 1011/ })
    assert.equal(never.opened.length, 3)

    const tail = await serverOf(context, { sessions: [breakAfter(line(1, 'x'))] })
    await assert.rejects(Array.fromAsync(tail.client.jobs.logs('j', { tail: true })), { code: 'LogsFailed' })
    assert.equal(tail.opened.length, 1)
  })

  test('that nobody reads do not fill the memory', async (context) => {
    // 24 MiB: more than may wait; the reader comes late.
    const large = 'x'.repeat(1024 * 1024)
    const lines = Array.from({ length: 24 }, (_, index) => line(1, `${index}${large}`))
    const { client, opened } = await serverOf(context, { sessions: [say(...lines)] })
    const parts = client.jobs.logs('j')[Symbol.asyncIterator]()
    const first = await parts.next()
    while (opened.length < 1) await new Promise((resolve) => setImmediate(resolve))
    let length = first.done === true ? 0 : first.value.text.length
    for (let step = await parts.next(); step.done !== true; step = await parts.next()) {
      length += step.value.text.length
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
    assert.equal(
      length,
      lines.reduce((sum, text) => sum + (JSON.parse(text) as { value: { Line: string } }).value.Line.length, 0),
    )
    assert.ok(opened.length > 1, 'the connection was renewed')
  })

  test('end at once when told to, and close when the reader leaves', async (context) => {
    let closed = 0
    const stay = (socket: ServerSocket) => {
      socket.send(line(1, 'a'))
      socket.on('close', () => (closed += 1))
    }
    const { client, opened } = await serverOf(context, { sessions: [stay] })
    const reason = new Error('enough')
    await assert.rejects(Array.fromAsync(client.jobs.logs('j', { signal: AbortSignal.abort(reason) })), reason)
    const controller = new AbortController()
    const reading = (async () => {
      for await (const _ of client.jobs.logs('j', { follow: true, signal: controller.signal })) controller.abort(reason)
    })()
    await assert.rejects(reading, reason)
    for await (const _ of client.jobs.logs('j', { follow: true })) break
    while (closed < 2) await new Promise((resolve) => setImmediate(resolve))
    assert.equal(opened.length, 2)
  })

  test('are not opened before they are read', async (context) => {
    const { opened, client } = await serverOf(context, { sessions: [say()] })
    client.jobs.logs('j')
    assert.equal(opened.length, 0)
  })
})
