import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { JobSpec, ReportMessage } from '@bacalhau/models'
import { sampleJob, sampleNode } from '../link/fixtures/samples.ts'
import type { Clock } from '../runtime/clock.ts'
import { isBacalhauError } from '../runtime/error.ts'
import { LIMITS } from '../runtime/limits.ts'
import { silentLogger } from '../runtime/logger.ts'
import { seededRandom } from '../runtime/random.ts'
import { createVirtualClock } from '../runtime/virtual-clock.ts'
import { createMemoryStore, type MemoryStore } from '../store/memory.ts'
import { put } from '../store/store.ts'
import { specOf } from './admission.ts'
import { START } from './fixtures/jobs.ts'
import { joinNode } from './fixtures/swarm.ts'
import type { DataVault } from './inline-data.ts'
import { runKey } from './job-records.ts'
import { createOrchestrator, type OrchestratorOptions } from './orchestrator.ts'

const never = () => new AbortController().signal
const failsWith = (code: string) => (error: unknown) => isBacalhauError(error) && error.code === code

interface BenchOptions extends Partial<OrchestratorOptions> {
  readonly store?: MemoryStore
}

/** An orchestrator and a node; nothing stirs before `clock.advance`, but for what needs no time. */
async function bench(options: BenchOptions = {}) {
  const clock = createVirtualClock(START)
  const { store = createMemoryStore() } = options
  const asked: string[] = []
  const orchestrator = await createOrchestrator({
    clock,
    random: seededRandom(1),
    logger: silentLogger,
    storeGeneration: 'g-owner',
    approval: 'auto',
    joinToken: 'secret',
    self: () => sampleNode('QmOwner'),
    logs: async function* (nodeId, { executionId, follow, tail }) {
      asked.push(`${nodeId} ${executionId} ${follow} ${tail}`)
      yield { stream: 'stdout', bytes: Buffer.from('hi') }
    },
    ...options,
    store,
  })
  const hub = { clock, attach: orchestrator.attach.bind(orchestrator) }
  const spec = (fields: Partial<JobSpec> = {}) => ({
    spec: { ...specOf(sampleJob()), Name: '', ...fields },
    warnings: [],
  })
  const submit = (fields: Partial<JobSpec> = {}, force = false) => orchestrator.submit(spec(fields), { force })
  return { orchestrator, clock, store, hub, spec, submit, asked }
}

const done = (executionId: string, CID = 'Qm1'): ReportMessage => ({
  type: 'completed',
  executionId,
  output: null,
  result: { Type: 'ipfs', Params: { CID } },
})

describe('a submission', () => {
  test('of a new name makes a job, and of a known one its next version', async () => {
    const { orchestrator, submit } = await bench()
    const first = await submit({ Name: 'a' })
    const second = await submit({ Name: 'a', Priority: 3 })
    assert.deepEqual([second.ID, second.Version, second.Priority], [first.ID, 2, 3])
    await assert.rejects(submit({ Name: 'a', Priority: 3 }), failsWith('Conflict'))
    assert.equal((await submit({ Name: 'a', Priority: 3 }, true)).Version, 3)
    assert.deepEqual(
      (await orchestrator.versions('a')).map(({ Version, Priority }) => [Version, Priority]),
      [
        [1, 0],
        [2, 3],
        [3, 3],
      ],
    )
    assert.equal((await orchestrator.getJob('a', 'default', 1)).Priority, 0)
    assert.equal((await orchestrator.getJob('a')).Version, 3)
    await assert.rejects(orchestrator.getJob('a', 'default', 9), failsWith('NotFound'))
    assert.notEqual((await submit({ Name: 'a', Namespace: 'other' })).ID, first.ID)
  })

  test('of one name by many at once makes one job', async () => {
    const { orchestrator, submit } = await bench()
    const jobs = await Promise.all([1, 2, 3].map((Priority) => submit({ Name: 'a', Priority })))
    assert.deepEqual(
      jobs.map(({ Version }) => Version),
      [1, 2, 3],
    )
    assert.equal((await orchestrator.listJobs({})).Items.length, 1)
  })

  test('can be tried: what would change is shown, and nothing does', async () => {
    const { orchestrator, submit, spec } = await bench()
    const job = await submit({ Name: 'a' })
    const differences = await orchestrator.diff(spec({ Name: 'a', Priority: 7 }))
    assert.deepEqual(differences, [{ path: 'Priority', old: 0, new: 7 }])
    assert.deepEqual([await orchestrator.diff(spec({ Name: 'b' })), await orchestrator.diff(spec())], [[], []])
    assert.equal((await orchestrator.getJob(job.ID)).Version, 1)
  })

  test('keeps its place among the others, also when the wall clock goes back over a restart', async () => {
    const { submit, orchestrator, store } = await bench()
    const before = [await submit(), await submit()]
    await orchestrator.stop()
    const clock = createVirtualClock(START)
    const behind: Clock = { ...clock, now: () => clock.now() - 60_000 }
    const again = await bench({ store, clock: behind, random: seededRandom(2) })
    const after = [await again.submit(), await again.submit()]
    const listed = (await again.orchestrator.listJobs({})).Items.map(({ ID }) => ID)
    assert.deepEqual(
      listed,
      [...before, ...after].map(({ ID }) => ID),
    )
    const keys = await store.range('job-open', { limit: 9 })
    assert.deepEqual(
      keys.map(({ value }) => value),
      listed,
    )
  })
})

