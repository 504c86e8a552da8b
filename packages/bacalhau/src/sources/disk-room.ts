import { statfs } from 'node:fs/promises'
import { formatBytes } from '@bacalhau/models/units'
import { BacalhauError } from '../runtime/error.ts'
import { LIMITS } from '../runtime/limits.ts'

/** The space of the disk that inputs are written to, so that several do not count on the same free bytes. */
export interface DiskRoom {
  /**
   * Sets `bytes` aside until the function that it gives is called. Throws `DiskFull` when there are not so many, also without what
   * can be removed.
   */
  reserve(bytes: number): Promise<() => void>
}

export const freeBytesOf = async (folder: string): Promise<number> => {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
}

/**
 * `free` tells how many bytes are free now. Some always stay free, for the records of jobs. `relieve` removes what can be done
 * without.
 */
export function createDiskRoom(free: () => Promise<number>, relieve?: () => Promise<void>): DiskRoom {
  let reserved = 0

  function reservation(bytes: number): () => void {
    let given = true
    return () => {
      if (given) reserved -= bytes
      given = false
    }
  }

  return {
    async reserve(bytes) {
      // First, so that two callers at the same time see each other.
      reserved += bytes
      for (let relief = relieve; ; relief = undefined) {
        // Looked at and decided upon without a pause between, so that of two that do not fit together one does.
        const left = (await free().catch(() => Number.POSITIVE_INFINITY)) - reserved - LIMITS.diskReserve
        if (left >= 0) return reservation(bytes)
        if (relief === undefined) {
          reserved -= bytes
          throw noRoom(bytes, Math.max(0, left + bytes))
        }
        await relief()
      }
    },
  }
}

function noRoom(bytes: number, room: number): BacalhauError {
  const problem = `an input of ${formatBytes(bytes)} does not fit on the disk of the node, which has room for ${formatBytes(room)}`
  return new BacalhauError('DiskFull', problem)
}
