import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { JobHistory } from '@bacalhau/models'
import { createVirtualClock, settle } from '../../runtime/virtual-clock.ts'
import { LIMITS } from '../../runtime/limits.ts'
import type { Change, ChangesQuery, JobChange } from './change.ts'
import { JobFeed } from './job-feed.ts'

const START = Date.UTC(2026, 0, 1)

/** A feed whose jobs have, for each number, one event. */
function bench(capacity = 16) {
  const clock = createVirtualClock(START)
  const asked: string[] = []
  const history = async ({ event, key }: JobChange, after: number, limit: number) => {
    asked.push(`${key} ${after} ${limit}`)
    return Array.from({ length: limit }, (_, index) => eventOf(event.JobID, after + 1 + index))
  }
  const feed = new JobFeed({ clock, history }, capacity)
  const publish = (JobID: string, Revision: number, change: Partial<JobChange> = {}, Namespace = 'default') =>
    feed.publish({ ...changeOf(JobID, Revision, Namespace), ...change })
  return { clock, feed, publish, asked, read: (query?: ChangesQuery) => follow(feed, clock, query) }
}

const changeOf = (JobID: string, Revision: number, Namespace: string): JobChange => ({
  key: `key-${JobID}`,
  after: Revision - 1,
  upTo: Revision,
  visible: true,
  event: {
    JobID,
    Name: JobID,
    Namespace,
    Type: 'batch',
    Version: 1,
    Revision,
    State: { StateType: 'Running' },
    ModifyTime: START * 1e6,
  },
})

const eventOf = (JobID: string, SeqNum: number): JobHistory => ({
  SeqNum,
  Type: 'JobLevel',
  JobID,
  JobVersion: 1,
  Event: { Message: '', Topic: '', Timestamp: '' },
  Time: '',
})

/** A reader who takes what there is whenever `take` is called. */
function follow(feed: JobFeed, clock: ReturnType<typeof createVirtualClock>, query: ChangesQuery = {}) {
  const abort = new AbortController()
  const iterator = feed.changes(query, abort.signal)[Symbol.asyncIterator]()
  let pending: Promise<IteratorResult<readonly Change[]>> | undefined
  const cursors: string[] = []
  const take = async (): Promise<string[]> => {
    const told: string[] = []
    for (;;) {
      const next = (pending ??= iterator.next())
      const step = await Promise.race([next, clock.advance(LIMITS.feedPause).then(() => undefined)])
      if (step === undefined) return told
      pending = undefined
      if (step.done === true) return told
      if (step.value.length === 0) told.push('nothing')
      for (const change of step.value) {
        if ('cursor' in change && change.cursor !== undefined) cursors.push(change.cursor)
        told.push(short(change))
      }
    }
  }
  return { take, abort, cursors, iterator }
}

function short(change: Change): string {
  if (change.kind === 'job') return `${change.event.JobID} ${change.event.Revision}`
  return change.kind === 'history' ? `${change.event.JobID} event ${change.event.SeqNum}` : change.kind
}

describe('a reader', () => {
  test('is told what changes from now on, in order', async () => {
    const { publish, read } = bench()
    const early = read()
    assert.deepEqual(await early.take(), ['ready'])
    publish('a', 1)
    publish('b', 1)
    const late = read()
    assert.deepEqual(await early.take(), ['a 1', 'b 1'])
    assert.deepEqual(await late.take(), ['ready'])
    publish('a', 2)
    assert.deepEqual([await early.take(), await late.take()], [['a 2'], ['a 2']])
  })

  test('who reads late gets the newest state of each job', async () => {
    const { publish, read } = bench()
    const reader = read()
    await reader.take()
    for (const [job, revision] of [
      ['a', 1],
      ['b', 1],
      ['a', 2],
      ['c', 1],
      ['a', 3],
    ] as const)
      publish(job, revision)
    assert.deepEqual(await reader.take(), ['b 1', 'c 1', 'a 3'])
  })

  test('who asks for some jobs or namespaces is told of no others', async () => {
    const { publish, read } = bench()
    const [some, one] = [read({ namespaces: ['x', 'y'] }), read({ jobIds: ['b'] })]
    await some.take()
    await one.take()
    publish('a', 1, {}, 'x')
    publish('b', 1, {}, 'z')
    assert.deepEqual([await some.take(), await one.take()], [['a 1'], ['b 1']])
  })

  test('hears from time to time that there is nothing', async () => {
    const { clock, read } = bench()
    const reader = read()
    await reader.take()
    await clock.advance(LIMITS.eventBeat - 3 * LIMITS.feedPause)
    assert.deepEqual(await reader.take(), [])
    assert.deepEqual(await reader.take(), ['nothing'])
  })

  test('is not told of a job that looks as before, unless events are asked for', async () => {
    const { publish, read } = bench()
    const [plain, whole] = [read(), read({ history: true })]
    await plain.take()
    await whole.take()
    publish('a', 7, { visible: false })
    assert.deepEqual(await plain.take(), ['nothing'])
    assert.deepEqual(await whole.take(), ['a event 7', 'a 7'])
  })

  test('gets every event once, a page at a time, before the state', async () => {
    const { publish, read, asked } = bench()
    const reader = read({ history: true })
    await reader.take()
    publish('a', 2, { after: 0, upTo: 2 })
    publish('a', 3, { after: 2, upTo: 150 })
    const told = await reader.take()
    assert.equal(told.length, 151)
    assert.deepEqual([told[0], told[149], told[150]], ['a event 1', 'a event 150', 'a 3'])
    assert.deepEqual(asked, ['key-a 0 100', 'key-a 100 50'])
  })
})

