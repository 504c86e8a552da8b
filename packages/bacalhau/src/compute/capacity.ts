import { parseBytes, parseCount, parseCpu, type Resources, type ResourcesConfig } from '@bacalhau/models'
import { statfs } from 'node:fs/promises'
import { availableParallelism, totalmem } from 'node:os'
import { BacalhauError } from '../runtime/error.ts'

/** What the machine has: cores, memory, and the free space of the disk that holds `folder`. */
export async function physicalResources(folder: string): Promise<Resources> {
  const disk = await statfs(folder)
  return { CPU: availableParallelism(), Memory: totalmem(), Disk: disk.bavail * disk.bsize, GPU: 0 }
}

const PERCENT = /^(\d{1,3}(?:\.\d+)?)%$/

/**
 * The part of the machine that jobs may use. Each value of `allocation` is a percentage of what is there (`80%`) or an absolute
 * amount (`4`, `16GB`), which may be more than is there. Throws `ConfigurationError` that names a value it cannot read.
 */
export function allocate(physical: Resources, allocation: ResourcesConfig): Resources {
  const part = (
    name: keyof Resources,
    parse: (text: string) => number | undefined,
    round: (value: number) => number,
  ) => {
    const text = allocation[name] ?? ''
    if (text === '') return physical[name]
    const percent = PERCENT.exec(text)
    const value = percent === null ? parse(text) : round((physical[name] * Number(percent[1])) / 100)
    if (value !== undefined) return value
    throw new BacalhauError(
      'ConfigurationError',
      `"${text}" is no amount of ${name} to allocate; write for example 80% or an amount`,
    )
  }
  return {
    CPU: part('CPU', parseCpu, (cores) => Math.round(cores * 1000) / 1000),
    Memory: part('Memory', parseBytes, Math.floor),
    Disk: part('Disk', parseBytes, Math.floor),
    GPU: part('GPU', parseCount, Math.ceil),
  }
}
