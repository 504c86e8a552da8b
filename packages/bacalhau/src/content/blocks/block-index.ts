import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { BacalhauError, messageOf, systemCode } from '../../runtime/error.ts'
import { INDEX_SCHEMA } from './index-schema.ts'

export interface BlockPlace {
  readonly bytes: number
  readonly leaf: boolean
  /** Where in which pack; undefined for a block that the index itself holds. */
  readonly packed: { readonly pack: number; readonly offset: number } | undefined
}

export interface NewBlock extends BlockPlace {
  readonly hash: Uint8Array
  /** The block, unless it is packed. */
  readonly data?: Uint8Array
}

/** A root that is kept, and on whose behalf. */
export interface Pin {
  readonly cid: string
  readonly name: string
}

export interface PackedBlock {
  readonly hash: Uint8Array
  readonly bytes: number
  readonly offset: number
}

/** The index of the block store: one SQLite file, synced at each commit, locked against other processes. */
export interface BlockIndex {
  find(hash: Uint8Array): BlockPlace | undefined
  data(hash: Uint8Array): Uint8Array | undefined
  remove(hash: Uint8Array): void
  /** Adds blocks that are not there yet, their pack, and pins, all or nothing. Throws `DiskFull`. */
  commit(change: {
    readonly blocks: Iterable<NewBlock>
    readonly pack: { readonly id: number; readonly bytes: number } | undefined
    readonly pins: readonly Pin[]
  }): void

  /** What is pinned under `name`. */
  pins(name: string): string[]
  /** Names of pins that begin so. */
  pinNames(prefix: string): string[]
  /** What is pinned under any name, each once. */
  roots(): string[]
  /** Under this name, or, without one, under any. */
  isPinned(cid: string, name?: string): boolean
  /** False when it was not pinned under this name. */
  unpin(cid: string, name: string): boolean
  /** Removes every pin of this name; says how many there were. */
  unpinAll(name: string): number

  packs(): { readonly id: number; readonly bytes: number; readonly live: number }[]
  blocksIn(pack: number): PackedBlock[]
  /** Puts blocks that were copied into pack `to` in place of pack `from`, which is forgotten. */
  replacePack(from: number, to: { readonly id: number; readonly bytes: number }, blocks: Iterable<PackedBlock>): void
  removePack(id: number): void

  /** Garbage collection: forgets all marks. */
  clearMarks(): void
  /** Marks one block as in use, whatever it links to. */
  mark(hash: Uint8Array): void
  /** Marks a block whose links are going to be marked too; false when that was done before. */
  markWalked(hash: Uint8Array): boolean
  /** Deletes up to `limit` unmarked blocks after the block with number `after`; gives the last number that it looked at. */
  sweep(
    after: number,
    limit: number,
  ): { readonly last: number | undefined; readonly blocks: number; readonly bytes: number }
  usage(): { readonly blocks: number; readonly bytes: number }
  /** Bytes of the index and of all packs on the disk, without what is free in them. Costs next to nothing. */
  footprint(): number
  close(): void
}

/** Opens or creates the index at `file`. Throws `StoreCorrupt` or, when another process has it, `DataDirUnusable`. */
export function openBlockIndex(file: string): BlockIndex {
  const database = openDatabase(file)
  const sql = prepareAll(database)
  const transaction = (work: () => void) => inTransaction(database, work)
  return {
    find: (hash) => toPlace(sql.find.get(hash)),
    data: (hash) => toBytes(sql.data.get(hash)?.['data']),
    remove: (hash) => void sql.remove.run(hash),
    commit: ({ blocks, pack, pins }) =>
      transaction(() => {
        if (pack !== undefined) sql.addPack.run(pack.id, pack.bytes)
        let live = 0
        for (const { hash, bytes, leaf, packed, data } of blocks) {
          const place = [packed?.pack ?? null, packed?.offset ?? null, data ?? null] as const
          if (Number(sql.add.run(hash, bytes, leaf ? 1 : 0, ...place).changes) > 0) live += bytes
        }
        // Once for all: a trigger for each would take as long as the blocks themselves.
        if (pack !== undefined) sql.addLive.run(live, pack.id)
        for (const { cid, name } of pins) sql.pin.run(cid, name)
      }),
    pins: (name) => sql.pins.all(name).map((row) => String(row['cid'])),
    pinNames: (prefix) => sql.pinNames.all(prefix, `${prefix}\u{10FFFF}`).map((row) => String(row['name'])),
    roots: () => sql.roots.all().map((row) => String(row['cid'])),
    isPinned: (cid, name) => (name === undefined ? sql.isRoot.get(cid) : sql.isPinned.get(cid, name)) !== undefined,
    unpin: (cid, name) => Number(sql.unpin.run(cid, name).changes) > 0,
    unpinAll: (name) => Number(sql.unpinAll.run(name).changes),
    ...packQueries(sql, transaction),
    ...collection(sql, transaction),
    close: once(() => database.close()),
  }
}

