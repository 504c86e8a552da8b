import type { Resources } from '@bacalhau/models'
import { statfs } from 'node:fs/promises'
import { availableParallelism, totalmem } from 'node:os'
import { type CgroupLimits, cgroupLimits } from './machine/cgroup.ts'

/** Bytes of the disk that holds `folder`: all, and those that are free for this process. */
export async function diskOf(folder: string): Promise<{ readonly total: number; readonly free: number }> {
  const { bavail, blocks, bsize } = await statfs(folder)
  return { total: blocks * bsize, free: bavail * bsize }
}

/** What this process may use of the machine: cores, memory, and the free space of the disk that holds `folder`. */
export async function physicalResources(folder: string, gpus: number): Promise<Resources> {
  const { free } = await diskOf(folder)
  const whole = { CPU: availableParallelism(), Memory: totalmem(), Disk: free, GPU: gpus }
  return within(await cgroupLimits(), whole)
}

/** A container sees the whole machine, and gets what its control group says. */
export function within({ cpu, memory }: CgroupLimits, machine: Resources): Resources {
  return {
    ...machine,
    CPU: Math.min(machine.CPU, cpu ?? machine.CPU),
    Memory: Math.min(machine.Memory, memory ?? machine.Memory),
  }
}
