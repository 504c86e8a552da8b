import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, test, type TestContext } from 'node:test'
import { type Client } from '@bacalhau/client'
import { LIMITS } from '../../runtime/limits.ts'
import { ask, temporaryApi, wasmJob } from '../testing/api.ts'

interface Event {
  readonly event: string
  readonly id: string | undefined
  readonly data: Record<string, unknown>
}

/** Opens a stream; `next` gives its events one by one, and undefined at its end. */
async function open(context: TestContext, url: string, query = '', headers: Record<string, string> = {}) {
  const abort = new AbortController()
  context.after(() => abort.abort())
  const response = await fetch(`${url}/api/v1/orchestrator/events${query}`, { headers, signal: abort.signal })
  assert.equal(response.status, 200, await (response.ok ? '' : response.text()))
  const chunks = response.body?.pipeThrough(new TextDecoderStream())[Symbol.asyncIterator]()
  let text = ''
  const next = async (): Promise<Event | undefined> => {
    for (let end = text.indexOf('\n\n'); ; end = text.indexOf('\n\n')) {
      if (end >= 0) {
        const frame = text.slice(0, end)
        text = text.slice(end + 2)
        return parse(frame)
      }
      const step = await chunks?.next()
      if (step === undefined || step.done === true) return undefined
      text += step.value
    }
  }
  return { response, abort, next }
}

function parse(frame: string): Event {
  const fields = Object.fromEntries(frame.split('\n').map((line) => line.split(/: (.*)/s, 2) as [string, string]))
  return { event: fields['event'] ?? '', id: fields['id'], data: JSON.parse(fields['data'] ?? '{}') }
}

const submit = async (client: Client, Name: string, Namespace = 'default') =>
  (await client.jobs.submit({ ...wasmJob, Name, Namespace })).JobID

