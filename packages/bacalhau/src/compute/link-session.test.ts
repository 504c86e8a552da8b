import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import type { ComputeMessage, OrchestratorMessage } from '@bacalhau/models'
import { createLoopback } from '../link/loopback.ts'
import { sampleNode } from '../link/fixtures/samples.ts'
import { silentLogger } from '../runtime/logger.ts'
import { LIMITS } from '../runtime/limits.ts'
import { settle } from '../runtime/virtual-clock.ts'
import { type Bench, openBench, OWNER, scripted } from './fixtures/bench.ts'
import { startLinkSession } from './link-session.ts'

type Message<T> = Extract<ComputeMessage, { type: T }>

/** A session of `bench`, and the orchestrator's end of its link. */
function connect(bench: Bench, options: { joinToken?: string } = {}) {
  const [near, far] = createLoopback<ComputeMessage, OrchestratorMessage>(OWNER)
  const heard: ComputeMessage[] = []
  const memberships: string[] = []
  const waiting: (() => void)[] = []
  far.start({
    onMessage(message) {
      heard.push(message)
      for (const check of waiting) check()
    },
    onClose: () => undefined,
  })
  const session = startLinkSession(near, {
    ...options,
    compute: bench.compute,
    nodeInfo: () => sampleNode('QmNode', { RunningExecutions: bench.compute.running() }),
    storeGeneration: 'g-1',
    clock: bench.clock,
    logger: silentLogger,
    onMembership: (membership, message) => memberships.push(`${membership}: ${message}`),
  })
  const hears = <T extends ComputeMessage['type']>(type: T, executionId?: string) =>
    new Promise<Message<T>>((resolve) => {
      const check = () => {
        const found = heard.find(
          (message): message is Message<T> =>
            message.type === type &&
            (executionId === undefined || ('executionId' in message && message.executionId === executionId)),
        )
        if (found !== undefined) resolve(found)
      }
      waiting.push(check)
      check()
    })
  return { session, far, heard, hears, memberships }
}

const welcome = (membership: 'APPROVED' | 'PENDING') =>
  ({ type: 'welcome', version: 1, membership, message: 'because' }) as const

/** A session whose orchestrator has approved the node. */
async function approved(t: TestContext) {
  const bench = await openBench(t)
  const link = connect(bench)
  link.far.send(welcome('APPROVED'))
  await settle()
  return { ...bench, ...link }
}

