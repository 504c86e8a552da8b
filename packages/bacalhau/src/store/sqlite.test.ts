import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { createVirtualClock, settle } from '../runtime/virtual-clock.ts'
import { createCheckpointThread } from './checkpoint-thread.ts'
import { storeCompliance } from './compliance.ts'
import { openSqliteStore, type SqliteOptions } from './sqlite.ts'
import { put, TABLES } from './store.ts'

let folder = ''
let counter = 0
const fresh = () => path.join(folder, `store-${counter++}.db`)
before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'bacalhau-store-'))
})
after(() => rm(folder, { recursive: true, force: true }))

const files = new WeakMap<object, string>()
const open = (file: string, options: SqliteOptions = {}) => {
  const store = openSqliteStore(file, options)
  files.set(store, file)
  return store
}
storeCompliance(
  'the SQLite store',
  async () => open(fresh()),
  async (store) => open(files.get(store) ?? ''),
)

const row = (key: string, bytes = 200) => put('job', key, 'x'.repeat(bytes))
const rows = (count: number) => Array.from({ length: count }, (_, index) => row(`job-${index}`))

describe('opening', () => {
  test('a file that is no database is named, and left as it is', async () => {
    const file = fresh()
    await writeFile(file, 'not a database, but long enough to be taken for one '.repeat(40))
    assert.throws(() => open(file), { code: 'StoreCorrupt', hint: /store restore/ })
    assert.match(await readFile(file, 'utf8'), /^not a database/)
  })

  test('a damaged page is noticed', async () => {
    const file = fresh()
    const store = open(file)
    await store.commit(rows(500))
    await store.stop()
    const bytes = await readFile(file)
    bytes.fill(0xff, 4096 * 20, 4096 * 28)
    await writeFile(file, bytes)
    assert.throws(() => open(file), { code: 'StoreCorrupt' })
  })

  test('a file of a newer program is refused', async () => {
    const file = fresh()
    await open(file).stop()
    const database = new DatabaseSync(file)
    database.exec('PRAGMA user_version = 99')
    database.close()
    assert.throws(() => open(file), /newer version/)
  })

  test('a file of the first layout keeps its rows and gets the new tables', async () => {
    const file = fresh()
    const database = new DatabaseSync(file)
    const first = ['meta', 'job', 'job-open', 'job-by-time', 'job-by-name', 'execution', 'history', 'held', 'pin']
    for (const table of first) {
      database.exec(`CREATE TABLE "${table}" (key TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL) WITHOUT ROWID`)
    }
    database.exec(`INSERT INTO job VALUES ('a', '{"b":1}'); PRAGMA user_version = 1`)
    database.close()
    const store = open(file)
    assert.deepEqual(await store.get('job', 'a'), { b: 1 })
    await store.commit(TABLES.map((table) => put(table, 'new', table)))
    for (const table of TABLES) assert.equal(await store.get(table, 'new'), table)
    await store.stop()
  })

  test('a folder that does not exist, or a folder in the place of the file, is a clear error', async () => {
    assert.throws(() => open(path.join(folder, 'missing', 'x.db')), { code: 'DataDirUnusable' })
    const file = fresh()
    fs.mkdirSync(file)
    assert.throws(() => open(file), { code: 'DataDirUnusable' })
  })

  test('a store that is open cannot be opened again; when it is closed it can', async () => {
    const file = fresh()
    const store = open(file)
    assert.throws(() => open(file), { code: 'Conflict', message: /Another process uses the store/ })
    await store.commit([row('a')])
    await store.stop()
    const again = open(file)
    assert.notEqual(await again.get('job', 'a'), undefined)
    await again.stop()
  })

  test('a failed start leaves nothing locked', async () => {
    const file = fresh()
    await writeFile(file, 'no database'.repeat(100))
    assert.throws(() => open(file), { code: 'StoreCorrupt' })
    await rm(file)
    await open(file).stop()
  })
})

