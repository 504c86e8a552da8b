import type { FileStat } from '../files/stat.ts'
import type { GuestMemory } from './guest-memory.ts'

/** Writes a `filestat`, 64 bytes. */
export function putStat(memory: GuestMemory, at: number, stat: FileStat): void {
  memory.bytes(at, 64).fill(0)
  memory.setU64(at, stat.device)
  memory.setU64(at + 8, stat.inode)
  memory.setU8(at + 16, stat.type)
  memory.setU64(at + 24, stat.links)
  memory.setU64(at + 32, stat.size)
  memory.setU64(at + 40, nanoseconds(stat.accessed))
  memory.setU64(at + 48, nanoseconds(stat.modified))
  memory.setU64(at + 56, nanoseconds(stat.changed))
}

/** Times before 1970 are shown as 1970: WASI has no sign for them. */
const nanoseconds = (time: bigint) => (time < 0n ? 0n : time)
