import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Answer, hangUp, json, playedServer, refusal } from '../test/played-server.ts'
import { isApiError } from './api-error.ts'
import type { ClientEvent } from './events.ts'

const head = { 'content-type': 'text/event-stream' }
const job = (JobID: string, Revision: number, StateType = 'Running') => ({ JobID, Revision, State: { StateType } })

type Line = readonly [id: string, event: string, data?: object]

const frames = (lines: readonly Line[]) =>
  lines.map(([id, event, data = {}]) => `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`).join('')

/** A stream that tells these and then breaks. */
const breaking =
  (...lines: Line[]): Answer =>
  (response) => {
    response.writeHead(200, head).write(`: beat\n\n${frames(lines)}`, () => setImmediate(() => response.destroy()))
  }
/** A stream that tells these and then ends in order. */
const ending =
  (...lines: Line[]): Answer =>
  (response) => {
    response.writeHead(200, head).end(frames(lines))
  }

async function take(events: AsyncIterable<ClientEvent>, count: number): Promise<ClientEvent[]> {
  const taken: ClientEvent[] = []
  for await (const event of events) if (taken.push(event) === count) break
  return taken
}

describe('events', () => {
  test('are told with their types, and those that nobody knows are left out', async (context) => {
    const history = { JobID: 'j', SeqNum: 1, Event: { Message: 'Running' } }
    const lines: Line[] = [
      ['1', 'ready'],
      ['2', 'job', job('j', 2)],
      ['3', 'weather', { sunny: true }],
      ['4', 'history', history],
      ['5', 'reset'],
    ]
    const { client, seen } = await playedServer(context, [ending(...lines)])
    const events = client.jobs.events({ namespace: 'team', jobIds: ['j', 'k'], history: true, after: '0' })
    assert.deepEqual(await take(events, 4), [
      { type: 'ready', cursor: '1' },
      { type: 'job', cursor: '2', job: job('j', 2) },
      { type: 'history', cursor: '4', event: history },
      { type: 'reset', cursor: '5' },
    ])
    assert.equal(seen[0]?.url, '/api/v1/orchestrator/events?namespace=team&job_id=j%2Ck&history=true')
    assert.equal(seen[0]?.headers['last-event-id'], '0')
  })

  test('go on where they broke off', async (context) => {
    const { client, seen, pauses } = await playedServer(context, [
      breaking(['1', 'ready'], ['2', 'job', job('j', 2)]),
      hangUp,
      refusal(503, 'ServiceUnavailable'),
      ending(['2', 'ready'], ['3', 'job', job('j', 3)]),
      ending(['3', 'ready'], ['4', 'job', job('j', 4, 'Completed')]),
    ])
    const lost: string[] = []
    const events = await take(client.jobs.events({ onLost: ({ code }) => lost.push(code) }), 4)
    assert.deepEqual(
      events.map((event) => (event.type === 'job' ? event.job.Revision : event.type)),
      ['ready', 2, 3, 4],
    )
    assert.deepEqual(
      seen.map(({ headers }) => headers['last-event-id']),
      [undefined, '2', '2', '2', '3'],
    )
    assert.deepEqual(lost, ['Unreachable'])
    // One for the broken stream, two for the requests that failed, one after the stream that ended in order.
    assert.deepEqual(pauses, [100, 100, 200, 200])
  })

  test('that share a cursor are told once, wherever the stream breaks off', async (context) => {
    const history = (SeqNum: number) => ({ JobID: 'j', SeqNum, Event: {} })
    const { client } = await playedServer(context, [
      breaking(['1', 'ready'], ['1', 'history', history(1)], ['1', 'history', history(2)]),
      ending(
        ['1', 'ready'],
        ['1', 'history', history(1)],
        ['1', 'history', history(2)],
        ['1', 'history', history(3)],
        ['2', 'job', job('j', 2)],
      ),
    ])
    const events = await take(client.jobs.events({ history: true }), 5)
    assert.deepEqual(
      events.map((event) => (event.type === 'history' ? event.event.SeqNum : event.type)),
      ['ready', 1, 2, 3, 'job'],
    )
  })

  test('end with an error that stays, and with one that comes first', async (context) => {
    for (const [status, code] of [
      [403, 'Forbidden'],
      [501, 'NotImplemented'],
    ] as const) {
      const { client } = await playedServer(context, [refusal(status, code)])
      await assert.rejects(take(client.jobs.events(), 1), { status, code })
    }
    const later = await playedServer(context, [breaking(['1', 'ready']), refusal(401, 'Unauthorized')])
    await assert.rejects(take(later.client.jobs.events(), 2), { code: 'Unauthorized' })
    const other = await playedServer(context, [json({})])
    await assert.rejects(take(other.client.jobs.events(), 1), { code: 'BadAnswer' })
    const broken = await playedServer(context, [ending(['1', 'job', {}])])
    await assert.rejects(take(broken.client.jobs.events(), 1), { code: 'BadAnswer' })
  })

  test('end after many tries in vain', async (context) => {
    const { client, seen } = await playedServer(context, [breaking(['1', 'ready']), hangUp], { retry: { tries: 1 } })
    await assert.rejects(take(client.jobs.events(), 2), (error) => isApiError(error, 'Unreachable'))
    assert.equal(seen.length, 30)
  })
})

