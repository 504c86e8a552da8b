import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { accepted, nodeInfo, refused, runOutput, storedJob } from '../test/samples.ts'
import {
  type ComputeMessage,
  computeMessageSchema,
  type Hello,
  MAX_OFFERED_EXECUTIONS,
  MAX_PARCEL_MESSAGES,
  MAX_PREPARING,
  type Offer,
  type OrchestratorMessage,
  orchestratorMessageSchema,
  type OrderMessage,
  orderMessageSchema,
  type ReportMessage,
  reportMessageSchema,
} from './link-messages.ts'
import { parseRecord } from './parse.ts'
import { NO_RESOURCES } from './resources.ts'

const executionId = 'e-1'
const result = { Type: 'ipfs', Params: { CID: 'QmResult' } }
const conversation = { id: 'c-1', received: { seq: 7, mark: 'm' } }

const reports: ReportMessage[] = [
  { type: 'accepted', executionId },
  { type: 'refused', executionId, reason: 'not enough memory', later: true },
  { type: 'progress', executionId, state: 6 },
  { type: 'progress', executionId, state: 7, message: 'publishing' },
  { type: 'completed', executionId, output: runOutput, result, milliseconds: 1.25 },
  { type: 'completed', executionId, output: null, result },
  { type: 'failed', executionId, code: 'WasmTrap', message: 'unreachable', hint: 'h', output: runOutput, result },
  { type: 'failed', executionId, code: 'WasmTrap', message: 'unreachable' },
  { type: 'cancelled', executionId, message: 'asked to' },
]
const offer: Offer = {
  type: 'offer',
  job: storedJob,
  resources: NO_RESOURCES,
  executions: [
    { id: 'e-1', partition: 0 },
    { id: 'e-2', partition: 99_999 },
  ],
}
const orders: OrderMessage[] = [offer, { type: 'cancel', executionId, reason: 'asked to' }]

const hello: Hello = {
  type: 'hello',
  node: nodeInfo,
  storeGeneration: 'g',
  held: [{ executionId, state: 6 }],
}
const fromCompute: ComputeMessage[] = [
  hello,
  { ...hello, joinToken: 'secret', held: [], conversation },
  { type: 'heartbeat' },
  { type: 'heartbeat', node: nodeInfo },
  { type: 'parcel', seq: 1, mark: '', messages: reports },
  { type: 'preparing', executionId, message: 'image x: 34 %' },
  { type: 'ack', seq: 0 },
]
const welcome = { type: 'welcome', membership: 'PENDING', message: 'ask', storeGeneration: 'g' } as const
const fromOrchestrator: OrchestratorMessage[] = [
  welcome,
  { ...welcome, membership: 'APPROVED', conversation },
  { type: 'heartbeat' },
  { type: 'parcel', seq: 5, mark: 'm', messages: orders },
  { type: 'ack', seq: 5 },
]
const optional = ['joinToken', 'node', 'message', 'hint', 'output', 'result', 'conversation', 'milliseconds']

for (const [side, schema, messages] of [
  ['reports', reportMessageSchema, reports],
  ['orders', orderMessageSchema, orders],
  ['messages of the compute side', computeMessageSchema, fromCompute],
  ['messages of the orchestrator side', orchestratorMessageSchema, fromOrchestrator],
] as const) {
  const parse = (message: unknown) => parseRecord(schema, message)

  describe(side, () => {
    test('there is a sample of every kind', () => {
      const kinds = schema.options.flatMap((option) => [...option.shape.type.values])
      assert.deepEqual(new Set<string>(messages.map(({ type }) => type)), new Set<string>(kinds))
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
          else assert.ok(optional.includes(field), field)
        }
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

describe('bounds', () => {
  const rejects = (message: unknown, problem: string) =>
    assert.deepEqual(refused(parseRecord(computeMessageSchema, message)), [problem])
  const parcel = (more: object) => ({ type: 'parcel', seq: 1, mark: 'm', messages: reports, ...more })

  test('one side does not speak for the other', () => {
    assert.ok(!parseRecord(computeMessageSchema, parcel({ messages: orders })).ok)
    assert.ok(!parseRecord(orchestratorMessageSchema, parcel({ messages: reports })).ok)
    assert.ok(!parseRecord(orchestratorMessageSchema, hello).ok)
  })

  test('a parcel has a number and some messages, and not too many', () => {
    rejects(parcel({ seq: 0 }), 'seq: must be >= 1')
    assert.ok(!parseRecord(computeMessageSchema, parcel({ seq: 2 ** 53 })).ok)
    rejects(parcel({ messages: [] }), 'messages: must not be empty')
    const many = Array.from({ length: MAX_PARCEL_MESSAGES }, () => reports[0])
    assert.ok(parseRecord(computeMessageSchema, parcel({ messages: many })).ok)
    rejects(parcel({ messages: [...many, reports[0]] }), `messages: more than ${MAX_PARCEL_MESSAGES} items`)
    rejects(parcel({ mark: 'x'.repeat(65) }), 'mark: longer than 64 characters')
  })

  test('a wrong message within a parcel is named', () => {
    const wrong = { type: 'progress', executionId, state: 9 }
    rejects(parcel({ messages: [reports[0], wrong] }), "messages[1].state: '9' is not one of 6, 7")
  })

  test('an offer has executions, and not too many', () => {
    const offering = (count: number) => {
      const executions = Array.from({ length: count }, (_, partition) => ({ id: `e-${partition}`, partition }))
      return parseRecord(orderMessageSchema, { ...offer, executions }).ok
    }
    assert.deepEqual([0, 1, MAX_OFFERED_EXECUTIONS, MAX_OFFERED_EXECUTIONS + 1].map(offering), [
      false,
      true,
      true,
      false,
    ])
  })

  test('a node may hold a hundred thousand executions', () => {
    const held = Array.from({ length: 100_000 }, (_, index) => ({ executionId: `e-${index}`, state: 6 }))
    assert.ok(parseRecord(computeMessageSchema, { ...hello, held }).ok)
    rejects({ ...hello, held: [...held, { executionId, state: 6 }] }, 'held: more than 100000 items')
  })

  test('words and names are capped', () => {
    const long = { type: 'cancelled', executionId, message: 'x'.repeat(16_385) }
    assert.deepEqual(refused(parseRecord(reportMessageSchema, long)), ['message: longer than 16384 characters'])
    for (const id of ['', 'x'.repeat(129), null, 5])
      assert.ok(!parseRecord(reportMessageSchema, { type: 'accepted', executionId: id }).ok)
    const preparing = { type: 'preparing', executionId, message: 'x'.repeat(MAX_PREPARING + 1) }
    rejects(preparing, `message: longer than ${MAX_PREPARING} characters`)
    rejects({ ...hello, joinToken: 'x'.repeat(257) }, 'joinToken: longer than 256 characters')
  })

  test('a result that nests without end is refused before anything walks it', () => {
    const deep = JSON.parse('['.repeat(10_000) + ']'.repeat(10_000)) as unknown
    const message = { type: 'completed', executionId, output: null, result: { Type: 'ipfs', Params: { deep } } }
    rejects(parcel({ messages: [message] }), 'nested deeper than 64 levels')
  })
})
