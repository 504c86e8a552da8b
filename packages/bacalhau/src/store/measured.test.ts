import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createMeter, type Meter } from '../runtime/meter.ts'
import { BacalhauError } from '../runtime/error.ts'
import { systemClock } from '../runtime/clock.ts'
import { storeCompliance } from './compliance.ts'
import { measuredStore } from './measured.ts'
import { createMemoryStore } from './memory.ts'
import { put, type Store } from './store.ts'

const valueOf = (meter: Meter, name: string): unknown => {
  const metric = meter.read().find((one) => one.name === name)
  if (metric?.kind === 'histogram') return [...metric.distributions].map(({ count, sum }) => [count, sum])
  return metric === undefined ? undefined : [...metric.samples].map(({ value }) => value)
}

storeCompliance('a measured store', async () => measuredStore(createMemoryStore(), createMeter(), systemClock))

describe('a measured store', () => {
  test('counts what is written and how long it takes', async () => {
    const meter = createMeter()
    let now = 0
    const memory = createMemoryStore()
    const slow = {
      ...memory,
      commit(...args: Parameters<typeof memory.commit>) {
        now += 40
        return memory.commit(...args)
      },
    }
    const store = measuredStore(slow, meter, { monotonic: () => now })
    await store.commit([put('meta', 'a', 1), put('meta', 'b', 1)])
    await store.commit([put('meta', 'c', 1)])
    assert.deepEqual(valueOf(meter, 'bacalhau_store_writes_total'), [3])
    assert.deepEqual(valueOf(meter, 'bacalhau_store_commit_duration_seconds'), [[2, 0.08]])
  })

  test('counts what could not be written, and says why', async () => {
    const meter = createMeter()
    const full: Store = {
      ...createMemoryStore(),
      commit: () => Promise.reject(new BacalhauError('DiskFull', 'full')),
    }
    const store = measuredStore(full, meter, systemClock)
    assert.equal(store.trouble, undefined)
    await assert.rejects(store.commit([]), { code: 'DiskFull' })
    assert.equal(store.trouble, 'full')
    full.commit = () => Promise.resolve()
    await store.commit([])
    assert.equal(store.trouble, undefined)
    assert.deepEqual(valueOf(meter, 'bacalhau_store_commit_failures_total'), [1])
    assert.deepEqual(valueOf(meter, 'bacalhau_store_writes_total'), [0])
  })
})
