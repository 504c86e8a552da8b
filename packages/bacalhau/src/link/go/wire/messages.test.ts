import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { z } from 'zod'
import { allRecordings, type Recorded, textOf } from '../fixtures/recordings.ts'
import { encodeGo, goObject, goText } from './go-json.ts'
import {
  askForBidSchema,
  bidAcceptedSchema,
  executionLogsSchema,
  executionResponseSchema,
  logEntrySchema,
  onBidCompleteSchema,
  onCancelCompleteSchema,
  onComputeFailureSchema,
  onRunCompleteSchema,
  orderSchema,
} from './messages.ts'
import { onPublishCompleteSchema } from './messages-b.ts'
import { GO_PROTOCOLS as P } from './protocols.ts'

const REQUESTS: Readonly<Record<string, z.ZodType>> = {
  [P.askForBid]: askForBidSchema,
  [P.bidAccepted]: bidAcceptedSchema,
  [P.bidRejected]: orderSchema,
  [P.cancel]: orderSchema,
  [P.resultAccepted]: orderSchema,
  [P.executionLogs]: executionLogsSchema,
  [P.onBidComplete]: onBidCompleteSchema,
  [P.onRunComplete]: onRunCompleteSchema,
  [P.onPublishComplete]: onPublishCompleteSchema,
  [P.onCancelComplete]: onCancelCompleteSchema,
  [P.onComputeFailure]: onComputeFailureSchema,
}

function schemaOf({ kind, protocol = '' }: Recorded): z.ZodType {
  if (kind === 'response') return goObject({ Response: executionResponseSchema, Error: goText })
  if (kind === 'logframe') return logEntrySchema
  const schema = REQUESTS[protocol]
  assert.ok(schema, `there is a schema for ${protocol}`)
  return schema
}

/** What `value` says, as far as `read` has it: names in any case, and what is not there as nothing. */
function assertRead(value: unknown, read: unknown, at: string): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return
  for (const [key, item] of Object.entries(value)) {
    if (typeof read !== 'object' || read === null) return
    const found = Object.entries(read).find(([name]) => name.toLowerCase() === key.toLowerCase())
    if (found === undefined) continue
    if (typeof item === 'object') assertRead(item, found[1], `${at}.${key}`)
    else assert.deepEqual(found[1], item, `${at}.${key}`)
  }
}

/** Nanoseconds do not survive a reader of JavaScript. */
const isExact = (text: string): boolean => !/:\d{16,}/.test(text)

describe('recorded messages', () => {
  const all = allRecordings().flatMap(({ name, messages }) => messages.map((message) => ({ name, message })))

  test('are all read, on either side, with what they say', () => {
    assert.ok(all.length > 100)
    for (const { name, message } of all) {
      const read = schemaOf(message).parse(message.json)
      assertRead(message.json, read, `${name} ${message.protocol ?? ''}`)
    }
  })

  test('of Go are written again byte for byte', () => {
    const written = all.map(({ message }) => message).filter(({ raw }) => raw !== undefined && isExact(raw))
    assert.ok(written.length > 40)
    for (const message of written)
      assert.equal(encodeGo(JSON.parse(textOf(message)) as object).toString(), textOf(message))
  })
})
