import assert from 'node:assert/strict'
import { mkdir, readdir } from 'node:fs/promises'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { LIMITS } from '../runtime/limits.ts'
import { createVirtualClock } from '../runtime/virtual-clock.ts'
import { OWNER, tempFolder } from './fixtures/bench.ts'
import { createRetention } from './retention.ts'

async function bench(t: TestContext) {
  const folder = await tempFolder(t)
  const clock = createVirtualClock()
  const retention = createRetention(clock, folder)
  const end = async (id: string) => {
    await mkdir(path.join(folder, OWNER, id), { recursive: true })
    retention.keep({ executionId: id, orchestrator: OWNER })
  }
  return { folder, clock, retention, end }
}

test('output is kept for its time, each from its own end on', async (t) => {
  const { folder, clock, retention, end } = await bench(t)
  await end('e-1')
  await clock.advance(1_000)
  await end('e-2')
  await clock.advance(LIMITS.outputRetention - 1_000)
  assert.deepEqual([retention.owner('e-1'), retention.owner('e-2')], [undefined, OWNER])
  await clock.advance(1_000)
  assert.equal(retention.owner('e-2'), undefined)
  await end('e-3')
  assert.equal(retention.owner('e-3'), OWNER)
  await retention.stop()
  assert.deepEqual([await readdir(path.join(folder, OWNER)), clock.pending], [['e-3'], 0])
})

test('what ended before a restart has its time from then on, whatever the wall clock says', async (t) => {
  const { clock, retention } = await bench(t)
  retention.keep({ executionId: 'e-old', orchestrator: OWNER }, LIMITS.outputRetention - 10)
  retention.keep({ executionId: 'e-future', orchestrator: OWNER }, -1e9)
  await clock.advance(10)
  assert.deepEqual([retention.owner('e-old'), retention.owner('e-future')], [undefined, OWNER])
  await clock.advance(LIMITS.outputRetention - 10)
  assert.equal(retention.owner('e-future'), undefined)
  await retention.stop()
})

test('point 27: of very many only the newest are kept', async (t) => {
  const { folder, clock, retention, end } = await bench(t)
  for (let index = 0; index < LIMITS.outputsKept + 5; index++) await end(`e-${index}`)
  assert.deepEqual([retention.owner('e-4'), retention.owner('e-5')], [undefined, OWNER])
  assert.equal(clock.pending, 1)
  await retention.stop()
  assert.equal((await readdir(path.join(folder, OWNER))).length, LIMITS.outputsKept)
})

test('of what left nothing nothing is removed, and its owner can read as nothing', async (t) => {
  const { folder, clock, retention, end } = await bench(t)
  await end('e-silent')
  retention.weigh('e-silent', 0)
  assert.equal(retention.owner('e-silent'), OWNER)
  await clock.advance(LIMITS.outputRetention)
  await retention.stop()
  // It is still here, because nobody looks for it: in truth it went when it was weighed.
  assert.deepEqual([retention.owner('e-silent'), await readdir(path.join(folder, OWNER))], [undefined, ['e-silent']])
})

test('what is gone already is no fault', async (t) => {
  const { clock, retention } = await bench(t)
  retention.keep({ executionId: 'e-never-made', orchestrator: OWNER })
  await clock.advance(LIMITS.outputRetention)
  assert.equal(retention.owner('e-never-made'), undefined)
  await retention.stop()
})

test('of very large ones only the newest are kept, and of one that ran again only the last', async (t) => {
  const { retention, end } = await bench(t)
  const third = LIMITS.outputBytesKept / 3
  for (const id of ['e-1', 'e-2', 'e-3']) {
    await end(id)
    retention.weigh(id, third)
  }
  assert.equal(retention.owner('e-1'), OWNER)
  await end('e-1')
  retention.weigh('e-1', third)
  assert.equal(retention.owner('e-2'), OWNER)
  await end('e-4')
  retention.weigh('e-4', 10)
  // The first one is the youngest but one by now.
  assert.deepEqual(
    ['e-1', 'e-2', 'e-3', 'e-4'].map((id) => retention.owner(id)),
    [OWNER, undefined, OWNER, OWNER],
  )
  retention.weigh('e-unknown', LIMITS.outputBytesKept)
  assert.equal(retention.owner('e-3'), OWNER)
  await retention.stop()
})

test('for a disk that is nearly full the older half goes, and at last everything', async (t) => {
  const { folder, clock, retention, end } = await bench(t)
  for (const id of ['e-1', 'e-2', 'e-3']) await end(id)
  retention.relieve()
  assert.deepEqual(
    ['e-1', 'e-2', 'e-3'].map((id) => retention.owner(id)),
    [undefined, undefined, OWNER],
  )
  retention.relieve()
  retention.relieve()
  await retention.stop()
  assert.deepEqual([await readdir(path.join(folder, OWNER)), clock.pending], [[], 0])
})

test('the time may be another one', async (t) => {
  const clock = createVirtualClock()
  const retention = createRetention(clock, await tempFolder(t), 500)
  retention.keep({ executionId: 'e-1', orchestrator: OWNER })
  await clock.advance(499)
  assert.equal(retention.owner('e-1'), OWNER)
  await clock.advance(1)
  assert.equal(retention.owner('e-1'), undefined)
  await retention.stop()
})
