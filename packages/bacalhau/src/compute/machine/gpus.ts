import { messageOf } from '../../runtime/error.ts'
import type { Logger } from '../../runtime/logger.ts'
import { amdGpus } from './amd.ts'
import type { Gpu } from './gpu.ts'
import { intelGpus } from './intel.ts'
import { nvidiaGpus } from './nvidia.ts'
import type { Tool } from './tool.ts'

export interface GpuSearch {
  readonly tool: Tool
  readonly logger: Logger
  /** Where the file system of the kernel begins. */
  readonly root?: string
}

const VENDORS = { nvidia: nvidiaGpus, amd: amdGpus, intel: intelGpus }

/** The GPUs of this machine: NVIDIA's, then AMD's, then Intel's. What cannot be found out is logged, and is not there. */
export async function detectGpus({ tool, logger, root }: GpuSearch): Promise<readonly Gpu[]> {
  const found = await Promise.all(
    Object.entries(VENDORS).map(([vendor, look]) =>
      look(tool, root).catch((error: unknown) => {
        logger.warn({ vendor, error: messageOf(error) }, 'cannot find out about GPUs')
        return []
      }),
    ),
  )
  return found.flat()
}

/** Labels that constraints of jobs may name: `GPU-0` with the model, `GPU-0-Memory` with its mebibytes. */
export function gpuLabels(gpus: readonly Gpu[]): Record<string, string> {
  const labels = gpus.flatMap(({ name, memory }, index) => [
    [`GPU-${index}`, name.replaceAll(/\s+/g, '-')],
    [`GPU-${index}-Memory`, `${memory}-MiB`],
  ])
  return Object.fromEntries(labels)
}
