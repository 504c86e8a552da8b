import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { checkStore } from './backup.ts'
import { openSqliteStore } from './sqlite.ts'

const PROGRAM = path.join(import.meta.dirname, 'fixtures/committer.ts')

test('kill -9 again and again: every acknowledged unit is there, whole, and so is all before it', async (context) => {
  const folder = await mkdtemp(path.join(tmpdir(), 'bacalhau-kill-'))
  context.after(() => rm(folder, { recursive: true, force: true }))
  const file = path.join(folder, 'store.db')
  let acknowledged = 0
  for (const many of [1, 400, 40]) {
    acknowledged = await runAndKill(file, acknowledged, many)
    assert.ok(fs.statSync(`${file}-wal`).size > 0, 'it was not a clean end')
    assert.deepEqual(checkStore(file).problems, [])
    const store = openSqliteStore(file)
    const numbers = (await store.range('job', { limit: 1_000_000 })).map(({ key }) => Number(key))
    const last = numbers.length
    assert.deepEqual(
      numbers,
      Array.from({ length: last }, (_, index) => index + 1),
      'units keep their order',
    )
    assert.ok(last >= acknowledged, `${acknowledged} acknowledged, ${last} there`)
    assert.equal(await store.get('meta', 'last'), last, 'a unit is there as a whole')
    await store.stop()
    acknowledged = last
  }
})

test('a process that runs locks the store; one that was killed does not', async (context) => {
  const folder = await mkdtemp(path.join(tmpdir(), 'bacalhau-kill-'))
  context.after(() => rm(folder, { recursive: true, force: true }))
  const file = path.join(folder, 'store.db')
  await runAndKill(file, 0, 1, () => assert.throws(() => openSqliteStore(file), { code: 'Conflict' }))
  await openSqliteStore(file).stop()
})

/** Lets a process commit units from number `from` on, and kills it when it has acknowledged `many`; the last of those. */
async function runAndKill(file: string, from: number, many: number, meanwhile = () => {}): Promise<number> {
  const child = spawn(process.execPath, [PROGRAM, file, String(from)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'close')
  let text = ''
  let killed = false
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
    if (killed || text.split('\n').length <= many) return
    killed = true
    meanwhile()
    child.kill('SIGKILL')
  })
  assert.deepEqual(await ended, [null, 'SIGKILL'])
  return Number(text.split('\n').at(-2))
}
