import assert from 'node:assert/strict'
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, test } from 'node:test'
import { seededRandom, systemRandom } from '../../runtime/random.ts'
import { createMemoryStore } from '../../store/memory.ts'
import { openSqliteStore } from '../../store/sqlite.ts'
import { put } from '../../store/store.ts'
import { ManualClock } from '../testing/clock.ts'
import { openKeyBook } from './key-book.ts'
import { openTokenBook } from './token-book.ts'

const parts = () => ({ store: createMemoryStore(), clock: new ManualClock(), random: seededRandom(7) })

describe('tokens', () => {
  test('outlive a restart, and so does a revocation', async () => {
    const services = parts()
    const book = await openTokenBook(services)
    const [kept, gone] = [await book.create({ Name: 'kept', Scope: 'read' }), await book.create({})]
    await book.revoke(gone.Info.ID)
    const later = await openTokenBook(services)
    assert.deepEqual(later.find(kept.Token), kept.Info)
    assert.equal(later.find(gone.Token), undefined)
    assert.deepEqual(later.list(), [kept.Info])
  })

  test('are long, unlike each other, and nowhere on disk', async (context) => {
    const folder = await mkdtemp(path.join(tmpdir(), 'tokens-'))
    context.after(() => rm(folder, { recursive: true, force: true }))
    const store = openSqliteStore(path.join(folder, 'store.db'))
    const book = await openTokenBook({ store, clock: new ManualClock(), random: systemRandom })
    const made = [await book.create({ Name: 'findable' }), await book.create({})]
    for (const { Token } of made) assert.match(Token, /^bac_[\w-]{43}$/)
    assert.notEqual(made[0]?.Token, made[1]?.Token)
    const onDisk = async () =>
      Buffer.concat(await Promise.all((await readdir(folder)).map((name) => readFile(path.join(folder, name)))))
    const files = await onDisk()
    await store.stop()
    for (const bytes of [files, await onDisk()]) {
      assert.ok(bytes.includes('findable'))
      for (const { Token } of made) assert.ok(!bytes.includes(Token.slice(4, 24)))
    }
  })

  test('that would be over at once are not made', async () => {
    const services = parts()
    services.clock.advance(1_000_000)
    const book = await openTokenBook(services)
    await assert.rejects(book.create({ ExpiresAt: new Date(999_999).toISOString() }), { code: 'ValidationError' })
    assert.deepEqual(book.list(), [])
  })

  test('that cannot be written are not there', async () => {
    const services = parts()
    const book = await openTokenBook(services)
    const { Token, Info } = await book.create({})
    await services.store.stop()
    await assert.rejects(book.create({}))
    await assert.rejects(book.revoke(Info.ID))
    assert.deepEqual(book.find(Token), Info)
    assert.equal(book.list().length, 1)
  })

  test('whose record is damaged stop the start: who may call is not to be guessed', async () => {
    const services = parts()
    await services.store.commit([put('token', 't-1', { Info: {}, Digest: 'x' })])
    await assert.rejects(openTokenBook(services), { code: 'StoreCorrupt' })
  })
})

describe('client keys', () => {
  const [a, b] = ['a'.repeat(64), 'b'.repeat(64)]

  test('of the configuration are allowed, and can be given another scope', async () => {
    const { store, clock } = parts()
    const book = await openKeyBook({ store, clock, configured: [a.toUpperCase()] })
    assert.equal(book.find(a)?.Scope, 'submit')
    await assert.rejects(book.remove(a), { code: 'Conflict', hint: /API\.Auth\.ClientKeys/ })
    await book.allow({ ClientID: a, Scope: 'manage' })
    assert.equal(book.find(a)?.Scope, 'manage')
    await book.remove(a)
    assert.equal(book.find(a)?.Scope, 'submit')
    assert.equal(book.find(b), undefined)
  })

  test('outlive a restart', async () => {
    const { store, clock } = parts()
    const info = await (await openKeyBook({ store, clock, configured: [] })).allow({ ClientID: b, Namespaces: ['x'] })
    const later = await openKeyBook({ store, clock, configured: [] })
    assert.deepEqual(later.list(), [info])
    await later.remove(b)
    assert.deepEqual((await openKeyBook({ store, clock, configured: [] })).list(), [])
    await assert.rejects(later.remove(b), { code: 'NotFound' })
  })
})
