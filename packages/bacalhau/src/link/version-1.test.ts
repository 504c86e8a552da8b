import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  type ComputeMessageV1,
  computeMessageV1Schema,
  type OrchestratorMessageV1,
  orchestratorMessageV1Schema,
  type ReportMessage,
} from '@bacalhau/models'
import { seededRandom } from '../runtime/random.ts'
import { settle } from '../runtime/virtual-clock.ts'
import { channelCompliance, type Notice } from './compliance.ts'
import { ManualPair } from './fixtures/manual-channel.ts'
import type { ManualJournal } from './fixtures/manual-journal.ts'
import { accepted, cancel, cancelled, computeBench, NODE, orchestratorBench, OWNER } from './fixtures/offices.ts'
import { sampleJob, sampleNode, someResources } from './fixtures/samples.ts'
import { createLoopback } from './loopback.ts'
import { translateChannel } from './translate-channel.ts'
import { version1Node } from './version-1-node.ts'
import { version1Orchestrator } from './version-1-orchestrator.ts'

const openOldPair = () => new ManualPair<ComputeMessageV1, OrchestratorMessageV1>(OWNER, NODE)
type OldLink = ReturnType<typeof openOldPair>

async function rest(link: OldLink, journal: ManualJournal): Promise<void> {
  for (let quiet = 0; quiet < 3; quiet++) {
    journal.write()
    while (link.stepRight() !== undefined || link.stepLeft() !== undefined) quiet = 0
    await settle(1)
  }
}

const shout = (text: string): Notice => ({ text: `${text}!` })
channelCompliance('a channel that translates', async () => {
  const [left, right] = createLoopback<Notice, Notice>('self')
  const translated = translateChannel<Notice, Notice, Notice, Notice>(left, {
    outgoing: (message, say) => say(shout(message.text)),
    incoming: (message, hear) => hear(message),
  })
  const back = translateChannel<Notice, Notice, Notice, Notice>(right, {
    outgoing: (message, say) => say(message),
    incoming: ({ text }, hear) => hear({ text: text.slice(0, -1) }),
  })
  return [translated, back]
})

const completed: ReportMessage = {
  type: 'completed',
  executionId: 'e-2',
  output: null,
  result: { Type: '' },
  milliseconds: 4,
}

describe('an orchestrator of version 2 and a node of version 1', () => {
  const hello: ComputeMessageV1 = {
    type: 'hello',
    versions: [1],
    node: sampleNode(NODE),
    storeGeneration: 'g-1',
    held: [{ executionId: 'e-1', state: 6 }],
  }

  async function join(bench?: Awaited<ReturnType<typeof orchestratorBench>>) {
    const orchestrator = bench ?? (await orchestratorBench())
    const link = openOldPair()
    const heard: OrchestratorMessageV1[] = []
    link.left.start({
      // Everything is of the old vocabulary.
      onMessage: (message) => heard.push(orchestratorMessageV1Schema.parse(message)),
      onClose: () => undefined,
    })
    orchestrator.office.attach(version1Node(link.right))
    const say = async (...messages: ComputeMessageV1[]) => {
      for (const message of messages) link.left.send(message)
      await rest(link, orchestrator.journal)
    }
    await say(hello)
    return { orchestrator, link, heard, say }
  }

  test('the node is welcomed, beats, and tells what it holds', async () => {
    const { orchestrator, heard, say } = await join()
    await say({ type: 'heartbeat' })
    assert.deepEqual(heard, [{ type: 'welcome', version: 1, membership: 'APPROVED', message: 'welcome' }])
    assert.deepEqual(orchestrator.told, ['QmNode APPROVED anew 6', 'QmNode is alive'])
  })

  test('an offer of many executions is many offers, and nothing waits for an acknowledgement', async () => {
    const { orchestrator, link, heard } = await join()
    const [job, resources] = [sampleJob(), someResources()]
    orchestrator.office.post(NODE, {
      type: 'offer',
      job,
      resources,
      executions: [
        { id: 'e-1', partition: 0 },
        { id: 'e-2', partition: 1 },
      ],
    })
    orchestrator.office.post(NODE, cancel('e-1'))
    await rest(link, orchestrator.journal)
    assert.deepEqual(heard.slice(1), [
      { type: 'offer', executionId: 'e-1', job, partitionIndex: 0, resources },
      { type: 'offer', executionId: 'e-2', job, partitionIndex: 1, resources },
      cancel('e-1'),
    ])
    assert.equal(orchestrator.office.backlog(NODE).messages, 0)
  })

  test('is told nothing that its version does not know', async () => {
    const { orchestrator, link, heard } = await join()
    const [job, resources] = [sampleJob(), someResources()]
    const [task] = job.Tasks
    assert.ok(task !== undefined)
    const Tasks = [{ ...task, Timeouts: { ...task.Timeouts, DisconnectGrace: 5 }, Later: 1 }]
    const post = (id: string, fields: object) =>
      orchestrator.office.post(NODE, {
        type: 'offer',
        job: { ...job, ...fields },
        resources,
        executions: [{ id, partition: 0 }],
      })
    post('e-1', { Tasks, Progress: { Total: 1 }, Later: { any: 'thing' } })
    post('e-2', { Type: 'invented later' })
    await rest(link, orchestrator.journal)
    assert.deepEqual(heard.slice(1), [{ type: 'offer', executionId: 'e-1', job, partitionIndex: 0, resources }])
  })

  test('has not heard us because it was told something', async () => {
    const { orchestrator, link, say } = await join()
    orchestrator.office.post(NODE, cancel('e-1'))
    await rest(link, orchestrator.journal)
    await say(accepted('e-2') as ComputeMessageV1)
    assert.ok(!orchestrator.told.includes(`${NODE} answers`))
  })

  test('its reports take effect; an end is settled when that is durable', async () => {
    const { orchestrator, link, heard, say } = await join()
    await say(accepted('e-1') as ComputeMessageV1, cancelled('e-1') as ComputeMessageV1)
    assert.deepEqual(orchestrator.reports, [accepted('e-1'), cancelled('e-1')])
    assert.deepEqual(heard.slice(1), [{ type: 'settled', executionId: 'e-1' }])
    link.left.send(cancelled('e-2') as ComputeMessageV1)
    while (link.stepRight() !== undefined);
    orchestrator.journal.take()
    assert.deepEqual(link.toLeft, [])
  })

  test('each link begins anew, and what it says again comes again', async () => {
    const first = await join()
    await first.say(cancelled('e-1') as ComputeMessageV1)
    first.link.cut()
    const second = await join(first.orchestrator)
    await second.say(cancelled('e-1') as ComputeMessageV1)
    assert.deepEqual(first.orchestrator.reports, [cancelled('e-1'), cancelled('e-1')])
    assert.deepEqual(second.heard.slice(1), [{ type: 'settled', executionId: 'e-1' }])
  })

  test('what it says while it is no member leaves no gap', async () => {
    const { orchestrator, link, say } = await join(
      await orchestratorBench({ admit: () => ({ membership: 'PENDING', message: '' }) }),
    )
    await say(accepted('e-1') as ComputeMessageV1)
    orchestrator.office.welcome(NODE, 'APPROVED', '')
    await rest(link, orchestrator.journal)
    await say(accepted('e-2') as ComputeMessageV1)
    assert.deepEqual([orchestrator.reports, link.ended], [[accepted('e-2')], false])
  })
})

