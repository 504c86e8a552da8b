import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../runtime/clock.ts'
import { executorCompliance } from '../compliance.ts'
import { createNoopExecutor } from './executor.ts'

executorCompliance({
  engine: 'noop',
  create: () => createNoopExecutor({ clock: systemClock }),
  succeed: { params: {} },
  endless: { params: { DelayMs: 1e9 } },
  invalid: { DelayMs: 'soon' },
})

test('a job without a delay is done at once, one with a delay is not, a wrong one never', async () => {
  const executor = createNoopExecutor({ clock: systemClock })
  assert.deepEqual(executor.runAtOnce?.({ DelayMs: 0, Whatever: 1 }), { kind: 'exited', exitCode: 0 })
  for (const DelayMs of [1, -1, '0', NaN, Infinity]) assert.equal(executor.runAtOnce?.({ DelayMs }), undefined)
  for (const DelayMs of [-1, '0', NaN, Infinity, null]) assert.throws(() => executor.validate({ DelayMs }), /DelayMs/)
  await executor.stop()
  assert.equal(executor.runAtOnce?.({}), undefined)
})
