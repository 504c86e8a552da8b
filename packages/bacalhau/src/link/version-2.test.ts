import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  type ComputeMessageV2,
  computeMessageV2Schema,
  type Job,
  type OrchestratorMessageV2,
  orchestratorMessageV2Schema,
} from '@bacalhau/models'
import { channelCompliance, type Notice } from './compliance.ts'
import { ManualPair } from './fixtures/manual-channel.ts'
import { accepted, cancel, computeBench, NODE, orchestratorBench, OWNER } from './fixtures/offices.ts'
import { sampleJob, sampleNode, sampleOffer } from './fixtures/samples.ts'
import { createLoopback } from './loopback.ts'
import { reworded, version2Node, version2Orchestrator } from './version-2.ts'

channelCompliance('a channel over which less is said', async () => {
  const [left, right] = createLoopback<Notice, Notice>('self')
  return [reworded(left, (notice: Notice) => notice), right]
})

const openOldPair = () => new ManualPair<ComputeMessageV2, OrchestratorMessageV2>(OWNER, NODE)

describe('a node of version 2', () => {
  async function join() {
    const { office, journal, told } = await orchestratorBench()
    const link = openOldPair()
    const heard: OrchestratorMessageV2[] = []
    // Everything is of the old vocabulary.
    const onMessage = (message: unknown) => heard.push(orchestratorMessageV2Schema.parse(message))
    link.left.start({ onMessage, onClose: () => undefined })
    office.attach(version2Node(link.right))
    const rest = () => {
      for (let quiet = 0; quiet < 3; quiet++) {
        journal.write()
        while (link.stepRight() !== undefined || link.stepLeft() !== undefined) quiet = 0
      }
    }
    link.left.send({ type: 'hello', node: sampleNode(NODE), storeGeneration: 'g', held: [] })
    rest()
    const parcels = () => heard.flatMap((message) => (message.type === 'parcel' ? [message.messages] : []))
    return { office, link, told, heard, rest, parcels }
  }

  test('has a conversation like any other, and what it acknowledges is acknowledged', async () => {
    const { office, link, heard, told, rest, parcels } = await join()
    assert.deepEqual([heard[0]?.type, told], ['welcome', ['QmNode APPROVED anew']])
    office.post(NODE, sampleOffer('e-1'))
    rest()
    assert.deepEqual(parcels(), [[sampleOffer('e-1')]])
    assert.equal(office.backlog(NODE).messages, 1)
    link.left.send({ type: 'ack', seq: 1 })
    rest()
    assert.equal(office.backlog(NODE).messages, 0)
  })

  test('is told nothing that its version does not know, and no number is left out', async () => {
    const { office, rest, parcels } = await join()
    const [task] = sampleJob().Tasks
    assert.ok(task !== undefined)
    const later = { ...sampleJob(), Tasks: [{ ...task, Later: 1 }], Later: 2 }
    office.post(NODE, sampleOffer('e-1', later))
    const foreign = { ...sampleJob(), Type: 'cron' } as unknown as Job
    office.post(NODE, sampleOffer('e-2', foreign))
    office.post(NODE, cancel('e-3'))
    rest()
    const reason = 'this version of the node does not know what the job asks for'
    assert.deepEqual(parcels().flat(), [
      sampleOffer('e-1', sampleJob()),
      { type: 'cancel', executionId: 'e-2', reason },
      cancel('e-3'),
    ])
  })
})

test('an orchestrator of version 2 hears reports, and not how far an execution is before it runs', async () => {
  const { office, journal } = await computeBench({ held: () => [] })
  const link = openOldPair()
  const heard: ComputeMessageV2[] = []
  const onMessage = (message: unknown) => heard.push(computeMessageV2Schema.parse(message))
  link.right.start({ onMessage, onClose: () => undefined })
  office.attach(version2Orchestrator(link.left))
  link.stepRight()
  const conversation = { id: 'c-1', received: { seq: 0, mark: '' } }
  link.right.send({ type: 'welcome', membership: 'APPROVED', message: '', storeGeneration: 'g', conversation })
  link.stepLeft()
  office.prepares(OWNER, 'e-1', 'image: 34 %')
  office.post(OWNER, accepted('e-1'))
  for (let step = 0; step < 3; step++) {
    journal.write()
    while (link.stepRight() !== undefined);
  }
  assert.deepEqual(
    heard.map(({ type }) => type),
    ['hello', 'ack', 'parcel'],
  )
})
