import { murmur364 } from '@multiformats/murmur3'
import { BacalhauError } from '../../runtime/error.ts'

/** Slots of one shard in folders that we make, as `ipfs add` does. */
export const FANOUT = 256

/** Where a name belongs in a sharded folder: its 64-bit hash, of which each level of shards takes some bits from the top. */
export async function hashName(name: string): Promise<bigint> {
  const bytes = await murmur364.encode(Buffer.from(name))
  return Buffer.from(bytes).readBigUInt64BE()
}

/** The slot for `hash` in a shard at `depth`, 0 being the root. Throws `ContentInvalid` below the last level. */
export function slotOf(hash: bigint, depth: number, fanout: number): number {
  const bits = Math.log2(fanout)
  const shift = 64 - bits * (depth + 1)
  if (shift < 0) throw new BacalhauError('ContentInvalid', 'A sharded folder is too deep.')
  return Number((hash >> BigInt(shift)) & BigInt(fanout - 1))
}

/** How links of a shard begin: the slot in capital hexadecimal digits; an entry's name follows, a deeper shard has none. */
export function slotPrefix(slot: number, fanout: number): string {
  return slot.toString(16).toUpperCase().padStart(prefixLength(fanout), '0')
}

export function prefixLength(fanout: number): number {
  return (fanout - 1).toString(16).length
}
