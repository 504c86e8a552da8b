import type { BigIntStats } from 'node:fs'

/** `filetype` of WASI preview 1. */
export const FILE_TYPE = {
  unknown: 0,
  blockDevice: 1,
  characterDevice: 2,
  directory: 3,
  regularFile: 4,
  symbolicLink: 7,
} as const

/** `filestat` of WASI preview 1. Times in nanoseconds since the Unix epoch. */
export interface FileStat {
  readonly device: bigint
  readonly inode: bigint
  readonly type: number
  readonly links: bigint
  readonly size: bigint
  readonly accessed: bigint
  readonly modified: bigint
  readonly changed: bigint
}

/** A host file's facts as the job sees them: the device is the number of the mount. */
export function fileStat(stat: BigIntStats, device: number): FileStat {
  return {
    device: BigInt(device),
    inode: stat.ino,
    type: typeOf(stat),
    links: stat.nlink,
    size: stat.size,
    accessed: stat.atimeNs,
    modified: stat.mtimeNs,
    changed: stat.ctimeNs,
  }
}

/** Facts of a thing that exists only in the sandbox. */
export function virtualStat(type: number): FileStat {
  return { device: 0n, inode: 0n, type, links: 1n, size: 0n, accessed: 0n, modified: 0n, changed: 0n }
}

export function typeOf(stat: BigIntStats): number {
  if (stat.isFile()) return FILE_TYPE.regularFile
  if (stat.isDirectory()) return FILE_TYPE.directory
  if (stat.isSymbolicLink()) return FILE_TYPE.symbolicLink
  if (stat.isBlockDevice()) return FILE_TYPE.blockDevice
  if (stat.isCharacterDevice()) return FILE_TYPE.characterDevice
  return FILE_TYPE.unknown
}
