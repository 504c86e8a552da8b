import assert from 'node:assert/strict'
import fs from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test, type TestContext } from 'node:test'
import { backupStore, checkStore, restoreStore } from './backup.ts'
import { openSqliteStore } from './sqlite.ts'
import { put } from './store.ts'

async function createWorld(context: TestContext) {
  const folder = await mkdtemp(path.join(tmpdir(), 'bacalhau-backup-'))
  context.after(() => rm(folder, { recursive: true, force: true }))
  const at = (name: string) => path.join(folder, name)
  const file = at('store.db')
  const store = openSqliteStore(file)
  context.after(() => store.stop())
  await store.commit([put('meta', 'store-generation', 'g'), put('job', 'a', 1)])
  return { at, file, store, names: () => fs.readdirSync(folder).toSorted() }
}

/** Makes a page in the middle of the file unreadable. */
function damage(file: string): void {
  const bytes = fs.readFileSync(file)
  bytes.fill(0xff, 4096 * 3, 4096 * 5)
  fs.writeFileSync(file, bytes)
}

test('a back-up of a running node has what is committed, and the node goes on', async (context) => {
  const { at, file, store } = await createWorld(context)
  const report = backupStore(file, at('backup.db'))
  assert.deepEqual([report.rows, report.problems], [2, []])
  await store.commit([put('job', 'b', 2)])
  await store.stop()
  const copy = openSqliteStore(at('backup.db'))
  assert.deepEqual([await copy.get('job', 'a'), await copy.get('job', 'b')], [1, undefined])
  await copy.stop()
  const again = openSqliteStore(file)
  assert.equal(await again.get('job', 'b'), 2)
  await again.stop()
})

test('a back-up is for its owner only, leaves nothing else behind, and replaces nothing', async (context) => {
  const { at, file, names } = await createWorld(context)
  const before = names()
  backupStore(file, at('backup.db'))
  assert.deepEqual(names(), [...before, 'backup.db'].toSorted())
  if (process.platform !== 'win32') assert.equal(fs.statSync(at('backup.db')).mode & 0o777, 0o600)
  fs.writeFileSync(at('other'), 'precious')
  assert.throws(() => backupStore(file, at('other')), { code: 'Conflict' })
  assert.equal(fs.readFileSync(at('other'), 'utf8'), 'precious')
})

test('a back-up to a folder that is not there, or of a store that is not there, says so', async (context) => {
  const { at, file, names } = await createWorld(context)
  const before = names()
  assert.throws(() => backupStore(file, at('missing/backup.db')), { code: 'DataDirUnusable' })
  assert.throws(() => backupStore(at('none.db'), at('backup.db')), { code: 'NotFound' })
  assert.throws(() => checkStore(at('none.db')), { code: 'NotFound' })
  assert.deepEqual(names(), before)
})

test('a check finds what is damaged and changes nothing; a damaged store makes no back-up', async (context) => {
  const { at, file, store, names } = await createWorld(context)
  assert.deepEqual(checkStore(file).problems, [])
  await store.stop()
  damage(file)
  const before = fs.readFileSync(file)
  assert.notDeepEqual(checkStore(file).problems, [])
  assert.throws(() => backupStore(file, at('backup.db')), { code: 'StoreCorrupt' })
  assert.deepEqual(fs.readFileSync(file), before)
  assert.equal(names().includes('backup.db'), false)
})

test('a restored store is the back-up without what it is to forget; the former one is kept', async (context) => {
  const { at, file, store } = await createWorld(context)
  backupStore(file, at('backup.db'))
  await store.commit([put('job', 'b', 2)])
  await store.stop()
  const { report, former } = restoreStore(at('backup.db'), file, [['meta', 'store-generation']])
  assert.equal(report.rows, 1)
  const read = async (name: string) => {
    const opened = openSqliteStore(name)
    const found = await Promise.all([
      opened.get('meta', 'store-generation'),
      opened.get('job', 'a'),
      opened.get('job', 'b'),
    ])
    await opened.stop()
    return found
  }
  assert.deepEqual(await read(file), [undefined, 1, undefined])
  assert.deepEqual(await read(former ?? ''), ['g', 1, 2])
})

test('the log of a node that died does not meet the restored store', async (context) => {
  const { at, file, store } = await createWorld(context)
  backupStore(file, at('backup.db'))
  await store.commit([put('job', 'b', 2)])
  // The files as `kill -9` leaves them.
  const dead = at('dead.db')
  for (const suffix of ['', '-wal']) fs.copyFileSync(file + suffix, dead + suffix)
  const { former } = restoreStore(at('backup.db'), dead, [])
  assert.equal(fs.existsSync(`${dead}-wal`), false)
  const restored = openSqliteStore(dead)
  assert.equal(await restored.get('job', 'b'), undefined)
  await restored.stop()
  const kept = openSqliteStore(former ?? '')
  assert.equal(await kept.get('job', 'b'), 2)
  await kept.stop()
})

test('a store is restored where none was, or where only rubble is left', async (context) => {
  const { at, file } = await createWorld(context)
  backupStore(file, at('backup.db'))
  assert.equal(restoreStore(at('backup.db'), at('new.db'), []).former, undefined)
  fs.writeFileSync(at('rubble.db'), 'rubble')
  const { former } = restoreStore(at('backup.db'), at('rubble.db'), [])
  assert.equal(fs.readFileSync(former ?? '', 'utf8'), 'rubble')
  for (const name of ['new.db', 'rubble.db']) assert.deepEqual(checkStore(at(name)).problems, [])
})

test('nothing is restored while a node runs, from a damaged file, or from one that is no store', async (context) => {
  const { at, file, store, names } = await createWorld(context)
  backupStore(file, at('backup.db'))
  assert.throws(() => restoreStore(at('backup.db'), file, []), { code: 'Conflict' })
  await store.stop()
  damage(at('backup.db'))
  fs.writeFileSync(at('text'), 'no database '.repeat(100))
  fs.writeFileSync(at('empty'), '')
  const before = names()
  for (const source of ['backup.db', 'text', 'empty']) {
    assert.throws(() => restoreStore(at(source), file, []), { code: 'StoreCorrupt' }, source)
  }
  assert.throws(() => restoreStore(at('none'), file, []), { code: 'NotFound' })
  assert.deepEqual(
    names().filter((name) => !/-(wal|shm)$/.test(name)),
    before,
  )
  const same = openSqliteStore(file)
  assert.equal(await same.get('job', 'a'), 1)
  await same.stop()
})
