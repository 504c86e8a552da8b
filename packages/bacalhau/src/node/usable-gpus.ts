import process from 'node:process'
import type { Gpu } from '../compute/machine/gpu.ts'
import { detectGpus } from '../compute/machine/gpus.ts'
import { createTool } from '../compute/machine/tool.ts'
import type { Logger } from '../runtime/logger.ts'
import { allocatedGpus } from './config.ts'
import type { Share } from './config-kinds.ts'

/** The GPUs that are for jobs, the first ones. Where none are wanted none are looked for. */
export async function usableGpus(share: Share, logger: Logger): Promise<readonly Gpu[]> {
  if (allocatedGpus(share, 1) === 0) return []
  const found = await detectGpus({ tool: createTool(process.env['PATH']), logger })
  if (found.length > 0) logger.info({ gpus: found.map(({ name }) => name) }, 'found GPUs')
  return found.slice(0, allocatedGpus(share, found.length))
}
