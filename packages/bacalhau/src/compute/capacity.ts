import type { Resources } from '@bacalhau/models'
import { statfs } from 'node:fs/promises'
import { availableParallelism, totalmem } from 'node:os'

/** What the machine has: cores, memory, and the free space of the disk that holds `folder`. */
export async function physicalResources(folder: string): Promise<Resources> {
  const disk = await statfs(folder)
  return { CPU: availableParallelism(), Memory: totalmem(), Disk: disk.bavail * disk.bsize, GPU: 0 }
}
