import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test, type TestContext } from 'node:test'
import { openNodeFolder } from '../../node/node-folder.ts'
import { loadFacts } from '../../node/node-facts.ts'
import { systemRandom } from '../../runtime/random.ts'
import { openSqliteStore } from '../../store/sqlite.ts'
import { put } from '../../store/store.ts'
import { recordedIo } from '../fixtures/recorded-io.ts'
import { runProgram } from '../program.ts'

/** A data folder with the store of a node on port 7, and the program pointed at both. */
async function createWorld(context: TestContext) {
  const folder = await mkdtemp(path.join(tmpdir(), 'bacalhau-cli-store-'))
  context.after(() => rm(folder, { recursive: true, force: true }))
  const data = path.join(folder, 'data')
  await mkdir(data)
  const { store: file } = await openNodeFolder(data, 7)
  const open = () => {
    const store = openSqliteStore(file)
    context.after(() => store.stop())
    return store
  }
  const run = async (...argv: string[]) => {
    const io = recordedIo({ env: { BACALHAU_PATH: data }, cwd: folder })
    const code = await runProgram(['store', ...argv, '--swarm-port', '7'], io, new AbortController().signal)
    return { code, out: io.outText(), err: io.errText() }
  }
  return { folder, file, open, run }
}

test('a store is backed up while it is used, changed, and restored as another store', async (context) => {
  const { folder, file, open, run } = await createWorld(context)
  const store = open()
  const facts = await loadFacts(store, systemRandom)
  await store.commit([put('job', 'a', 'before')])
  const saved = await run('backup', 'saved.db')
  assert.deepEqual([saved.code, saved.err], [0, ''])
  assert.match(saved.out, /saved\.db: 3 rows, .* kB\.\n$/)
  await store.commit([put('job', 'a', 'after')])

  const refused = await run('restore', 'saved.db')
  assert.equal(refused.code, 1)
  assert.match(refused.err, /^Error: Another process uses the store .*\nHint: {2}Stop the other node first/)
  await store.stop()

  const restored = await run('restore', path.join(folder, 'saved.db'), '--output', 'json')
  assert.deepEqual([restored.code, restored.err], [0, ''])
  const { Store, Former } = JSON.parse(restored.out)
  assert.equal(Store, file)
  assert.match(Former, /store\.db\.replaced-[0-9a-f]{8}$/)
  const again = open()
  assert.equal(await again.get('job', 'a'), 'before')
  const now = await loadFacts(again, systemRandom)
  assert.equal(now.joinToken, facts.joinToken)
  assert.notEqual(now.storeGeneration, facts.storeGeneration)
})

test('a check says whether a store is sound, and what is wrong', async (context) => {
  const { file, open, run } = await createWorld(context)
  const missing = await run('check')
  assert.equal(missing.code, 1)
  assert.match(missing.err, /There is no store at .*store\.db\.\nHint:/)
  await open().stop()
  assert.match((await run('check')).out, /store\.db is sound: 0 rows/)
  const bytes = await readFile(file)
  bytes.fill(0xff, 4096 * 2, 4096 * 4)
  await writeFile(file, bytes)
  const damaged = await run('check')
  assert.equal(damaged.code, 1)
  assert.match(damaged.out, /is damaged:\n {2}\S/)
})

test('a back-up replaces nothing', async (context) => {
  const { folder, open, run } = await createWorld(context)
  await open().stop()
  await writeFile(path.join(folder, 'x'), 'precious')
  const { code, err } = await run('backup', 'x')
  assert.equal(code, 1)
  assert.match(err, /x exists already/)
  assert.equal(await readFile(path.join(folder, 'x'), 'utf8'), 'precious')
})