describe('the disk', () => {
  const later = () => {
    const waiting: { resolve: () => void; reject: (error: Error) => void }[] = []
    const sync = () => new Promise<void>((resolve, reject) => waiting.push({ resolve, reject }))
    return { waiting, sync }
  }
  const turns = async () => {
    for (let turn = 0; turn < 5; turn++) await settle()
  }

  test('nobody hears of a unit, and nobody sees it, before the sync that covers it has ended', async () => {
    const { waiting, sync } = later()
    const store = open(fresh(), { sync })
    const log: string[] = []
    void store.commit([row('a', 1)]).then(() => log.push('a'))
    await turns()
    void store.commit([row('b', 1)]).then(() => log.push('b'))
    await turns()
    void store.get('job', 'b').then((value) => log.push(`read ${String(value)}`))
    await turns()
    assert.deepEqual([log, waiting.length], [[], 1])
    waiting[0]?.resolve()
    await turns()
    assert.deepEqual([log, waiting.length], [['a'], 2])
    waiting[1]?.resolve()
    await turns()
    assert.deepEqual(log, ['a', 'b', 'read x'])
    await store.stop()
  })

  test('a sync that fails breaks the store for good; what was acknowledged is there after a restart', async () => {
    const file = fresh()
    let works = true
    const store = open(file, { sync: () => (works ? Promise.resolve() : Promise.reject(new Error('EIO: i/o error'))) })
    await store.commit([row('kept')])
    works = false
    const broken = { code: 'StoreCorrupt', message: /did not keep what was written: EIO/ }
    const lost = store.commit([row('lost')])
    await assert.rejects(lost, broken)
    works = true
    await assert.rejects(store.commit([row('later')]), broken)
    await assert.rejects(store.get('job', 'kept'), broken)
    await assert.rejects(store.range('job', { limit: 1 }), broken)
    await store.stop()
    const again = open(file)
    assert.notEqual(await again.get('job', 'kept'), undefined)
    assert.equal(await again.get('job', 'later'), undefined)
    await again.stop()
  })

  test('a full disk rejects the whole unit, reads go on, and smaller units still fit, also those of the same turn', async () => {
    const store = open(fresh(), { maxBytes: 256 * 1024 })
    await store.commit([put('job', 'a', 1)])
    const tooMuch = store.commit([put('job', 'b', 2), row('c', 1 << 20)])
    const small = store.commit([put('job', 'd', 4)])
    await assert.rejects(tooMuch, { code: 'DiskFull' })
    await small
    assert.deepEqual(
      (await store.range('job', { limit: 9 })).map(({ key }) => key),
      ['a', 'd'],
    )
    await store.stop()
  })

  test('a full disk takes units again when there is room', async () => {
    const store = open(fresh(), { maxBytes: 256 * 1024 })
    const [some, more] = [row('a', 120_000), row('b', 120_000)]
    await store.commit([some])
    await assert.rejects(store.commit([more]), { code: 'DiskFull' })
    await store.commit([{ op: 'delete', table: 'job', key: 'a' }])
    await store.commit([more])
    assert.deepEqual(
      (await store.range('job', { limit: 9 })).map(({ key }) => key),
      ['b'],
    )
    await store.stop()
  })
})

describe('the log', () => {
  const walLimit = 256 * 1024
  const fill = async (store: ReturnType<typeof open>, units: number) => {
    for (let unit = 0; unit < units; unit++) {
      await store.commit(Array.from({ length: 20 }, (_, index) => row(`job-${unit % 50}-${index}`, 1_000)))
    }
  }

  test('begins anew again and again while units are written, and nothing is lost on the way', async () => {
    const file = fresh()
    const store = open(file, { walLimit })
    // How often it has begun anew stands in its head: https://sqlite.org/fileformat2.html#walformat
    const beginnings = () => fs.readFileSync(`${file}-wal`).readUInt32BE(12)
    const first = beginnings()
    for (let round = 0; round < 1_000 && beginnings() < first + 4; round++) await fill(store, 50)
    assert.ok(beginnings() >= first + 4)
    await store.stop()
    assert.equal(fs.existsSync(`${file}-wal`), false, 'a clean stop leaves no log')
    const again = open(file)
    assert.equal((await again.range('job', { limit: 5_000 })).length, 1_000)
    await again.stop()
  })

  test('is not trusted to a database that the disk has not kept', async () => {
    const file = fresh()
    const syncData = promisify(fs.fdatasync)
    let log: number | undefined
    const sync = (descriptor: number) => {
      log ??= descriptor
      return descriptor === log ? syncData(descriptor) : Promise.reject(new Error('EIO'))
    }
    const store = open(file, { walLimit, sync })
    await assert.rejects(fill(store, 100_000), { code: 'StoreCorrupt' })
    await store.stop()
  })

  test('is moved by a thread that ends when there is nothing to do', async () => {
    const file = fresh()
    const clock = createVirtualClock()
    const store = open(file)
    await store.commit(rows(100))
    const thread = createCheckpointThread(file, clock)
    assert.ok(Number(await thread.checkpoint()) > 0)
    assert.equal(clock.pending, 1)
    assert.ok(Number(await thread.checkpoint()) > 0)
    await clock.advance(10_000)
    assert.equal(clock.pending, 0)
    assert.ok(Number(await thread.checkpoint()) > 0, 'a new one')
    await thread.stop()
    await thread.stop()
    await store.stop()
  })

  test('is moved by the main thread when there is no thread', async () => {
    const thread = createCheckpointThread('x', createVirtualClock(), new URL('./no-such-worker.ts', import.meta.url))
    assert.equal(await thread.checkpoint(), undefined)
    await thread.stop()
  })
})
