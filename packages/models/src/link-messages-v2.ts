import { z } from 'zod'
import { resourcesV1Schema, resultV1Schema, runOutputV1Schema } from './link-records-v1.ts'
import { jobV2Schema, nodeInfoV2Schema } from './link-records-v2.ts'

/**
 * Version 2 of what an orchestrator and a compute node say to each other, kept for peers that have not been updated yet: all of
 * version 3 save that nobody hears how far an execution is before it runs. Nothing is ever added here. Peers of that version
 * refuse what they do not know: a message goes out as these schemas read it.
 */

const id = z.string().min(1).max(128)
const words = z.string().max(16_384)
const sequence = z.int().nonnegative()
const mark = z.string().max(64)

const conversationV2Schema = z.strictObject({ id, received: z.strictObject({ seq: sequence, mark }) })
const ackV2Schema = z.strictObject({ type: z.literal('ack'), seq: sequence })
const parcelV2Schema = <T extends z.ZodType>(message: T) =>
  z.strictObject({
    type: z.literal('parcel'),
    seq: sequence.min(1),
    mark,
    messages: z.array(message).min(1).max(512),
  })

export const orderMessageV2Schema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('offer'),
    job: jobV2Schema,
    resources: resourcesV1Schema,
    executions: z
      .array(z.strictObject({ id, partition: sequence }))
      .min(1)
      .max(512),
  }),
  z.strictObject({ type: z.literal('cancel'), executionId: id, reason: words }),
])

const reportMessageV2Schema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('accepted'), executionId: id }),
  z.strictObject({ type: z.literal('refused'), executionId: id, reason: words, later: z.boolean() }),
  z.strictObject({
    type: z.literal('progress'),
    executionId: id,
    state: z.literal([6, 7]),
    message: words.optional(),
  }),
  z.strictObject({
    type: z.literal('completed'),
    executionId: id,
    output: runOutputV1Schema.nullable(),
    result: resultV1Schema,
    milliseconds: z.number().nonnegative().optional(),
  }),
  z.strictObject({
    type: z.literal('failed'),
    executionId: id,
    code: z.string().max(64),
    message: words,
    hint: words.optional(),
    output: runOutputV1Schema.optional(),
    result: resultV1Schema.optional(),
  }),
  z.strictObject({ type: z.literal('cancelled'), executionId: id, message: words }),
])

export const computeMessageV2Schema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('hello'),
    node: nodeInfoV2Schema,
    joinToken: z.string().max(256).optional(),
    storeGeneration: id,
    held: z.array(z.strictObject({ executionId: id, state: z.int().min(0).max(11) })).max(100_000),
    conversation: conversationV2Schema.optional(),
  }),
  z.strictObject({ type: z.literal('heartbeat'), node: nodeInfoV2Schema.optional() }),
  parcelV2Schema(reportMessageV2Schema),
  ackV2Schema,
])
export type ComputeMessageV2 = z.infer<typeof computeMessageV2Schema>

export const orchestratorMessageV2Schema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('welcome'),
    membership: z.enum(['PENDING', 'APPROVED', 'REJECTED']),
    message: words,
    storeGeneration: id,
    conversation: conversationV2Schema.optional(),
  }),
  z.strictObject({ type: z.literal('heartbeat') }),
  parcelV2Schema(orderMessageV2Schema),
  ackV2Schema,
])
export type OrchestratorMessageV2 = z.infer<typeof orchestratorMessageV2Schema>
