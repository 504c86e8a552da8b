import type { BlockBatch } from '../blocks/block-batch.ts'
import { cidOf, DAG_PB } from '../cid.ts'
import type { Added, CidVersion } from './file-builder.ts'
import { FANOUT, hashName, slotOf, slotPrefix } from './hamt.ts'
import { encodeDirectory, encodeShard, encodeSymlink, type NamedLink } from './unixfs.ts'

/** A folder whose names and CIDs together have more bytes than this is sharded, as in Kubo. */
const SHARD_ABOVE = 262_144

/** Builds a folder of `links`, whose targets are in `batch` already. */
export async function buildDirectory(
  links: readonly NamedLink[],
  version: CidVersion,
  batch: BlockBatch,
): Promise<Added> {
  const size = links.reduce((sum, { name, cid }) => sum + Buffer.byteLength(name) + cid.byteLength, 0)
  if (size <= SHARD_ABOVE) return putNode(encodeDirectory(links), links, version, batch)
  const hashed = await Promise.all(links.map(async (link) => ({ link, hash: await hashName(link.name) })))
  return buildShard(hashed, 0, version, batch)
}

export function buildSymlink(target: string, version: CidVersion, batch: BlockBatch): Promise<Added> {
  return putNode(encodeSymlink(target), [], version, batch)
}

interface HashedLink {
  readonly link: NamedLink
  readonly hash: bigint
}

async function buildShard(
  entries: readonly HashedLink[],
  depth: number,
  version: CidVersion,
  batch: BlockBatch,
): Promise<Added> {
  const slots = Map.groupBy(entries, ({ hash }) => slotOf(hash, depth, FANOUT))
  const links: NamedLink[] = []
  for (const slot of [...slots.keys()].sort((a, b) => a - b)) {
    const inSlot = slots.get(slot) ?? []
    const [first] = inSlot
    const prefix = slotPrefix(slot, FANOUT)
    if (first !== undefined && inSlot.length === 1) links.push({ ...first.link, name: prefix + first.link.name })
    else links.push({ name: prefix, ...(await buildShard(inSlot, depth + 1, version, batch)) })
  }
  return putNode(encodeShard(links, bitfield(slots.keys()), FANOUT), links, version, batch)
}

/** A bit for each filled slot, the highest slot first, without leading zero bytes. */
function bitfield(slots: Iterable<number>): Uint8Array {
  let bits = 0n
  for (const slot of slots) bits |= 1n << BigInt(slot)
  const hex = bits.toString(16)
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex')
}

async function putNode(
  block: Uint8Array,
  links: readonly NamedLink[],
  version: CidVersion,
  batch: BlockBatch,
): Promise<Added> {
  const cid = cidOf(version, DAG_PB, block)
  await (links.length === 0 ? batch.putLeaf(cid, block) : batch.putBranch(cid, block))
  return { cid, treeSize: links.reduce((sum, link) => sum + link.treeSize, block.length) }
}
