import { setImmediate as turn } from 'node:timers/promises'
import type { CID } from 'multiformats/cid'
import { BacalhauError, isBacalhauError } from '../runtime/error.ts'
import { type BlockSource, demand } from './blocks/block-source.ts'
import { type ContentRef, DAG_PB, formatContentRef, inlineData, keyOf } from './cid.ts'
import { hashName, prefixLength, slotOf, slotPrefix } from './unixfs/hamt.ts'
import { decodeUnixfs, type NamedLink, type UnixfsNode } from './unixfs/unixfs.ts'

/**
 * How much of what a path leads to: its own block (`node`), what it takes to list a folder (`list`), or everything below
 * it (`all`).
 */
export const SCOPES = ['node', 'list', 'all'] as const
export type Scope = (typeof SCOPES)[number]

/** Which blocks to send or to have: those that lead from the root along the path, and the scope at its end. */
export interface Selection extends ContentRef {
  readonly scope: Scope
}

/**
 * Names the blocks of a selection, each once, in the order in which a CAR carries them: depth first. Whoever takes a CID
 * must see to it that `source` has the block before asking for the next one; so two nodes that go through the same
 * selection, one reading and the other receiving, agree on every step. Throws `NotFound` when the path leads nowhere.
 */
export async function* blocksOf(selection: Selection, source: BlockSource): AsyncGenerator<CID, void, undefined> {
  for await (const cid of visits(selection, source)) if (inlineData(cid) === undefined) yield cid
}

/**
 * Is every block of the selection in `source`? A path that leads nowhere counts as complete, for the blocks on the way prove
 * that it does.
 */
export async function isComplete(selection: Selection, source: BlockSource): Promise<boolean> {
  try {
    for await (const cid of blocksOf(selection, source)) if (!source.has(cid)) return false
    return true
  } catch (error) {
    if (!isBacalhauError(error)) throw error
    if (error.code === 'NotFound') return true
    if (error.code === 'ContentNotFound') return false
    throw error
  }
}

/** The CID at the end of the path. Throws `NotFound`, or `ContentNotFound` when a block on the way is not here. */
export async function resolve(ref: ContentRef, source: BlockSource): Promise<CID> {
  const steps = follow(ref, source)
  for (;;) {
    const { done, value } = await steps.next()
    if (done === true) return value
  }
}

async function* visits(selection: Selection, source: BlockSource): AsyncGenerator<CID, void, undefined> {
  // The blocks on the way lie above the rest, so they cannot occur in it again.
  const target = yield* follow(selection, source)
  const isNew = firstTime()
  if (selection.scope === 'all') return yield* below(target, source, isNew)
  yield target
  if (selection.scope === 'node') return
  for await (const item of listing(target, source)) {
    const cid = 'shard' in item ? item.shard : item.cid
    // A raw block needs no look to know that it is a file, and how long.
    if (cid.code === DAG_PB && isNew(cid)) yield cid
  }
}

/** After so many blocks a walk lets other work of this thread have its turn, for it may never have to wait for the disk. */
const BREATH = 500

/** Everything from `root` downwards; a block that was met before is not entered again. */
async function* below(
  root: CID,
  source: BlockSource,
  isNew: (cid: CID) => boolean,
): AsyncGenerator<CID, void, undefined> {
  const waiting = [root]
  let entered = 0
  for (let cid = waiting.pop(); cid !== undefined; cid = waiting.pop()) {
    if (!isNew(cid)) continue
    entered += 1
    if (entered % BREATH === 0) await turn()
    yield cid
    const links = await source.links(cid)
    if (links === undefined)
      throw new BacalhauError('ContentNotFound', `This node does not have the block ${cid.toString()}.`)
    waiting.push(...links.toReversed())
  }
}

function firstTime(): (cid: CID) => boolean {
  const seen = new Set<string>()
  return (cid) => {
    // The codec counts: as raw bytes a block has no links, as dag-pb the same block may have some.
    const key = `${cid.code} ${keyOf(cid)}`
    if (seen.has(key)) return false
    seen.add(key)
    return true
  }
}

async function* follow(ref: ContentRef, source: BlockSource): AsyncGenerator<CID, CID, undefined> {
  let cid = ref.cid
  for (const [depth, name] of ref.path.entries()) {
    yield cid
    const next = yield* enter(await nodeAt(cid, source), name, source)
    if (next === undefined) {
      const within = formatContentRef({ ...ref, path: ref.path.slice(0, depth) })
      throw new BacalhauError('NotFound', `There is no "${name}" in ${within}.`)
    }
    cid = next
  }
  return cid
}

async function* enter(
  node: UnixfsNode,
  name: string,
  source: BlockSource,
): AsyncGenerator<CID, CID | undefined, undefined> {
  if (node.kind === 'directory') return node.links.find((link) => link.name === name)?.cid
  const hash = await hashName(name)
  for (let shard: UnixfsNode = node, depth = 0; shard.kind === 'shard'; depth += 1) {
    const prefix = slotPrefix(slotOf(hash, depth, shard.fanout), shard.fanout)
    const link = shard.links.find((candidate) => candidate.name === prefix || candidate.name === prefix + name)
    if (link === undefined || link.name !== prefix) return link?.cid
    yield link.cid
    shard = await nodeAt(link.cid, source)
  }
  return undefined
}

/** An entry of a folder, or (before the entries in it) a deeper shard whose block is needed to go on. */
export type ListingItem = NamedLink | { readonly shard: CID }

/** What is in the folder `cid`, however it is sharded; nothing for a file. */
export async function* listing(cid: CID, source: BlockSource): AsyncGenerator<ListingItem, void, undefined> {
  const node = await nodeAt(cid, source)
  if (node.kind === 'directory') yield* node.links
  else if (node.kind === 'shard') yield* shardListing(node, 0, source)
}

/** Deeper than any 64-bit hash allows with the smallest fanout. */
const MAX_SHARD_DEPTH = 22

async function* shardListing(
  node: UnixfsNode,
  depth: number,
  source: BlockSource,
): AsyncGenerator<ListingItem, void, undefined> {
  if (node.kind !== 'shard' || depth > MAX_SHARD_DEPTH) {
    throw new BacalhauError('ContentInvalid', 'A sharded folder is not well-formed.')
  }
  const skipped = prefixLength(node.fanout)
  for (const link of node.links) {
    if (link.name.length > skipped) {
      yield { ...link, name: link.name.slice(skipped) }
      continue
    }
    yield { shard: link.cid }
    yield* shardListing(await nodeAt(link.cid, source), depth + 1, source)
  }
}

/** Reads and decodes a block. Throws `ContentNotFound` or `ContentInvalid`. */
export async function nodeAt(cid: CID, source: BlockSource): Promise<UnixfsNode> {
  return decodeUnixfs(cid, await demand(source, cid))
}
