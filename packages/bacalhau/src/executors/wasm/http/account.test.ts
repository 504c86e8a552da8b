import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RunEnded } from '../failure.ts'
import { createAccount } from './account.ts'

const ends = (action: () => void, message: RegExp) =>
  assert.throws(action, (error) => error instanceof RunEnded && message.test(error.message))

test('requests and bytes end the run when they are too many', () => {
  const account = createAccount({ requests: 2, bytes: 2_048 })
  account.request()
  account.request()
  account.bytes(2_000)
  account.bytes(48)
  ends(() => account.request(), /more than the 2 requests/)
  ends(() => account.bytes(1), /more than the 2 KiB/)
})
