import assert from 'node:assert/strict'
import { mkdir, readdir } from 'node:fs/promises'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { LIMITS } from '../runtime/limits.ts'
import { createVirtualClock } from '../runtime/virtual-clock.ts'
import { tempFolder } from './fixtures/bench.ts'
import { createRetention } from './retention.ts'

async function bench(t: TestContext) {
  const folder = await tempFolder(t)
  const clock = createVirtualClock()
  const retention = createRetention(clock, folder)
  const end = async (id: string) => {
    await mkdir(path.join(folder, id))
    retention.keep(id, 'QmOwner')
  }
  return { folder, clock, retention, end }
}

test('output is kept for its time, each from its own end on', async (t) => {
  const { folder, clock, retention, end } = await bench(t)
  await end('e-1')
  await clock.advance(1_000)
  await end('e-2')
  await clock.advance(LIMITS.outputRetention - 1_000)
  assert.deepEqual([retention.owner('e-1'), retention.owner('e-2')], [undefined, 'QmOwner'])
  await clock.advance(1_000)
  assert.equal(retention.owner('e-2'), undefined)
  await end('e-3')
  assert.equal(retention.owner('e-3'), 'QmOwner')
  await retention.stop()
  assert.deepEqual([await readdir(folder), clock.pending], [['e-3'], 0])
})

test('of very many only the newest are kept', async (t) => {
  const { folder, clock, retention, end } = await bench(t)
  for (let index = 0; index < LIMITS.outputsKept + 5; index++) await end(`e-${index}`)
  assert.deepEqual([retention.owner('e-4'), retention.owner('e-5')], [undefined, 'QmOwner'])
  assert.equal(clock.pending, 1)
  await retention.stop()
  assert.equal((await readdir(folder)).length, LIMITS.outputsKept)
})

test('what is gone already is no fault', async (t) => {
  const { clock, retention } = await bench(t)
  retention.keep('e-never-made', 'QmOwner')
  await clock.advance(LIMITS.outputRetention)
  assert.equal(retention.owner('e-never-made'), undefined)
  await retention.stop()
})