const record = (ID: string, Revision: number, StateType: string) => ({
  ID,
  Revision,
  State: { StateType },
  Tasks: [],
})

describe('waiting', () => {
  /** Jobs that move on to their next state each time that they are looked at, and a stream that tells `lines`. */
  const serverOf = (states: Record<string, string[]>, stream: Answer): Answer => {
    const looks = new Map<string, number>()
    return (response, seen) => {
      const path = seen.url?.split('?')[0] ?? ''
      if (path.endsWith('/events')) return stream(response, seen)
      const id = path.split('/').at(-1) ?? ''
      const look = looks.get(id) ?? 0
      looks.set(id, look + 1)
      const [state = '', revision] = [states[id]?.[Math.min(look, (states[id]?.length ?? 1) - 1)], look + 1]
      json({ Job: record(id, revision, state) })(response, seen)
    }
  }
  const unknown = refusal(404, 'NotFound')

  test('goes by the event stream', async (context) => {
    const states = { 'j-1': ['Pending', 'Running', 'Failed'] }
    const stream = breaking(['1', 'ready'], ['2', 'job', job('j-1', 9, 'Failed')])
    const { client, seen } = await playedServer(context, [serverOf(states, stream)])
    const told: string[] = []
    const ended = await client.jobs.wait('j-1', { onChange: ({ State }) => told.push(State.StateType) })
    assert.equal(ended.State.StateType, 'Failed')
    assert.deepEqual(told, ['Pending', 'Running', 'Failed'])
    assert.deepEqual(
      seen.map(({ url }) => url?.replace('/api/v1/orchestrator', '')),
      ['/jobs/j-1', '/events?job_id=j-1', '/jobs/j-1', '/jobs/j-1'],
    )
  })

  test('looks only when there is news for the caller', async (context) => {
    const states = { 'j-1': ['Running', 'Running', 'Completed'] }
    const steps = Array.from({ length: 20 }, (_, index): Line => [`${index}`, 'job', job('j-1', index + 3)])
    const stream = breaking(['1', 'ready'], ...steps, ['99', 'job', job('j-1', 99, 'Completed')])
    const { client, seen } = await playedServer(context, [serverOf(states, stream)])
    assert.equal((await client.jobs.wait('j-1')).State.StateType, 'Completed')
    assert.equal(seen.length, 4)
  })

  test('of many jobs holds one stream, and gives them in their order', async (context) => {
    const states = {
      a: ['Running', 'Running', 'Completed'],
      b: ['Completed'],
      c: ['Running', 'Stopped'],
    }
    const stream = breaking(['1', 'ready'], ['2', 'job', job('a', 9, 'Completed')])
    const { client, seen } = await playedServer(context, [serverOf(states, stream)])
    const jobs = await client.jobs.waitAll(['a', 'b', 'c'])
    assert.deepEqual(
      jobs.map(({ ID, State }) => [ID, State.StateType]),
      [
        ['a', 'Completed'],
        ['b', 'Completed'],
        ['c', 'Stopped'],
      ],
    )
    assert.equal(seen.filter(({ url }) => url?.includes('/events')).length, 1)
    assert.deepEqual(await client.jobs.waitAll([]), [])
  })

  test('looks again at everything when something may have been missed', async (context) => {
    const states = { 'j-1': ['Running', 'Running', 'Completed'] }
    const { client } = await playedServer(context, [serverOf(states, breaking(['1', 'ready'], ['2', 'reset']))])
    assert.equal((await client.jobs.wait('j-1')).State.StateType, 'Completed')
  })

  test('asks for the next revision where there is no event stream', async (context) => {
    const states = { 'j-1': ['Pending', 'Running', 'Running', 'Failed'] }
    const { client, seen, pauses } = await playedServer(context, [serverOf(states, unknown)])
    const told: string[] = []
    const ended = await client.jobs.wait('j-1', { onChange: ({ State }) => told.push(State.StateType) })
    assert.equal(ended.State.StateType, 'Failed')
    assert.deepEqual(told, ['Pending', 'Running', 'Running', 'Failed'])
    assert.deepEqual(
      seen.filter(({ url }) => !url?.includes('/events')).map(({ url }) => url?.split('?')[1]),
      [undefined, 'revision=1&wait=30', 'revision=2&wait=30', 'revision=3&wait=30'],
    )
    assert.deepEqual(pauses, [])
  })

  test('does not hurry a server that does not know how to wait', async (context) => {
    const same = json({ Job: record('j-1', 1, 'Running') })
    const ended = json({ Job: record('j-1', 2, 'Completed') })
    const { client, pauses } = await playedServer(context, [same, unknown, same, same, ended])
    assert.equal((await client.jobs.wait('j-1')).State.StateType, 'Completed')
    assert.deepEqual(pauses, [500, 500])
  })

  test('ends with the error of the server', async (context) => {
    const running = json({ Job: record('j-1', 1, 'Running') })
    const { client } = await playedServer(context, [running, refusal(403, 'Forbidden')])
    await assert.rejects(client.jobs.wait('j-1'), { status: 403, code: 'Forbidden' })
  })
})
