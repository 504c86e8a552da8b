import { statfs } from 'node:fs/promises'
import { BacalhauError } from '../runtime/error.ts'
import { LIMITS } from '../runtime/limits.ts'

/** The space of the disk that inputs are written to, so that several do not count on the same free bytes. */
export interface DiskRoom {
  /** Sets `bytes` aside until the function that it gives is called. Throws `DiskFull` when there are not so many. */
  reserve(bytes: number): Promise<() => void>
}

export const freeBytesOf = async (folder: string): Promise<number> => {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
}

/** `free` tells how many bytes are free now. Some always stay free, for the records of jobs. */
export function createDiskRoom(free: () => Promise<number>): DiskRoom {
  let reserved = 0
  return {
    async reserve(bytes) {
      // First, so that two callers at the same time see each other.
      reserved += bytes
      const left = (await free().catch(() => Number.POSITIVE_INFINITY)) - reserved - LIMITS.diskReserve
      if (left < 0) {
        reserved -= bytes
        throw new BacalhauError('DiskFull', `an input of ${bytes} bytes does not fit on the disk of the node`)
      }
      let given = true
      return () => {
        if (given) reserved -= bytes
        given = false
      }
    },
  }
}