function openDatabase(file: string): DatabaseSync {
  const database = new DatabaseSync(file)
  try {
    database.exec(`
      PRAGMA locking_mode = EXCLUSIVE;
      PRAGMA auto_vacuum = INCREMENTAL;
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      PRAGMA temp_store = FILE;
    `)
    database.exec(INDEX_SCHEMA)
    return database
  } catch (cause) {
    database.close()
    if (/locked|busy/.test(messageOf(cause))) {
      throw new BacalhauError('DataDirUnusable', `Another process uses ${file}.`, { cause })
    }
    throw new BacalhauError('StoreCorrupt', `${file} is not a usable block index: ${messageOf(cause)}.`, {
      hint: 'Move the folder away; content that other nodes hold can be fetched again.',
      cause,
    })
  }
}

const STATEMENTS = {
  find: 'SELECT bytes, leaf, pack, offset FROM block WHERE hash = ?',
  data: 'SELECT data FROM block WHERE hash = ?',
  remove: 'DELETE FROM block WHERE hash = ?',
  add: 'INSERT INTO block (hash, bytes, leaf, pack, offset, data) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
  addLive: 'UPDATE pack SET live = live + ? WHERE id = ?',
  addPack: 'INSERT INTO pack (id, bytes, live) VALUES (?, ?, 0)',
  pin: 'INSERT INTO named_pin (cid, name) VALUES (?, ?) ON CONFLICT DO NOTHING',
  pins: 'SELECT cid FROM named_pin WHERE name = ? ORDER BY cid',
  pinNames: 'SELECT DISTINCT name FROM named_pin WHERE name >= ? AND name < ? ORDER BY name',
  roots: 'SELECT DISTINCT cid FROM named_pin',
  isRoot: 'SELECT 1 FROM named_pin WHERE cid = ?',
  isPinned: 'SELECT 1 FROM named_pin WHERE cid = ? AND name = ?',
  unpin: 'DELETE FROM named_pin WHERE cid = ? AND name = ?',
  unpinAll: 'DELETE FROM named_pin WHERE name = ?',
  packs: 'SELECT id, bytes, live FROM pack ORDER BY id',
  blocksIn: 'SELECT hash, bytes, offset FROM block WHERE pack = ? ORDER BY offset',
  move: 'UPDATE block SET pack = ?, offset = ? WHERE hash = ?',
  setLive: 'UPDATE pack SET live = (SELECT coalesce(sum(bytes), 0) FROM block WHERE pack = pack.id) WHERE id = ?',
  removePack: 'DELETE FROM pack WHERE id = ?',
  clearMarks: 'DELETE FROM mark',
  mark: 'INSERT INTO mark (hash, walked) VALUES (?, 0) ON CONFLICT DO NOTHING',
  markWalked: 'INSERT INTO mark (hash, walked) VALUES (?, 1) ON CONFLICT DO UPDATE SET walked = 1 WHERE walked = 0',
  after: 'SELECT id, hash, bytes FROM block WHERE id > ? ORDER BY id LIMIT ?',
  marked: 'SELECT 1 FROM mark WHERE hash = ?',
  vacuum: 'PRAGMA incremental_vacuum',
  footprint: `SELECT (SELECT coalesce(sum(bytes), 0) FROM pack) + (pages.page_count - unused.freelist_count) * size.page_size
    AS bytes FROM pragma_page_count pages, pragma_freelist_count unused, pragma_page_size size`,
  usage: 'SELECT count(*) AS blocks, coalesce(sum(bytes), 0) AS bytes FROM block',
} as const
type Statements = Readonly<Record<keyof typeof STATEMENTS, StatementSync>>