describe('a job', () => {
  test('is followed to its end, and its result is known', async () => {
    const { orchestrator, submit, hub, clock } = await bench()
    const node = await joinNode(hub, 'QmA')
    const job = await submit()
    await clock.advance(0)
    const waiting = orchestrator.waitForChange(job.ID, (await orchestrator.getJob(job.ID)).Revision, never())
    await node.say(done(node.offered()[0] ?? '', 'QmResult'))
    assert.ok((await waiting).Revision > job.Revision)
    assert.equal((await orchestrator.waitForChange(job.ID, 999, never())).State.StateType, 'Completed')
    assert.deepEqual(await orchestrator.results(job.ID), [{ Type: 'ipfs', Params: { CID: 'QmResult' } }])
    assert.deepEqual(
      (await orchestrator.executions(job.ID)).map(({ NodeID }) => NodeID),
      ['QmA'],
    )
    const events = await orchestrator.history(job.ID, 0, 1_000)
    assert.equal(events.at(-1)?.Event.Message, 'Completed')
    assert.deepEqual(
      (await orchestrator.history(job.ID, 1, 1)).map(({ SeqNum }) => SeqNum),
      [2],
    )
  })

  test('says at every look why it waits', async () => {
    const { orchestrator, submit, hub, clock } = await bench()
    const job = await submit()
    const look = async () => (await orchestrator.listJobs({})).Items[0]?.State.Message
    await clock.advance(0)
    assert.equal(await look(), 'no compute node is connected')
    await joinNode(hub, 'QmA', { node: { ExecutionEngines: [] } })
    assert.match((await look()) ?? '', /does not support the engine "script"/)
    assert.match((await orchestrator.getJob(job.ID)).State.Message ?? '', /engine "script"/)
  })

  test('is stopped once; stopping it again does nothing, and one that has ended otherwise cannot be', async () => {
    const { orchestrator, submit, hub, clock } = await bench()
    const job = await submit()
    assert.equal((await orchestrator.stopJob(job.ID, 'enough')).State.Message, 'enough')
    assert.equal((await orchestrator.stopJob(job.ID, 'again')).State.Message, 'enough')
    const node = await joinNode(hub, 'QmA')
    const other = await submit()
    await clock.advance(0)
    await node.say(done(node.offered()[0] ?? ''))
    await assert.rejects(orchestrator.stopJob(other.ID, ''), failsWith('Conflict'))
    await assert.rejects(orchestrator.stopJob('j-nobody', ''), failsWith('NotFound'))
  })

  test('is run once more when it has ended, as it is or as it was, and not while it waits', async () => {
    const { orchestrator, submit } = await bench()
    await submit({ Name: 'a', Priority: 1 })
    await submit({ Name: 'a', Priority: 2 })
    await assert.rejects(orchestrator.rerun('a'), { code: 'Conflict', hint: /stop it first/ })
    await assert.rejects(orchestrator.rerun('a', 9), { code: 'NotFound', hint: /bacalhau job versions/ })
    await orchestrator.stopJob('a', '')
    const again = await orchestrator.rerun('a', 1)
    assert.deepEqual([again.Version, again.Priority, again.State.StateType], [3, 1, 'Pending'])
    await orchestrator.stopJob('a', '')
    assert.deepEqual([(await orchestrator.rerun('a')).Priority, (await orchestrator.versions('a')).length], [1, 4])
  })

  test('has logs where its execution is, as soon as a node has taken it', async () => {
    const { orchestrator, submit, hub, clock, asked, store } = await bench()
    const job = await submit()
    const read = (query: object) => Array.fromAsync(orchestrator.logs(job.ID, query, never()))
    await assert.rejects(read({}), failsWith('NotFound'))
    const following = read({ follow: true, tail: true })
    const node = await joinNode(hub, 'QmA')
    await clock.advance(0)
    const executionId = node.offered()[0] ?? ''
    await node.say({ type: 'accepted', executionId })
    assert.deepEqual(
      (await following).map(({ bytes }) => Buffer.from(bytes).toString()),
      ['hi'],
    )
    await read({ executionId })
    assert.deepEqual(asked, [`QmA ${executionId} true true`, `QmA ${executionId} false false`])
    // However many others the job has.
    const [row] = await store.range('execution', { limit: 1 })
    const [key = '', run] = [row?.key.split('/')[0], row?.value as object]
    const others = Array.from({ length: LIMITS.page + 1 }, (_, index) => ({ ...run, id: `e-other-${index}` }))
    await store.commit(others.map((other, index) => put('execution', runKey(key, index + 1), other)))
    await read({ executionId: `e-other-${LIMITS.page}` })
    assert.deepEqual(asked.slice(2), [`QmA e-other-${LIMITS.page} false false`])
    await orchestrator.stopJob(job.ID, '')
    await assert.rejects(read({ follow: true, executionId: 'e-none' }), failsWith('NotFound'))
  })
})

