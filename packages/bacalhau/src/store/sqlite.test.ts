import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, test } from 'node:test'
import type { BacalhauError } from '../runtime/error.ts'
import { storeCompliance } from './compliance.ts'
import { openSqliteStore } from './sqlite.ts'
import { put } from './store.ts'

let folder = ''
let counter = 0
const fresh = () => path.join(folder, `store-${counter++}.db`)
before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'bacalhau-store-'))
})
after(() => rm(folder, { recursive: true, force: true }))

const files = new WeakMap<object, string>()
const open = (file: string) => {
  const store = openSqliteStore(file)
  files.set(store, file)
  return store
}
storeCompliance(
  'the SQLite store',
  async () => open(fresh()),
  async (store) => open(files.get(store) ?? ''),
)

const failsWith = (code: string) => (error: BacalhauError) => error.code === code

test('commits are synced to disk: the file says so', async () => {
  const store = open(fresh())
  await store.stop()
  const database = new DatabaseSync(files.get(store) ?? '')
  assert.equal(database.prepare('PRAGMA journal_mode').get()?.['journal_mode'], 'wal')
  database.close()
})

test('a file that is no database is named, and left as it is', async () => {
  const file = fresh()
  await writeFile(file, 'not a database, but long enough to be taken for one '.repeat(40))
  assert.throws(() => openSqliteStore(file), failsWith('StoreCorrupt'))
  assert.match(await readFile(file, 'utf8'), /^not a database/)
})

test('a damaged page is noticed at start', async () => {
  const file = fresh()
  const store = open(file)
  await store.commit(Array.from({ length: 500 }, (_, index) => put('job', `job-${index}`, 'x'.repeat(200))))
  await store.stop()
  const bytes = await readFile(file)
  bytes.fill(0xff, 4096 * 12, 4096 * 20)
  await writeFile(file, bytes)
  assert.throws(() => openSqliteStore(file), failsWith('StoreCorrupt'))
})

test('a file of a newer program is refused', async () => {
  const file = fresh()
  await open(file).stop()
  const database = new DatabaseSync(file)
  database.exec('PRAGMA user_version = 99')
  database.close()
  assert.throws(() => openSqliteStore(file), /newer version/)
})

test('a folder that does not exist is a clear error', () => {
  assert.throws(() => openSqliteStore(path.join(folder, 'missing', 'x.db')), failsWith('DataDirUnusable'))
})

test('a full disk rejects the whole unit, reads go on, and smaller units still fit', async () => {
  const store = openSqliteStore(fresh(), { maxBytes: 256 * 1024 })
  await store.commit([put('job', 'a', 1)])
  const tooMuch = [put('job', 'b', 2), put('job', 'c', 'x'.repeat(1 << 20))]
  await assert.rejects(store.commit(tooMuch), failsWith('DiskFull'))
  assert.equal(await store.get('job', 'a'), 1)
  assert.equal(await store.get('job', 'b'), undefined)
  await store.commit([put('job', 'd', 4)])
  assert.equal(await store.get('job', 'd'), 4)
  await store.stop()
})
