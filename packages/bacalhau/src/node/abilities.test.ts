import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createNoopExecutor } from '../executors/noop/executor.ts'
import { createVirtualClock } from '../runtime/virtual-clock.ts'
import { trackAbilities } from './abilities.ts'

function bench() {
  const clock = createVirtualClock()
  const engine = { usable: false, asked: 0 }
  const docker = Object.assign(createNoopExecutor({ clock }), {
    engine: 'docker',
    available: async () => {
      engine.asked += 1
      return engine.usable
    },
  })
  const capabilities = { executors: [createNoopExecutor({ clock }), docker], sources: [], publishers: [] }
  let changes = 0
  const track = () => trackAbilities(capabilities, clock, () => (changes += 1))
  return { clock, engine, track, changes: () => changes }
}

test('point 20: an engine that is started or stopped after the node is noticed, and told once', async () => {
  const { clock, engine, track, changes } = bench()
  const abilities = await track()
  assert.deepEqual(abilities.current().engines, ['noop'])
  engine.usable = true
  await clock.advance(30_000)
  assert.deepEqual([abilities.current().engines, changes()], [['noop', 'docker'], 1])
  await clock.advance(60_000)
  engine.usable = false
  await clock.advance(30_000)
  assert.deepEqual([abilities.current().engines, changes()], [['noop'], 2])
})

test('point 32: whoever reads the description asks nobody; the node asks now and then, until it stops', async () => {
  const { clock, engine, track } = bench()
  const abilities = await track()
  for (let reads = 0; reads < 100; reads++) abilities.current()
  assert.equal(engine.asked, 1)
  await clock.advance(90_000)
  assert.equal(engine.asked, 4)
  abilities.stop()
  await clock.advance(90_000)
  assert.deepEqual([engine.asked, clock.pending], [4, 0])
})