test('an operator rejects a node, approves it, and deletes it', async () => {
  const { orchestrator, hub } = await bench()
  const node = await joinNode(hub, 'QmAnna')
  const membership = () => orchestrator.node('QmAn').Membership
  assert.equal(membership(), 'APPROVED')
  await orchestrator.rejectNode('QmAnna', 'go')
  assert.equal(membership(), 'REJECTED')
  await orchestrator.approveNode('QmAn', '')
  await hub.clock.advance(0)
  assert.equal(membership(), 'APPROVED')
  assert.deepEqual(node.memberships.slice(1), [
    'REJECTED: go',
    'APPROVED: the operator of the orchestrator has approved the node',
  ])
  await orchestrator.deleteNode('QmAnna')
  assert.deepEqual(orchestrator.nodes(), [])
  await assert.rejects(orchestrator.approveNode('QmAnna', ''), failsWith('NotFound'))
})

test('a stop leaves nothing that would happen, and open jobs open', async () => {
  const { orchestrator, submit, clock, store } = await bench()
  const job = await submit()
  await clock.advance(0)
  await orchestrator.stop()
  assert.equal(clock.pending, 0)
  const again = await bench({ store })
  assert.equal((await again.orchestrator.getJob(job.ID)).State.StateType, 'Queued')
})

describe('large inline data', () => {
  /** Names content by its length. */
  function memoryVault() {
    const names = [
      'bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e',
      'QmdytmR4wULMd3SLo6ePF4s3WcRHWcpnJZ7bHhoj3QB13v',
    ]
    const held = new Map<string, Uint8Array>()
    const vault: DataVault = {
      async put(bytes) {
        const cid = names[bytes.length % 2] ?? ''
        held.set(cid, bytes)
        return cid
      },
      get: async (cid) => held.get(cid) ?? assert.fail(`no ${cid}`),
      has: async (cid) => held.has(cid),
      list: () => [...held.keys()],
      drop: (cid) => void held.delete(cid),
    }
    return { vault, held }
  }
  const withData = (Name: string, bytes: number) => {
    const URL = `data:x/y;base64,${Buffer.alloc(bytes).toString('base64')}`
    const Source = { Type: 'inline', Params: { URL } }
    const [task] = sampleJob().Tasks
    assert.ok(task !== undefined)
    return { Name, Tasks: [{ ...task, InputSources: [{ Source, Alias: '', Target: '/in' }] }] }
  }

  test('go with the last job that needs them', async () => {
    const { vault, held } = memoryVault()
    const { orchestrator, clock, submit } = await bench({ vault, keptJobs: 1 })
    for (const [name, bytes] of [
      ['old', 4_000],
      ['new', 4_001],
    ] as const) {
      await submit(withData(name, bytes))
      await clock.advance(1_000)
      await orchestrator.stopJob(name, 'enough')
    }
    assert.equal(held.size, 2)
    await clock.advance(4 * LIMITS.housekeeping)
    assert.deepEqual(
      [...held.values()].map(({ length }) => length),
      [4_001],
    )
    await orchestrator.rerun('new')
  })

  test('that are lost keep a job from being run again, and say so', async () => {
    const { vault, held } = memoryVault()
    const { orchestrator, clock, submit } = await bench({ vault })
    await submit(withData('a', 4_000))
    await clock.advance(0)
    await orchestrator.stopJob('a', 'enough')
    held.clear()
    await assert.rejects(orchestrator.rerun('a'), failsWith('InlineDataLost'))
  })
})
