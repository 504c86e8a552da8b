import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { accepted, nodeInfo, refused, runOutput, storedJob } from '../test/samples.ts'
import {
  type ComputeMessageV2,
  computeMessageV2Schema,
  orchestratorMessageV2Schema,
  type OrchestratorMessageV2,
} from './link-messages-v2.ts'
import { parseRecord } from './parse.ts'
import { NO_RESOURCES } from './resources.ts'

const executionId = 'e-1'
const result = { Type: 'ipfs', Params: { CID: 'QmResult' } }
const conversation = { id: 'c-1', received: { seq: 7, mark: 'm' } }
const [task] = storedJob.Tasks
assert.ok(task !== undefined)
const job = { ...storedJob, Tasks: [{ ...task, Timeouts: { DisconnectGrace: 9 } }] }
const gpu = { Index: 0, Name: 'A100', Vendor: 'NVIDIA', Memory: 40_000, PCIAddress: '' } as const
const node = {
  ...nodeInfo,
  ComputeNodeInfo: { ...nodeInfo.ComputeNodeInfo, MaxCapacity: { ...NO_RESOURCES, GPUs: [gpu] } },
}

const reports = [
  { type: 'accepted', executionId },
  { type: 'refused', executionId, reason: 'not enough memory', later: true },
  { type: 'progress', executionId, state: 6 },
  { type: 'progress', executionId, state: 7, message: 'publishing' },
  { type: 'completed', executionId, output: runOutput, result, milliseconds: 1.25 },
  { type: 'completed', executionId, output: null, result },
  { type: 'failed', executionId, code: 'WasmTrap', message: 'unreachable', hint: 'h', output: runOutput, result },
  { type: 'cancelled', executionId, message: 'asked to' },
] as const
const fromCompute: ComputeMessageV2[] = [
  { type: 'hello', node, storeGeneration: 'g', held: [{ executionId, state: 6 }], joinToken: 'secret', conversation },
  { type: 'heartbeat', node },
  { type: 'parcel', seq: 1, mark: '', messages: [...reports] },
  { type: 'ack', seq: 0 },
]
const offer = {
  type: 'offer',
  job,
  resources: NO_RESOURCES,
  executions: [
    { id: 'e-1', partition: 0 },
    { id: 'e-2', partition: 99_999 },
  ],
} as const
const cancel = { type: 'cancel', executionId, reason: 'asked to' } as const
const fromOrchestrator: OrchestratorMessageV2[] = [
  { type: 'welcome', membership: 'APPROVED', message: 'in', storeGeneration: 'g', conversation },
  { type: 'heartbeat' },
  { type: 'parcel', seq: 5, mark: 'm', messages: [{ ...offer, executions: [...offer.executions] }, cancel] },
  { type: 'ack', seq: 5 },
]

for (const [side, schema, messages] of [
  ['compute', computeMessageV2Schema, fromCompute],
  ['orchestrator', orchestratorMessageV2Schema, fromOrchestrator],
] as const) {
  const parse = (message: unknown) => parseRecord(schema, message)

  describe(`messages of the ${side} side, version 2`, () => {
    test('there is a sample of every kind', () => {
      const kinds = schema.options.flatMap((option) => [...option.shape.type.values])
      assert.deepEqual(new Set<string>(messages.map(({ type }) => type)), new Set<string>(kinds))
    })

    for (const message of messages) {
      test(`${message.type} comes back from JSON as it was`, () => {
        assert.deepEqual(accepted(parse(JSON.parse(JSON.stringify(message)))), message)
      })
    }

    test('a field that nobody knows is refused in every kind', () => {
      for (const message of messages) assert.deepEqual(refused(parse({ ...message, zzz: 1 })), ["unknown field 'zzz'"])
    })
  })
}

test('what the models have gained since is left out', () => {
  const later = { ...job, Later: 1, Tasks: [{ ...job.Tasks[0], Later: 1 }] }
  const parcel = { type: 'parcel', seq: 1, mark: '', messages: [{ ...offer, job: later }] }
  const read = accepted(parseRecord(orchestratorMessageV2Schema, parcel))
  assert.deepEqual(read, { ...parcel, messages: [offer] })
  const hello = { ...fromCompute[0], node: { ...node, Later: 1 } }
  assert.deepEqual(accepted(parseRecord(computeMessageV2Schema, hello)), fromCompute[0])
})

test('it has no words for how far an execution is before it runs', () => {
  const parsed = parseRecord(computeMessageV2Schema, { type: 'preparing', executionId, message: 'half of it' })
  assert.deepEqual(refused(parsed), ["type: 'preparing' is not one of hello, heartbeat, parcel, ack"])
})
