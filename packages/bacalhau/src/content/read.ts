import type { CID } from 'multiformats/cid'
import { BacalhauError } from '../runtime/error.ts'
import { type BlockSource, demand } from './blocks/block-source.ts'
import { RAW } from './cid.ts'
import { listing, nodeAt } from './selection.ts'
import { decodeUnixfs, type FilePart, type NamedLink, type UnixfsNode } from './unixfs/unixfs.ts'

export interface Stat {
  readonly cid: CID
  readonly kind: 'file' | 'folder' | 'symlink'
  /**
   * A file: its bytes. A folder: bytes of all blocks below it, as its author says; an upper bound of the files in it, or a
   * lie that a fetch with a bound finds out.
   */
  readonly bytes: number
  /** Where a symlink points to. Text of a stranger. */
  readonly target?: string
}

export interface Entry extends Stat {
  readonly name: string
}

export interface Range {
  /** First byte. 0 by default. */
  readonly offset?: number
  /** At most so many bytes. Everything by default. */
  readonly length?: number
}

/** What `cid` is. Reads one block. */
export async function statOf(cid: CID, source: BlockSource): Promise<Stat> {
  const block = await demand(source, cid)
  const node = decodeUnixfs(cid, block)
  switch (node.kind) {
    case 'file':
      return { cid, kind: 'file', bytes: node.bytes }
    case 'symlink':
      return { cid, kind: 'symlink', bytes: Buffer.byteLength(node.target), target: node.target }
    case 'directory':
    case 'shard':
      return { cid, kind: 'folder', bytes: node.links.reduce((sum, link) => sum + link.treeSize, block.length) }
  }
}

/** The entries of a folder, or the one of a file, without a name. */
export async function* entriesOf(cid: CID, source: BlockSource): AsyncGenerator<Entry, void, undefined> {
  const stat = await statOf(cid, source)
  if (stat.kind !== 'folder') return yield { name: '', ...stat }
  for await (const link of linksIn(cid, source)) {
    yield { name: link.name, ...(await statOfLink(link, source)) }
  }
}

/** The named links of a folder, sharded or not. */
export async function* linksIn(cid: CID, source: BlockSource): AsyncGenerator<NamedLink, void, undefined> {
  for await (const item of listing(cid, source)) if (!('shard' in item)) yield item
}

/** A raw block is a file as long as its link says; a look inside would only cost a fetch. */
async function statOfLink(link: NamedLink, source: BlockSource): Promise<Stat> {
  if (link.cid.code !== RAW || source.has(link.cid)) return statOf(link.cid, source)
  return { cid: link.cid, kind: 'file', bytes: link.treeSize }
}

/** A file of more levels than this was made to be a nuisance: 174 links on each make 10^18 bytes with 8. */
const MAX_FILE_DEPTH = 16

/** The bytes of a file, in order. Throws `BadRequest` for anything else, and `ContentInvalid` when lengths do not add up. */
export async function* readFile(
  cid: CID,
  source: BlockSource,
  { offset = 0, length = Infinity }: Range = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const node = await nodeAt(cid, source)
  if (node.kind !== 'file') throw new BacalhauError('BadRequest', `${cid.toString()} is not a file.`)
  const end = Math.min(node.bytes, offset + length)
  yield* readSpan(node, { from: offset, to: end, depth: 0 }, source)
}

type FileNode = Extract<UnixfsNode, { kind: 'file' }>

interface Span {
  readonly from: number
  readonly to: number
  readonly depth: number
}

/** Bytes `from` up to `to` of what `node` is the top of. */
async function* readSpan(
  node: FileNode,
  { from, to, depth }: Span,
  source: BlockSource,
): AsyncGenerator<Uint8Array, void, undefined> {
  const own = node.data.subarray(Math.max(0, from), Math.max(0, to))
  if (own.length > 0) yield own
  let start = node.data.length
  for (const part of node.parts) {
    const end = start + part.bytes
    if (end > from && start < to) {
      const span = { from: from - start, to: to - start, depth: depth + 1 }
      yield* readSpan(await partAt(part, span.depth, source), span, source)
    }
    start = end
  }
}

async function partAt({ cid, bytes }: FilePart, depth: number, source: BlockSource): Promise<FileNode> {
  const node = await nodeAt(cid, source)
  if (node.kind === 'file' && node.bytes === bytes && depth <= MAX_FILE_DEPTH) return node
  throw new BacalhauError('ContentInvalid', `${cid.toString()} is not the part of a file that it should be.`)
}
