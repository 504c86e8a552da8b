import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import path from 'node:path'
import { after, describe, test, type TestContext } from 'node:test'
import { type Clock, systemClock } from '../../runtime/clock.ts'
import { createVirtualClock } from '../../runtime/virtual-clock.ts'
import { forever, program } from './fixtures/module-builder.ts'
import { createModuleCache, type ModuleCache } from './module-cache.ts'
import { createThreadPool } from './pool.ts'
import { runOnThread } from './sandbox.ts'
import { type SandboxJob, SHARED_BYTES } from './thread.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'wasm-pool-'))
after(() => rmSync(folder, { recursive: true }))

const newPool = (t: TestContext, size: number, clock: Clock = systemClock) => {
  const pool = createThreadPool({ clock, size })
  t.after(() => pool.stop())
  return pool
}

const job = (name: string, module: Uint8Array, memoryPages = 10): SandboxJob => {
  writeFileSync(path.join(folder, name), module)
  return {
    kind: 'run',
    entryModule: '/main.wasm',
    entrypoint: '_start',
    parameters: [],
    importModules: [],
    environment: {},
    mounts: [{ hostPath: path.join(folder, name), guestPath: '/main.wasm', readOnly: true }],
    stdoutPath: path.join(folder, 'stdout'),
    stderrPath: path.join(folder, 'stderr'),
    stdinPath: undefined,
    limits: { memoryPages, output: 100, disk: 0, files: 0 },
    http: undefined,
    shared: new SharedArrayBuffer(SHARED_BYTES),
  }
}
const EMPTY = job('empty.wasm', program([]))
const hooks = (modules: ModuleCache = createModuleCache(1 << 20)) => ({ modules, onOutput: () => {} })

describe('the pool', () => {
  test('hands out a thread that waits, and a new one when none does', async (t) => {
    const pool = newPool(t, 1)
    const first = pool.take()
    const second = pool.take()
    assert.notEqual(first, second)
    pool.giveBack(first)
    assert.equal(pool.take(), first)
  })

  test('keeps threads beyond its size for a while, for more work to come', async (t) => {
    const clock = createVirtualClock()
    const pool = newPool(t, 1, clock)
    const [first, second] = [pool.take(), pool.take()]
    pool.giveBack(first)
    pool.giveBack(second)
    assert.equal(pool.take(), second)
    pool.giveBack(second)
    const gone = once(second, 'exit')
    await clock.advance(29_999)
    assert.equal(second.threadId > 0, true)
    await clock.advance(1)
    await gone
    assert.equal(pool.take(), first)
    assert.equal(clock.pending, 0)
  })

  test('ends threads at once that are too many even for that', async (t) => {
    const pool = newPool(t, 0)
    const threads = Array.from({ length: availableParallelism() + 1 }, () => pool.take())
    const last = threads.at(-1)
    assert.ok(last)
    const gone = once(last, 'exit')
    for (const thread of threads) pool.giveBack(thread)
    await gone
  })

  test('replaces a thread that had to be ended', async (t) => {
    const pool = newPool(t, 1)
    const bad = pool.take()
    const end = runOnThread(bad, job('endless.wasm', program(forever([]))), hooks())
    await pool.discard(bad)
    assert.deepEqual(await end, { kind: 'died', error: undefined })
    const next = pool.take()
    assert.notEqual(next, bad)
    assert.equal((await runOnThread(next, EMPTY, hooks())).kind, 'ended')
  })

  test('forgets a waiting thread that dies', async (t) => {
    const pool = newPool(t, 1)
    const thread = pool.take()
    pool.giveBack(thread)
    await thread.terminate()
    assert.notEqual(pool.take(), thread)
  })

  test('ends everything when it stops, and makes nothing new then', async (t) => {
    const pool = newPool(t, 2)
    const threads = [pool.take(), pool.take(), pool.take()]
    const gone = Promise.all(threads.map((thread) => once(thread, 'exit')))
    await pool.stop()
    await gone
  })
})

describe('a thread', () => {
  test('runs one job after another', async (t) => {
    const thread = newPool(t, 1).take()
    for (let count = 0; count < 3; count++) {
      const end = await runOnThread(thread, EMPTY, hooks())
      assert.deepEqual(end, { kind: 'ended', ending: { kind: 'exited', exitCode: 0 }, reusable: true })
    }
    assert.equal(thread.listenerCount('message'), 0)
  })

  test('says when it should not be used again', async (t) => {
    const pool = newPool(t, 1)
    const reusable = async (one: SandboxJob) => {
      const end = await runOnThread(pool.take(), one, hooks())
      return end.kind === 'ended' && end.reusable
    }
    assert.equal(await reusable(job('trap.wasm', program([0]))), false)
    assert.equal(
      await reusable(job('large.wasm', program([], { memory: { min: 1_100 } }), 2_000)),
      false,
      'too much garbage',
    )
    assert.equal(await reusable(job('broken.wasm', Uint8Array.of(1))), true, 'none of its code ran')
  })

  test('compiles a module once, and again for another limit', async (t) => {
    const kept = createModuleCache(1 << 20)
    const puts: string[] = []
    const modules: ModuleCache = {
      ...kept,
      put(key, module, bytes) {
        puts.push(key)
        kept.put(key, module, bytes)
      },
    }
    const pool = newPool(t, 1)
    const [one, two] = [pool.take(), pool.take()]
    await runOnThread(one, EMPTY, hooks(modules))
    await runOnThread(one, EMPTY, hooks(modules))
    await runOnThread(two, EMPTY, hooks(modules))
    assert.equal(puts.length, 1)
    await runOnThread(two, job('empty.wasm', program([]), 20), hooks(modules))
    assert.equal(new Set(puts).size, 2)
    assert.equal(readFileSync(EMPTY.stdoutPath, 'utf8'), '')
  })
})
