/** `rights` of WASI preview 1, as bits. All fit into 30 bits, so a number holds them. */
export const RIGHT = {
  fdDatasync: 1 << 0,
  fdRead: 1 << 1,
  fdSeek: 1 << 2,
  fdSetFlags: 1 << 3,
  fdSync: 1 << 4,
  fdTell: 1 << 5,
  fdWrite: 1 << 6,
  fdAdvise: 1 << 7,
  fdAllocate: 1 << 8,
  pathCreateDirectory: 1 << 9,
  pathCreateFile: 1 << 10,
  pathLinkSource: 1 << 11,
  pathLinkTarget: 1 << 12,
  pathOpen: 1 << 13,
  fdReaddir: 1 << 14,
  pathReadlink: 1 << 15,
  pathRenameSource: 1 << 16,
  pathRenameTarget: 1 << 17,
  pathStat: 1 << 18,
  pathSetSize: 1 << 19,
  pathSetTimes: 1 << 20,
  fdStat: 1 << 21,
  fdSetSize: 1 << 22,
  fdSetTimes: 1 << 23,
  pathSymlink: 1 << 24,
  pathRemoveDirectory: 1 << 25,
  pathUnlink: 1 << 26,
  poll: 1 << 27,
} as const

const all = (...rights: readonly number[]) => rights.reduce((sum, right) => sum | right, 0)

/** What makes sense on a regular file. */
export const FILE_RIGHTS = all(
  RIGHT.fdDatasync,
  RIGHT.fdRead,
  RIGHT.fdSeek,
  RIGHT.fdSetFlags,
  RIGHT.fdSync,
  RIGHT.fdTell,
  RIGHT.fdWrite,
  RIGHT.fdAdvise,
  RIGHT.fdAllocate,
  RIGHT.fdStat,
  RIGHT.fdSetSize,
  RIGHT.fdSetTimes,
  RIGHT.poll,
)

/** What makes sense on a directory. */
export const DIRECTORY_RIGHTS = all(
  RIGHT.pathCreateDirectory,
  RIGHT.pathCreateFile,
  RIGHT.pathLinkSource,
  RIGHT.pathLinkTarget,
  RIGHT.pathOpen,
  RIGHT.fdReaddir,
  RIGHT.pathReadlink,
  RIGHT.pathRenameSource,
  RIGHT.pathRenameTarget,
  RIGHT.pathStat,
  RIGHT.pathSetSize,
  RIGHT.pathSetTimes,
  RIGHT.fdStat,
  RIGHT.fdSetTimes,
  RIGHT.pathSymlink,
  RIGHT.pathRemoveDirectory,
  RIGHT.pathUnlink,
)

/**
 * Standard streams. Seeking is on the list though they refuse it: a character device without that right is what C
 * libraries take for a terminal, and programs would then colour their output.
 */
export const STREAM_RIGHTS = all(RIGHT.fdSeek, RIGHT.fdTell, RIGHT.fdStat, RIGHT.fdSetFlags, RIGHT.poll)

/** Rights that need a host file opened for writing. */
export const WRITING_RIGHTS = all(RIGHT.fdWrite, RIGHT.fdAllocate, RIGHT.fdSetSize)

const KNOWN = (1n << 30n) - 1n

/** Rights from the job's 64-bit number; bits that mean nothing are dropped. */
export function rightsFrom(bits: bigint): number {
  return Number(bits & KNOWN)
}