function prepareAll(database: DatabaseSync): Statements {
  const entries = Object.entries(STATEMENTS).map(([name, text]) => [name, database.prepare(text)])
  return Object.fromEntries(entries) as Statements
}

function packQueries(sql: Statements, transaction: (work: () => void) => void) {
  return {
    packs: () =>
      sql.packs.all().map((row) => ({ id: Number(row['id']), bytes: Number(row['bytes']), live: Number(row['live']) })),
    blocksIn: (pack: number): PackedBlock[] =>
      sql.blocksIn.all(pack).map((row) => ({
        hash: toBytes(row['hash']) ?? new Uint8Array(),
        bytes: Number(row['bytes']),
        offset: Number(row['offset']),
      })),
    replacePack: (from: number, to: { id: number; bytes: number }, blocks: Iterable<PackedBlock>) =>
      transaction(() => {
        sql.addPack.run(to.id, to.bytes)
        for (const { hash, offset } of blocks) sql.move.run(to.id, offset, hash)
        sql.setLive.run(to.id)
        sql.removePack.run(from)
      }),
    removePack: (id: number) => void sql.removePack.run(id),
  }
}

function collection(sql: Statements, transaction: (work: () => void) => void) {
  return {
    clearMarks: () => {
      sql.clearMarks.run()
      sql.vacuum.all()
    },
    mark: (hash: Uint8Array) => void sql.mark.run(hash),
    markWalked: (hash: Uint8Array) => Number(sql.markWalked.run(hash).changes) > 0,
    sweep: (after: number, limit: number) => {
      const swept: { last: number | undefined; blocks: number; bytes: number } = {
        last: undefined,
        blocks: 0,
        bytes: 0,
      }
      transaction(() => {
        for (const row of sql.after.all(after, limit)) {
          swept.last = Number(row['id'])
          const hash = toBytes(row['hash']) ?? new Uint8Array()
          if (sql.marked.get(hash) !== undefined) continue
          sql.remove.run(hash)
          swept.blocks += 1
          swept.bytes += Number(row['bytes'])
        }
      })
      return swept
    },
    usage: () => {
      const row = sql.usage.get()
      return { blocks: Number(row?.['blocks']), bytes: Number(row?.['bytes']) }
    },
    footprint: () => Number(sql.footprint.get()?.['bytes']),
  }
}

function inTransaction(database: DatabaseSync, work: () => void): void {
  database.exec('BEGIN IMMEDIATE')
  try {
    work()
    database.exec('COMMIT')
  } catch (error) {
    rollBack(database)
    throw diskFull(error) ?? error
  }
}

/** SQLite has done so itself after some errors, and then says that there is nothing to roll back. */
function rollBack(database: DatabaseSync): void {
  try {
    database.exec('ROLLBACK')
  } catch {
    // The first error tells more.
  }
}

function once(action: () => void): () => void {
  let done = false
  return () => {
    if (!done) action()
    done = true
  }
}

/** `DiskFull` for the errors by which the system says so, else undefined. */
export function diskFull(error: unknown): BacalhauError | undefined {
  const code = systemCode(error)
  const sqliteFull = code === 'ERR_SQLITE_ERROR' && /disk is full/.test(messageOf(error))
  if (code !== 'ENOSPC' && code !== 'EDQUOT' && !sqliteFull) return undefined
  return new BacalhauError('DiskFull', 'The disk is full; nothing was kept.', { cause: error })
}

function toPlace(row: Record<string, unknown> | undefined): BlockPlace | undefined {
  if (row === undefined) return undefined
  const { bytes, leaf, pack, offset } = row
  return {
    bytes: Number(bytes),
    leaf: leaf === 1,
    packed: pack === null ? undefined : { pack: Number(pack), offset: Number(offset) },
  }
}

function toBytes(value: unknown): Uint8Array | undefined {
  return value instanceof Uint8Array ? value : undefined
}
