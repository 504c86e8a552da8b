import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { describe, test } from 'node:test'
import { WebSocket } from 'ws'
import type { LogChunk } from '../../orchestrator/service.ts'
import { LIMITS } from '../../runtime/limits.ts'
import { temporaryApi, wasmJob } from '../testing/api.ts'
import { ManualClock } from '../testing/clock.ts'

const out = (text: string): LogChunk => ({ stream: 'stdout', bytes: Buffer.from(text) })
const err = (text: string): LogChunk => ({ stream: 'stderr', bytes: Buffer.from(text) })

/** Reads a log socket to its end, as any WebSocket client would. */
async function readSocket(url: string, headers: Record<string, string> = {}) {
  const socket = new WebSocket(url, { headers })
  const frames: string[] = []
  socket.on('message', (data: Buffer, isBinary) => frames.push(isBinary ? 'binary' : data.toString()))
  const [code] = (await once(socket, 'close')) as [number]
  return { frames, code }
}

/** Status and body of a handshake that is refused. */
async function refused(url: string, headers: Record<string, string> = {}) {
  const socket = new WebSocket(url, { headers })
  socket.on('error', () => {})
  const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage]
  const body = JSON.parse(Buffer.concat(await response.toArray()).toString()) as { Code: string }
  socket.terminate()
  return { status: response.statusCode, code: body.Code }
}

async function withJob(context: Parameters<typeof temporaryApi>[0], services = {}) {
  const api = await temporaryApi(context, services)
  const { JobID } = await api.client.jobs.submit(wasmJob)
  const path = (query = '', id = JobID) => `ws://127.0.0.1:${api.port}/api/v1/orchestrator/jobs/${id}/logs${query}`
  return { ...api, JobID, path }
}

