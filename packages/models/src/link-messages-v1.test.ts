import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { z } from 'zod'
import { accepted, nodeInfo, refused, runOutput, storedJob } from '../test/samples.ts'
import {
  type ComputeMessageV1,
  computeMessageV1Schema,
  type helloV1Schema,
  orchestratorMessageV1Schema,
  type OrchestratorMessageV1,
} from './link-messages-v1.ts'
import { parseRecord } from './parse.ts'
import { NO_RESOURCES } from './resources.ts'

const executionId = 'e-1'
const result = { Type: 'ipfs', Params: { CID: 'QmResult' } }
const hello: z.infer<typeof helloV1Schema> = {
  type: 'hello',
  versions: [1],
  node: nodeInfo,
  storeGeneration: 'g',
  held: [{ executionId, state: 6 }],
}

const fromCompute: ComputeMessageV1[] = [
  hello,
  { ...hello, joinToken: 'secret', held: [] },
  { type: 'heartbeat' },
  { type: 'heartbeat', node: nodeInfo },
  { type: 'accepted', executionId },
  { type: 'refused', executionId, reason: 'not enough memory', later: true },
  { type: 'progress', executionId, state: 6 },
  { type: 'progress', executionId, state: 7, message: 'publishing' },
  { type: 'completed', executionId, output: runOutput, result },
  { type: 'failed', executionId, code: 'WasmTrap', message: 'unreachable', hint: 'h', output: runOutput, result },
  { type: 'failed', executionId, code: 'WasmTrap', message: 'unreachable' },
  { type: 'cancelled', executionId, message: 'asked to' },
]
const offer = { type: 'offer', executionId, job: storedJob, partitionIndex: 0, resources: NO_RESOURCES } as const
const fromOrchestrator: OrchestratorMessageV1[] = [
  { type: 'welcome', version: 1, membership: 'PENDING', message: 'ask for approval' },
  { type: 'heartbeat' },
  offer,
  { type: 'cancel', executionId, reason: 'asked to' },
  { type: 'settled', executionId },
]

for (const [side, schema, messages] of [
  ['compute', computeMessageV1Schema, fromCompute],
  ['orchestrator', orchestratorMessageV1Schema, fromOrchestrator],
] as const) {
  const parse = (message: unknown) => parseRecord(schema, message)

  describe(`messages of the ${side} side, version 1`, () => {
    test('there is a sample of every kind', () => {
      const kinds = schema.options.flatMap((option) => [...option.shape.type.values])
      assert.deepEqual(new Set(messages.map(({ type }) => type)), new Set(kinds))
    })

    for (const message of messages) {
      test(`${message.type} comes back from JSON as it was: ${Object.keys(message).join(' ')}`, () => {
        assert.deepEqual(accepted(parse(JSON.parse(JSON.stringify(message)))), message)
      })
    }

    test('a field that nobody knows is refused in every kind', () => {
      for (const message of messages) assert.deepEqual(refused(parse({ ...message, zzz: 1 })), ["unknown field 'zzz'"])
    })

    test('a field too few is refused in every kind', () => {
      for (const message of messages) {
        for (const field of Object.keys(message)) {
          const { [field]: _, ...rest } = message as Record<string, unknown>
          const parsed = parse(rest)
          if (!parsed.ok) assert.deepEqual(parsed.problems, [{ path: field, message: 'missing' }])
          else assert.ok(['joinToken', 'node', 'message', 'hint', 'output', 'result'].includes(field), field)
        }
      }
    })

    test('names are never empty or long', () => {
      for (const message of messages.filter((message) => 'executionId' in message)) {
        for (const id of ['', 'x'.repeat(129), null, 5])
          assert.ok(!parse({ ...message, executionId: id }).ok, message.type)
      }
    })

    test('whatever comes instead of a field, the answer is a message or problems, never an exception', () => {
      fc.assert(
        fc.property(fc.constantFrom(...messages), fc.nat(), fc.jsonValue(), (message, pick, value) => {
          const fields = Object.keys(message)
          const parsed = parse({ ...message, [fields[pick % fields.length] ?? '']: value })
          if (parsed.ok) assert.deepEqual(accepted(parse(parsed.value)), parsed.value)
        }),
      )
      fc.assert(fc.property(fc.jsonValue(), (value) => void parse(value)))
    })
  })
}

describe('bounds of version 1', () => {
  const rejects = (message: unknown, problem: string) =>
    assert.deepEqual(refused(parseRecord(computeMessageV1Schema, message)), [problem])

  test('an unknown kind is named', () => {
    const kinds = 'hello, heartbeat, accepted, refused, progress, completed, failed, cancelled'
    rejects({ type: 'acepted', executionId }, `type: 'acepted' is not one of ${kinds} (did you mean 'accepted'?)`)
    assert.ok(!parseRecord(computeMessageV1Schema, offer).ok, 'an offer comes from the other side')
  })

  test('progress is running or publishing, nothing else', () => {
    for (const state of [0, 5, 8, 9, 6.5]) {
      rejects({ type: 'progress', executionId, state }, `state: '${state}' is not one of 6, 7`)
    }
  })

  test('words are capped', () => {
    const reason = 'x'.repeat(16_385)
    rejects({ type: 'refused', executionId, reason, later: false }, 'reason: longer than 16384 characters')
    rejects({ ...hello, joinToken: 'x'.repeat(257) }, 'joinToken: longer than 256 characters')
  })

  test('a node may hold a hundred thousand executions', () => {
    const held = Array.from({ length: 100_000 }, (_, index) => ({ executionId: `e-${index}`, state: 6 }))
    assert.ok(parseRecord(computeMessageV1Schema, { ...hello, held }).ok)
    rejects({ ...hello, held: [...held, { executionId, state: 6 }] }, 'held: more than 100000 items')
  })

  test('a node offers a version, and holds known states', () => {
    rejects({ ...hello, versions: [] }, 'versions: must not be empty')
    rejects({ ...hello, versions: Array.from({ length: 17 }, () => 1) }, 'versions: more than 16 items')
    rejects({ ...hello, held: [{ executionId, state: 12 }] }, 'held[0].state: must be <= 11')
  })

  test('a result that nests without end is refused before anything walks it', () => {
    const deep = JSON.parse('['.repeat(10_000) + ']'.repeat(10_000)) as unknown
    const message = { type: 'completed', executionId, output: runOutput, result: { Type: 'ipfs', Params: { deep } } }
    rejects(message, 'nested deeper than 64 levels')
  })
})