describe('a node of version 2 and an orchestrator of version 1', () => {
  const welcome: OrchestratorMessageV1 = { type: 'welcome', version: 1, membership: 'APPROVED', message: 'in' }

  async function call(bench?: Awaited<ReturnType<typeof computeBench>>) {
    const compute = bench ?? (await computeBench())
    const link = openOldPair()
    const heard: ComputeMessageV1[] = []
    link.right.start({
      onMessage: (message) => heard.push(computeMessageV1Schema.parse(message)),
      onClose: () => undefined,
    })
    compute.office.attach(version1Orchestrator(link.left, seededRandom(compute.journal.rows('link-in').size + 50)))
    const say = async (...messages: OrchestratorMessageV1[]) => {
      for (const message of messages) link.right.send(message)
      await rest(link, compute.journal)
    }
    await say(welcome)
    return { compute, link, heard, say }
  }

  test('the node presents itself as one of version 1 and takes offers', async () => {
    const { compute, heard, say } = await call()
    assert.deepEqual([heard[0]?.type, compute.memberships], ['hello', ['APPROVED: in']])
    const [job, resources] = [sampleJob(), someResources()]
    const old = { type: 'offer', executionId: 'e-1', job, partitionIndex: 2, resources } as const
    await say(old, cancel('e-1') as OrchestratorMessageV1, { type: 'heartbeat' })
    assert.deepEqual(compute.orders, [
      { type: 'offer', job, resources, executions: [{ id: 'e-1', partition: 2 }] },
      cancel('e-1'),
    ])
  })

  test('a parcel counts as received when every end in it is settled', async () => {
    const { compute, link, heard, say } = await call()
    for (const report of [accepted('e-1'), cancelled('e-1'), completed]) compute.office.post(OWNER, report)
    await rest(link, compute.journal)
    const end = heard.at(-1)
    assert.ok(end?.type === 'completed' && end.output.ExitCode === 0)
    assert.deepEqual(
      heard.slice(1).map(({ type }) => type),
      ['accepted', 'cancelled', 'completed'],
    )
    await say({ type: 'settled', executionId: 'e-2' })
    assert.equal(compute.office.backlog(OWNER).messages, 3)
    await say({ type: 'settled', executionId: 'e-1' })
    assert.equal(compute.office.backlog(OWNER).messages, 0)
    compute.office.post(OWNER, accepted('e-3'))
    await rest(link, compute.journal)
    assert.equal(compute.office.backlog(OWNER).messages, 0, 'no end, nothing to settle')
  })

  test('ends that are not settled are said again by the next link, also after a restart', async () => {
    const first = await call()
    first.compute.office.post(OWNER, accepted('e-1'))
    first.compute.office.post(OWNER, cancelled('e-1'))
    await rest(first.link, first.compute.journal)
    first.link.cut()
    for (const bench of [first.compute, await computeBench({}, first.compute.journal)]) {
      const next = await call(bench)
      assert.deepEqual(next.heard.slice(1), [cancelled('e-1')])
      next.link.cut()
    }
  })

  test('to be approved once more repeats what is not settled', async () => {
    const { compute, link, heard, say } = await call()
    compute.office.post(OWNER, cancelled('e-1'))
    await rest(link, compute.journal)
    await say({ type: 'settled', executionId: 'e-1' })
    compute.office.post(OWNER, cancelled('e-2'))
    await rest(link, compute.journal)
    await say({ ...welcome, membership: 'PENDING' }, welcome)
    assert.deepEqual(heard.slice(1), [cancelled('e-1'), cancelled('e-2'), cancelled('e-2')])
    await say({ type: 'settled', executionId: 'e-2' })
    assert.deepEqual([compute.office.backlog(OWNER).messages, link.ended], [0, false])
  })
})