describe('a stream of events', () => {
  test('begins with a cursor and tells the state of each job that changes', async (context) => {
    const { url, client, orchestrator } = await temporaryApi(context)
    const { response, next } = await open(context, url)
    assert.equal(response.headers.get('content-type'), 'text/event-stream')
    assert.equal(response.headers.get('cache-control'), 'no-store')
    const ready = await next()
    assert.deepEqual(ready, { event: 'ready', id: ready?.id, data: { Cursor: ready?.id } })
    const JobID = await submit(client, 'one')
    const told = await next()
    assert.deepEqual(told, {
      event: 'job',
      id: told?.id,
      data: {
        JobID,
        Name: 'one',
        Namespace: 'default',
        Type: 'batch',
        Version: 1,
        Revision: 1,
        State: { StateType: 'Pending' },
        ModifyTime: 1,
      },
    })
    orchestrator.become(JobID, 'Failed', 'line\r\n\r\nevent: job')
    const failed = await next()
    assert.deepEqual(failed?.data['State'], { StateType: 'Failed', Message: 'line\r\n\r\nevent: job', Details: {} })
  })

  test('goes on after the last event that was seen', async (context) => {
    const { url, client, orchestrator } = await temporaryApi(context)
    const first = await open(context, url)
    const cursor = (await first.next())?.id ?? ''
    const JobID = await submit(client, 'one')
    await first.next()
    first.abort.abort()
    orchestrator.become(JobID, 'Running')
    for (const [query, headers] of [
      ['', { 'last-event-id': cursor }],
      [`?after=${cursor}`, {}],
      // The query is the newer word: a browser repeats the header by itself, but not before it has one.
      [`?after=${cursor}`, { 'last-event-id': 'other' }],
    ] as const) {
      const second = await open(context, url, query, headers)
      assert.deepEqual([(await second.next())?.event, (await second.next())?.data['Revision']], ['ready', 2])
    }
  })

  test('says when it cannot exclude a gap', async (context) => {
    const { url } = await temporaryApi(context)
    const { next } = await open(context, url, '', { 'last-event-id': 'of-another-life' })
    assert.deepEqual(await next(), { event: 'ready', id: undefined, data: {} })
    const reset = await next()
    assert.deepEqual([reset?.event, reset?.data, typeof reset?.id], ['reset', {}, 'string'])
  })

  test('may be of one namespace or of some jobs, by id, beginning of it or name', async (context) => {
    const { url, client } = await temporaryApi(context)
    const [a, b] = [await submit(client, 'a'), await submit(client, 'b', 'team')]
    const streams = await Promise.all(
      [
        '?namespace=team',
        `?job_id=${a.slice(0, 10)}`,
        '?job_id=b&namespace=team',
        `?job_id=a,${b}`,
        '?namespace=*',
      ].map((query) => open(context, url, query)),
    )
    for (const { next } of streams) assert.equal((await next())?.event, 'ready')
    await client.jobs.stop(a, 'enough')
    await client.jobs.stop(b, 'enough')
    await submit(client, 'c')
    const expected = [['b'], ['a'], ['b'], ['a', 'b'], ['a', 'b', 'c']]
    for (const [index, { next }] of streams.entries()) {
      for (const name of expected[index] ?? []) assert.equal((await next())?.data['Name'], name, `stream ${index}`)
    }
  })

  test('tells what happened to a job where that is asked for', async (context) => {
    const { url, client, orchestrator } = await temporaryApi(context)
    const { next } = await open(context, url, '?history=true')
    await next()
    const JobID = await submit(client, 'one')
    const [event, job] = [await next(), await next()]
    assert.deepEqual(
      [event?.event, event?.id, event?.data['SeqNum'], event?.data['JobID']],
      ['history', undefined, 1, JobID],
    )
    assert.deepEqual([job?.event, job?.data['Revision']], ['job', 1])
    orchestrator.become(JobID, 'Running')
    assert.deepEqual([(await next())?.data['SeqNum'], (await next())?.data['Revision']], [2, 2])
  })

  test('of jobs that are not there is refused', async (context) => {
    const { url } = await temporaryApi(context)
    const { status } = await ask(`${url}/api/v1/orchestrator/events?job_id=unknown`)
    assert.equal(status, 404)
    const many = Array.from({ length: 101 }, (_, index) => `j${index}`).join(',')
    assert.equal((await ask(`${url}/api/v1/orchestrator/events?job_id=${many}`)).status, 400)
    assert.equal((await ask(`${url}/api/v1/orchestrator/events?history=perhaps`)).status, 400)
  })

  test('ends in order when the node stops', async (context) => {
    const { url, stop } = await temporaryApi(context)
    const { next } = await open(context, url)
    await next()
    await stop()
    assert.equal(await next(), undefined)
  })

  test('leaves nothing behind when its reader goes', async (context) => {
    const { url, orchestrator } = await temporaryApi(context)
    const { next, abort } = await open(context, url)
    await next()
    while (orchestrator.following === 0) await new Promise((resolve) => setImmediate(resolve))
    abort.abort()
    while (orchestrator.following > 0) await new Promise((resolve) => setImmediate(resolve))
  })

  test('answers HEAD with its headers alone', async (context) => {
    const { url, orchestrator } = await temporaryApi(context)
    const response = await fetch(`${url}/api/v1/orchestrator/events`, { method: 'HEAD' })
    assert.deepEqual([response.status, await response.text(), orchestrator.following], [200, '', 0])
  })
})

test('a reader who takes nothing holds up nobody, and has nothing piled up for him', async (context) => {
  const { url, port, client, orchestrator } = await temporaryApi(context)
  const slow = connect(port, '127.0.0.1')
  context.after(() => slow.destroy())
  await once(slow, 'connect')
  slow.pause()
  slow.write('GET /api/v1/orchestrator/events HTTP/1.1\r\nHost: localhost\r\n\r\n')
  while (orchestrator.following === 0) await new Promise((resolve) => setImmediate(resolve))
  const JobID = await submit(client, 'busy')
  const quick = await open(context, url)
  await quick.next()
  const message = 'x'.repeat(8_000)
  for (let round = 0; round < LIMITS.feedChanges / 4; round++) {
    orchestrator.become(JobID, 'Running', `${round} ${message}`)
    if (round % 128 === 0) await quick.next()
  }
  orchestrator.become(JobID, 'Completed', 'the end')
  for (let event = await quick.next(); ; event = await quick.next()) {
    const state = event?.data['State'] as { StateType: string }
    if (state.StateType === 'Completed') break
  }
  // What the slow one finds in the end is the newest state, and far less than what there was.
  let received = 0
  let tail = ''
  slow.on('data', (chunk: Buffer) => {
    received += chunk.length
    tail = (tail + chunk.toString('latin1')).slice(-2_000)
  })
  slow.resume()
  while (!tail.includes('the end')) await once(slow, 'data')
  assert.ok(received < 8_000_000, `${received} bytes`)
})