describe('log socket', () => {
  test('gives the output and closes normally', async (context) => {
    const { path, orchestrator } = await withJob(context)
    orchestrator.output = async function* () {
      yield out('héllo '.slice(0, 2))
      yield { stream: 'stdout', bytes: Uint8Array.of(0xe2, 0x82) }
      yield err('oops\n')
      yield { stream: 'stdout', bytes: Uint8Array.of(0xac) }
      yield { stream: 'stdout', bytes: Uint8Array.of(0xe2) }
    }
    assert.deepEqual(await readSocket(path()), {
      frames: [
        '{"value":{"Type":1,"Line":"hé"}}\n',
        '{"value":{"Type":2,"Line":"oops\\n"}}\n',
        '{"value":{"Type":1,"Line":"€"}}\n',
        '{"value":{"Type":1,"Line":"\uFFFD"}}\n',
      ],
      code: 1000,
    })
  })

  test('passes the query on', async (context) => {
    const { path, orchestrator } = await withJob(context)
    await readSocket(path('?follow=true&tail=1&execution_id=e-1&namespace=&job_version='))
    assert.deepEqual(orchestrator.logQueries, [{ follow: true, tail: true, executionId: 'e-1' }])
  })

  test('may be of one version of the job', async (context) => {
    const { path, orchestrator } = await withJob(context)
    await readSocket(path('?job_version=2&tail=True'))
    await readSocket(path('?job_version=2&all_job_versions=true'))
    assert.deepEqual(orchestrator.logQueries, [
      { follow: false, tail: true, version: 2 },
      { follow: false, tail: false, version: 0 },
    ])
  })

  test('may be its last lines, or what lies beyond some bytes', async (context) => {
    const { path, orchestrator } = await withJob(context)
    await readSocket(path('?lines=5'))
    await readSocket(path('?offset=70'))
    await readSocket(path('?offset=70,8&lines=0'))
    const some = { follow: false, tail: false }
    assert.deepEqual(orchestrator.logQueries, [
      { ...some, lines: 5 },
      { ...some, offset: { stdout: 70, stderr: 70 } },
      { ...some, lines: 0, offset: { stdout: 70, stderr: 8 } },
    ])
    for (const [name, value] of [
      ['lines', '-1'],
      ['lines', 'x'],
      ['offset', '1,2,3'],
      ['offset', '-4'],
    ]) {
      const { frames } = await readSocket(path(`?${name}=${value}`))
      assert.match(frames[0] ?? '', new RegExp(`query parameter '${name}' must be`))
    }
  })

  test('tells problems inside the connection, and closes normally', async (context) => {
    const { path, orchestrator } = await withJob(context)
    const problem = async (url: string) => {
      const { frames, code } = await readSocket(url)
      assert.equal(code, 1000)
      return (JSON.parse(frames.at(-1) ?? '') as { error: string }).error
    }
    assert.equal(await problem(path('', 'none')), 'job not found: none')
    assert.match(await problem(path('?follow=maybe')), /'follow' must be true or false/)
    assert.match(await problem(path('?tail=1&tail=0')), /more than once/)
    assert.match(await problem(path('', '%FF')), /not a valid name/)
    orchestrator.output = async function* () {
      yield out('first')
      throw new Error('secret')
    }
    assert.equal(await problem(path()), 'Internal server error')
  })

  test('of a node that only computes says so', async (context) => {
    const { port } = await temporaryApi(context, { orchestrator: undefined })
    const { frames } = await readSocket(`ws://127.0.0.1:${port}/api/v1/orchestrator/jobs/j-1/logs`)
    assert.match(frames[0] ?? '', /"error":"this node only computes/)
  })

  test('is there for callers of this machine only, and only at its place', async (context) => {
    const { path, url } = await withJob(context)
    assert.deepEqual(await refused(path(), { origin: 'https://attacker.example' }), { status: 403, code: 'Forbidden' })
    assert.deepEqual(await refused(path(), { 'x-forwarded-for': '192.0.2.1' }), { status: 401, code: 'Unauthorized' })
    const elsewhere = `${url.replace('http', 'ws')}/api/v1/agent/alive`
    assert.deepEqual(await refused(elsewhere), { status: 404, code: 'NotFound' })
    assert.deepEqual(await refused(`${elsewhere}//x`), { status: 404, code: 'NotFound' })
    assert.equal((await fetch(path().replace('ws', 'http'))).status, 400)
  })

  test('opens for a token', async (context) => {
    const { path } = await temporaryApi(context, {}, { auth: { fixedTokens: ['secret'] } }).then(
      async ({ port, client }) => {
        const { JobID } = await client.jobs.submit(wasmJob)
        return { path: `ws://127.0.0.1:${port}/api/v1/orchestrator/jobs/${JobID}/logs` }
      },
    )
    const proxied = { 'x-forwarded-for': '192.0.2.1' }
    assert.equal((await refused(path, { ...proxied, authorization: 'Bearer wrong' })).status, 401)
    assert.equal((await readSocket(path, { ...proxied, authorization: 'Bearer secret' })).code, 1000)
  })

  test('stops reading when the reader leaves', async (context) => {
    const { path, orchestrator } = await withJob(context)
    const ended = Promise.withResolvers<void>()
    orchestrator.output = async function* (signal) {
      signal.addEventListener('abort', () => ended.resolve())
      yield out('x')
      await new Promise(() => {})
    }
    const socket = new WebSocket(path('?follow=true'))
    await once(socket, 'message')
    socket.close()
    await ended.promise
  })

  test('reads no faster than the reader, and loses nothing', async (context) => {
    const { path, orchestrator } = await withJob(context)
    const chunk = 'x'.repeat(256 * 1024)
    let produced = 0
    const total = 120
    orchestrator.output = async function* () {
      for (; produced < total; produced += 1) yield out(chunk)
    }
    const socket = new WebSocket(path('?follow=true'))
    let bytes = 0
    socket.on(
      'message',
      (data: Buffer) => (bytes += (JSON.parse(data.toString()) as { value: { Line: string } }).value.Line.length),
    )
    await once(socket, 'open')
    socket.pause()
    // What fits into the buffers of both sides is far less than all of it.
    let before = -1
    while (produced !== before) {
      before = produced
      for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
    }
    assert.ok(produced < total, `${produced} chunks were produced for a reader that reads nothing`)
    socket.resume()
    const [code] = (await once(socket, 'close')) as [number]
    assert.equal(code, 1000)
    assert.equal(bytes, total * chunk.length)
  })

  test('cuts off a reader that does not answer', async (context) => {
    const clock = new ManualClock()
    const { path, orchestrator } = await withJob(context, { clock })
    orchestrator.output = async function* () {
      yield out('x')
      await new Promise(() => {})
    }
    const socket = new WebSocket(path('?follow=true'), { autoPong: false })
    await once(socket, 'message')
    clock.advance(LIMITS.logPing)
    await once(socket, 'ping')
    clock.advance(LIMITS.logPing)
    const [code] = (await once(socket, 'close')) as [number]
    assert.equal(code, 1006)
    assert.equal(clock.waiting, 0)
  })

  test('keeps a reader that answers', async (context) => {
    const clock = new ManualClock()
    const { path, orchestrator } = await withJob(context, { clock })
    const more = Promise.withResolvers<void>()
    orchestrator.output = async function* () {
      yield out('x')
      await more.promise
      yield out('y')
    }
    const socket = new WebSocket(path('?follow=true'))
    await once(socket, 'message')
    for (let round = 0; round < 3; round++) {
      clock.advance(LIMITS.logPing)
      await once(socket, 'ping')
      // Our pong is on its way before this; the answer shows that it has arrived.
      socket.ping()
      await once(socket, 'pong')
    }
    more.resolve()
    const [frame] = (await once(socket, 'message')) as [Buffer]
    assert.equal(frame.toString(), '{"value":{"Type":1,"Line":"y"}}\n')
  })

  test('ends when the node stops', async (context) => {
    const { path, orchestrator, stop } = await withJob(context)
    orchestrator.output = async function* () {
      yield out('x')
      await new Promise(() => {})
    }
    const socket = new WebSocket(path('?follow=true'))
    await once(socket, 'message')
    const closed = once(socket, 'close')
    await stop()
    await closed
  })

  test('a reader who talks too much is cut off', async (context) => {
    const { path, orchestrator } = await withJob(context)
    orchestrator.output = async function* () {
      yield out('x')
      await new Promise(() => {})
    }
    const socket = new WebSocket(path('?follow=true'))
    await once(socket, 'message')
    socket.send('x'.repeat(100_000))
    await once(socket, 'close')
  })

  test('output that is there already leaves others their turn', async (context) => {
    const { path, orchestrator, url } = await withJob(context)
    let produced = 0
    let stopped = false
    orchestrator.output = async function* () {
      for (; !stopped; produced += 1) yield out('x'.repeat(64 * 1024))
    }
    const reader = readSocket(path('?follow=true'))
    while (produced === 0) await new Promise((resolve) => setImmediate(resolve))
    assert.equal((await fetch(`${url}/api/v1/agent/alive`)).status, 200)
    stopped = true
    const { frames, code } = await reader
    assert.equal(code, 1000)
    assert.equal(frames.length, produced * 4)
  })
})
