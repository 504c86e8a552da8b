// A short torture; `npm run torture` is the long one.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { torture } from './torture/torture.ts'

for (const mode of ['swarm', 'single'] as const) {
  test(`kill -9 under load loses and doubles nothing: ${mode}`, { timeout: 120_000 }, async () => {
    const { violations, kills } = await torture({ mode, rounds: 3, seed: 1, patience: 60_000 })
    assert.deepEqual(violations, [])
    assert.ok(kills >= 3)
  })
}