describe('a cursor', () => {
  test('is gone on from, without a gap', async () => {
    const { publish, read } = bench()
    const first = read()
    await first.take()
    publish('a', 1)
    publish('b', 1)
    await first.take()
    publish('a', 2)
    for (const [place, expected] of [
      [0, ['ready', 'b 1', 'a 2']],
      [1, ['ready', 'b 1', 'a 2']],
      [2, ['ready', 'a 2']],
    ] as const) {
      const after = first.cursors[place] ?? ''
      assert.deepEqual(await read({ after }).take(), expected, `after ${place}`)
    }
  })

  test('that is too old, of another run or of nobody leads to a reset', async () => {
    const { publish, read } = bench(4)
    const first = read()
    await first.take()
    for (let revision = 1; revision <= 5; revision++) publish('a', revision)
    const other = `${(START - 1).toString(36)}-0`
    const own = START.toString(36)
    for (const after of [first.cursors[0] ?? '', other, `${own}-6`, `${own}-`, `${own}-x.y`, '', 'nonsense']) {
      const reader = read({ after })
      assert.deepEqual(await reader.take(), ['ready', 'reset'], after)
      // `ready` gives no new one: a reader who is cut off between the two asks with the old one again.
      const fresh = reader.cursors.filter((cursor) => cursor !== after)
      assert.equal(fresh.length, 1)
      assert.deepEqual(await read({ after: fresh[0] ?? '' }).take(), ['ready'])
    }
  })

  test('holds to the last change that is kept', async () => {
    const { publish, read } = bench(4)
    const first = read()
    await first.take()
    for (let revision = 1; revision <= 4; revision++) publish('a', revision)
    assert.deepEqual(await read({ after: first.cursors[0] ?? '' }).take(), ['ready', 'a 4'])
  })
})

describe('many readers', () => {
  test('who fall behind are told so, and go on from there', async () => {
    const { publish, read } = bench(4)
    const reader = read()
    await reader.take()
    for (let revision = 1; revision <= 9; revision++) publish('a', revision)
    assert.deepEqual(await reader.take(), ['reset'])
    publish('b', 1)
    assert.deepEqual(await reader.take(), ['b 1'])
  })

  test('are woken once for changes that come together, and not too often', async () => {
    const { feed, clock, publish, read } = bench()
    const readers = [read(), read()]
    for (const reader of readers) await reader.take()
    assert.equal(feed.waiting, 2)
    publish('a', 1)
    publish('b', 1)
    // Beside the signs of life of both.
    assert.equal(clock.pending, 3)
    assert.deepEqual(await readers[0]?.take(), ['a 1', 'b 1'])
  })

  test('leave nothing behind when they leave', async () => {
    const { feed, clock, publish, read } = bench()
    const reader = read()
    await reader.take()
    assert.equal(feed.waiting, 1)
    const waiting = reader.take()
    reader.abort.abort(new Error('gone'))
    await assert.rejects(waiting, /gone/)
    await settle()
    assert.equal(feed.waiting, 0)
    publish('a', 1)
    assert.equal(clock.pending, 0)
    assert.equal((await reader.iterator.next()).done, true)
  })

  test('before the first of them nothing is kept', () => {
    const { feed, publish } = bench()
    publish('a', 1)
    assert.equal(feed.isUsed, false)
  })
})
