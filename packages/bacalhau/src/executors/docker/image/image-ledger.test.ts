import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { silentLogger } from '../../../runtime/logger.ts'
import { createVirtualClock } from '../../../runtime/virtual-clock.ts'
import { createImageLedger } from './image-ledger.ts'

const DAY = 24 * 60 * 60_000

async function open(t: TestContext, keep = 3 * DAY) {
  const folder = await mkdtemp(path.join(tmpdir(), 'ledger-'))
  t.after(() => rm(folder, { recursive: true }))
  const clock = createVirtualClock()
  const file = path.join(folder, 'images.json')
  const removed: string[] = []
  const engine = { removeImage: async (name: string) => void removed.push(name) }
  const ledger = () => createImageLedger({ file, keep, clock, logger: silentLogger })
  return { clock, file, removed, engine, ledger }
}

describe('images that were fetched for jobs', () => {
  test('go when no job has used them for long; those that were there before stay', async (t) => {
    const { clock, removed, engine, ledger } = await open(t)
    const images = ledger()
    images.used('theirs:1', false)
    images.used('old:1', true)
    images.used('busy:1', true)
    await images.sweep(engine)
    await clock.advance(2 * DAY)
    images.used('busy:1', false)
    await images.sweep(engine)
    await clock.advance(2 * DAY)
    await images.sweep(engine)
    assert.deepEqual(removed, ['old:1'])
    await clock.advance(30 * DAY)
    await images.sweep(engine)
    assert.deepEqual(removed, ['old:1', 'busy:1'])
  })

  test('are known again after a restart', async (t) => {
    const { clock, removed, engine, ledger } = await open(t)
    const first = ledger()
    first.used('old:1', true)
    await first.sweep(engine)
    await clock.advance(4 * DAY)
    await ledger().sweep(engine)
    assert.deepEqual(removed, ['old:1'])
  })

  test('are looked at once an hour, and soon after one was fetched', async (t) => {
    const { clock, file, engine, ledger } = await open(t)
    const images = ledger()
    await images.sweep(engine)
    images.used('new:1', true)
    await images.sweep(engine)
    assert.match(await readFile(file, 'utf8'), /new:1/)
    await writeFile(file, '{}')
    images.used('new:1', false)
    await images.sweep(engine)
    assert.equal(await readFile(file, 'utf8'), '{}', 'not yet')
    await clock.advance(60 * 60_000)
    await images.sweep(engine)
    assert.match(await readFile(file, 'utf8'), /new:1/)
  })

  test('stay where the operator keeps all, when the list is damaged, and when the engine fails', async (t) => {
    const all = await open(t, 0)
    const keeper = all.ledger()
    keeper.used('a:1', true)
    await keeper.sweep(all.engine)
    await all.clock.advance(1_000 * DAY)
    await keeper.sweep(all.engine)
    assert.deepEqual(all.removed, [])

    const damaged = await open(t)
    await writeFile(damaged.file, '{"a:1":"yesterday"}')
    await damaged.ledger().sweep(damaged.engine)
    assert.deepEqual(damaged.removed, [])

    const failing = await open(t)
    const images = failing.ledger()
    images.used('a:1', true)
    await images.sweep(failing.engine)
    await failing.clock.advance(4 * DAY)
    await images.sweep({ removeImage: () => Promise.reject(new Error('gone')) })
    await failing.clock.advance(1 * DAY)
    await images.sweep(failing.engine)
    assert.deepEqual(failing.removed, ['a:1'])
  })
})
