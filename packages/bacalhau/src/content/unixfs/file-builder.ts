import type { CID } from 'multiformats/cid'
import type { BlockBatch } from '../blocks/block-batch.ts'
import { cidOf, DAG_PB, RAW } from '../cid.ts'
import { encodeFileLeaf, encodeFileNode, type FilePart } from './unixfs.ts'

export type CidVersion = 0 | 1

/** The root of something that was added. */
export interface Added {
  readonly cid: CID
  /** Bytes of all blocks of the tree, counting repeated ones each time: what a link to it says. */
  readonly treeSize: number
}

export interface AddedFile extends Added, FilePart {}

/** `ipfs add` cuts files into pieces of this size, and puts up to this many links in one node. */
const CHUNK_BYTES = 262_144
const MAX_LINKS = 174

/**
 * Builds the tree of a file from its bytes, as `ipfs add` does: all leaves at the same depth, each node as full as it can be
 * from the left. Keeps one unfinished node for each level in memory.
 */
export async function buildFile(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  version: CidVersion,
  batch: BlockBatch,
): Promise<AddedFile> {
  const levels: AddedFile[][] = []
  let added = false

  async function add(part: AddedFile, level: number): Promise<void> {
    const parts = (levels[level] ??= [])
    parts.push(part)
    if (parts.length === MAX_LINKS) await add(await join(parts.splice(0), version, batch), level + 1)
  }

  for await (const chunk of chunks(source)) {
    added = true
    await add(await putLeaf(chunk, version, batch), 0)
  }
  if (!added) return putLeaf(new Uint8Array(), version, batch)
  return joinRest(levels, version, batch)
}

/** Joins what is left on each level, lowest first, until one root remains. */
async function joinRest(levels: AddedFile[][], version: CidVersion, batch: BlockBatch): Promise<AddedFile> {
  let carried: AddedFile | undefined
  for (const [level, parts] of levels.entries()) {
    if (carried !== undefined) parts.push(carried)
    carried = undefined
    const [only] = parts
    if (only === undefined) continue
    if (parts.length === 1 && level === levels.length - 1) return only
    carried = await join(parts, version, batch)
  }
  if (carried === undefined) throw new Error('a file without any part')
  return carried
}

/** A leaf of a file, which may be all of it. The memory belongs to the batch from now on. */
export async function putLeaf(chunk: Uint8Array, version: CidVersion, batch: BlockBatch): Promise<AddedFile> {
  const block = version === 0 ? encodeFileLeaf(chunk) : chunk
  const cid = cidOf(version, version === 0 ? DAG_PB : RAW, block)
  await batch.putLeaf(cid, block)
  return { cid, bytes: chunk.length, treeSize: block.length }
}

async function join(parts: readonly AddedFile[], version: CidVersion, batch: BlockBatch): Promise<AddedFile> {
  const block = encodeFileNode(parts)
  const cid = cidOf(version, DAG_PB, block)
  await batch.putBranch(cid, block)
  return {
    cid,
    bytes: parts.reduce((sum, part) => sum + part.bytes, 0),
    treeSize: parts.reduce((sum, part) => sum + part.treeSize, block.length),
  }
}

/** Cuts a flow of bytes into pieces of `CHUNK_BYTES`; the last may be shorter. Copies only where a piece spans chunks. */
async function* chunks(source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let parts: Uint8Array[] = []
  let missing = CHUNK_BYTES
  for await (const buffer of source) {
    for (let rest = buffer; rest.length > 0;) {
      const part = rest.subarray(0, missing)
      rest = rest.subarray(part.length)
      parts.push(part)
      missing -= part.length
      if (missing > 0) continue
      yield joined(parts)
      parts = []
      missing = CHUNK_BYTES
    }
  }
  if (parts.length > 0) yield joined(parts)
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const [first = new Uint8Array()] = parts
  return parts.length === 1 ? first : Buffer.concat(parts)
}
