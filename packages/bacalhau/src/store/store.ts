import type { Stoppable } from '../runtime/lifecycle.ts'

/**
 * Every table of the node. A row is a JSON document under a key: text that is not empty and does not hold U+10FFFF, which is
 * free to mark the end of a range. Rows are ordered by key (by code point).
 */
export const TABLES = [
  /** Facts about the node itself, such as the generation of this store. */
  'meta',
  /** Orchestrator: jobs by id; ids of those that have not ended; ids by time of creation; ids by namespace and name. */
  'job',
  'job-open',
  'job-by-time',
  'job-by-name',
  /** Orchestrator: earlier versions of jobs. */
  'job-version',
  /** Orchestrator: `<job id>/<execution id>`. */
  'execution',
  /** Orchestrator: `<job id>/<sequence number>`. */
  'history',
  /** Orchestrator: compute nodes by id. */
  'node',
  /** Compute node: what was offered to it and is not settled yet, by execution id; and what the offers said of it. */
  'held',
  'order',
  /** Link: what has come in from a peer, and what has not been acknowledged by it. Keys begin with the role. */
  'link-in',
  'link-out',
  /** Orchestrator: results that it keeps, or is going to fetch and keep. */
  'kept',
  /** Orchestrator: what became of submissions under a key, by `<period>/<digest of the key>`. */
  'receipt',
  /** Content that must not be collected, by CID. */
  'pin',
  /** API: digests of tokens by their id; client keys that may be used from elsewhere, by client id. */
  'token',
  'client-key',
  /** Orchestrator: executions that nodes of the Go program were asked to run, by execution id. */
  'go-asked',
  /** Orchestrator: nodes of the Go program that work for it. */
  'go-node',
  /** Compute node: what Go requesters have asked, by execution id. */
  'go-taken',
  /** Peers that were added while the node ran, by their address. */
  'peer',
] as const
export type Table = (typeof TABLES)[number]

export type Write =
  | { readonly op: 'put'; readonly table: Table; readonly key: string; readonly value: unknown }
  | { readonly op: 'delete'; readonly table: Table; readonly key: string }
  /** Deletes every row whose key begins with `prefix`. */
  | { readonly op: 'clear'; readonly table: Table; readonly prefix: string }

export interface Row {
  readonly key: string
  readonly value: unknown
}

export interface RangeQuery {
  /** Only keys that begin with this. */
  readonly prefix?: string
  /** Only keys after (with `reverse`: before) this one. */
  readonly after?: string
  /** From the last key to the first. */
  readonly reverse?: boolean
  /** At most this many rows. */
  readonly limit: number
}

/**
 * Durable memory of a node. Values are JSON documents; whoever reads one checks it against its schema. Every implementation
 * passes the suite in `compliance.ts`.
 */
export interface Store extends Stoppable {
  /**
   * Applies all writes or none. Resolves when they will survive a power cut. Rejects with `DiskFull` or `DataDirUnusable` when
   * they could not be written, and then nothing of them is there; with `StoreCorrupt` when the disk did not keep what it had
   * taken: then nothing more is read or written until a restart. Units take effect in the order of the calls, each by itself.
   */
  commit(writes: readonly Write[]): Promise<void>
  /** The value, or undefined. Shows only what is durable. */
  get(table: Table, key: string): Promise<unknown>
  /** Rows in order of their keys. Shows only what is durable. */
  range(table: Table, query: RangeQuery): Promise<readonly Row[]>
}

export const put = (table: Table, key: string, value: unknown): Write => ({ op: 'put', table, key, value })
export const remove = (table: Table, key: string): Write => ({ op: 'delete', table, key })
export const clear = (table: Table, prefix: string): Write => ({ op: 'clear', table, prefix })