describe('the compute side of a link', () => {
  test('presents itself, what it holds and its token, first of all', async (t) => {
    const bench = await openBench(t)
    bench.compute.offer(OWNER, scripted('e-ended'))
    await bench.ear.report('e-ended')
    bench.compute.offer(OWNER, scripted('e-running', { Hold: true }))
    await bench.executor.begun(2)
    bench.compute.offer(OWNER, scripted('e-new'))
    bench.compute.listen('QmOther', bench.ear)
    bench.compute.offer('QmOther', scripted('e-other'))
    const { heard } = connect(bench, { joinToken: 'secret' })
    await settle(1)
    const [hello] = heard
    assert.ok(hello?.type === 'hello')
    assert.deepEqual(
      [hello.versions, hello.node.NodeID, hello.storeGeneration, hello.joinToken],
      [[1], 'QmNode', 'g-1', 'secret'],
    )
    assert.deepEqual(
      hello.held.toSorted((a, b) => a.executionId.localeCompare(b.executionId)),
      [
        { executionId: 'e-ended', state: 9 },
        // Not yet on disk, so not yet accepted.
        { executionId: 'e-new', state: 2 },
        { executionId: 'e-running', state: 5 },
      ],
    )
  })

  test('without a token says none', async (t) => {
    const { heard } = connect(await openBench(t))
    await settle()
    assert.ok(heard[0] !== undefined && !('joinToken' in heard[0]))
  })

  test('takes an offer and reports every step; forgets when it is settled', async (t) => {
    const { compute, far, heard, hears } = await approved(t)
    far.send(scripted('e-1', { Say: 'hi' }, { Publisher: { Type: 'shelf' } }))
    const { output, result } = await hears('completed')
    assert.deepEqual([output.Stdout, result.Type], ['hi', 'shelf'])
    assert.deepEqual(
      heard.slice(1).map((message) => (message.type === 'progress' ? message.state : message.type)),
      ['accepted', 6, 7, 'completed'],
    )
    far.send({ type: 'settled', executionId: 'e-1' })
    await settle()
    assert.deepEqual(compute.held(OWNER), [])
  })

  test('refuses with its reason', async (t) => {
    const { far, hears } = await approved(t)
    far.send(scripted('e-1', {}, { Engine: { Type: 'docker' } }))
    const { reason, later } = await hears('refused')
    assert.match(reason, /docker/)
    assert.equal(later, false)
  })

  test('cancels', async (t) => {
    const { executor, far, hears } = await approved(t)
    far.send(scripted('e-1', { Hold: true }))
    await executor.begun(1)
    far.send({ type: 'cancel', executionId: 'e-1', reason: 'the job was stopped' })
    assert.equal((await hears('cancelled')).message, 'the job was stopped')
  })

  test('repeats the reports that were not settled, once it is approved', async (t) => {
    const bench = await openBench(t)
    bench.compute.offer(OWNER, scripted('e-1'))
    await bench.ear.report('e-1')
    const { far, heard, hears, memberships } = connect(bench)
    far.send(welcome('PENDING'))
    await settle()
    assert.deepEqual(
      heard.map(({ type }) => type),
      ['hello'],
    )
    far.send(welcome('APPROVED'))
    await hears('completed')
    assert.deepEqual(memberships, ['PENDING: because', 'APPROVED: because'])
  })

  test('what ends while the link is down is reported by the next one', async (t) => {
    const bench = await openBench(t)
    const first = connect(bench)
    first.far.send(welcome('APPROVED'))
    first.far.send(scripted('e-1', { Hold: true }))
    await bench.executor.begun(1)
    first.far.abort(new Error('cut'))
    assert.match(String(await first.session.ended), /cut/)
    bench.executor.release()
    const second = connect(bench)
    second.far.send(welcome('APPROVED'))
    assert.equal((await second.hears('completed')).executionId, 'e-1')
  })

  test('tells when its description has changed', async (t) => {
    const { compute, session, far, hears } = await approved(t)
    far.send(scripted('e-1', { Hold: true }))
    await hears('progress')
    session.refresh()
    assert.equal((await hears('heartbeat')).node?.ComputeNodeInfo.RunningExecutions, compute.running())
  })

  test('beats, and gives an orchestrator up that has fallen silent', async (t) => {
    const { clock, heard, session } = await approved(t)
    await clock.advance(LIMITS.linkHeartbeat)
    assert.deepEqual(heard.at(-1), { type: 'heartbeat' })
    await clock.advance(LIMITS.linkSilence)
    assert.match(String(await session.ended), /silent/)
    await clock.advance(LIMITS.linkSilence)
    assert.equal(clock.pending, 0)
  })

  test('stays as long as the orchestrator beats', async (t) => {
    const { clock, far, session } = await approved(t)
    let ended = false
    void session.ended.then(() => (ended = true))
    for (let second = 0; second < 30; second++) {
      far.send({ type: 'heartbeat' })
      await clock.advance(LIMITS.linkHeartbeat)
    }
    assert.equal(ended, false)
  })

  test('a store that cannot forget is no reason to end the link', async (t) => {
    const bench = await openBench(t, {
      view: (store) => ({
        ...store,
        commit: (writes) =>
          writes.some(({ op }) => op === 'delete') ? Promise.reject(new Error('full')) : store.commit(writes),
      }),
    })
    const { far, hears, heard } = connect(bench)
    far.send(welcome('APPROVED'))
    far.send(scripted('e-1'))
    await hears('completed')
    far.send({ type: 'settled', executionId: 'e-1' })
    far.send(scripted('e-2'))
    await hears('completed', 'e-2')
    assert.equal(heard.filter(({ type }) => type === 'hello').length, 1)
  })

  test('closes in good order', async (t) => {
    const { session } = await approved(t)
    session.close()
    assert.equal(await session.ended, undefined)
  })
})
