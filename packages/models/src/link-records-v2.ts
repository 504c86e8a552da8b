import { z } from 'zod'
import { jobV1Schema, nodeInfoV1Schema, resourcesV1Schema, taskV1Schema, timeoutsV1Schema } from './link-records-v1.ts'

/**
 * Jobs and nodes as version 2 of the link knows them: those of version 1, and what had been added by then. For peers of that
 * version what the models have gained since is left out, as `link-records-v1.ts` says. Nothing is ever added here.
 */

const name = z.string().max(256)
const whole = z.int().nonnegative()

const taskV2Schema = taskV1Schema.extend({
  Timeouts: timeoutsV1Schema.extend({ DisconnectGrace: z.int().min(0).max(31_536_000).optional() }),
})

export const jobV2Schema = jobV1Schema.extend({ Tasks: z.array(taskV2Schema).min(1) })

const gpuV2Schema = z.object({
  Index: whole,
  Name: name,
  Vendor: z.enum(['NVIDIA', 'AMD/ATI', 'Intel']),
  Memory: whole,
  PCIAddress: name,
})

export const nodeInfoV2Schema = nodeInfoV1Schema.extend({
  ComputeNodeInfo: nodeInfoV1Schema.shape.ComputeNodeInfo.extend({
    MaxCapacity: resourcesV1Schema.extend({ GPUs: z.array(gpuV2Schema).max(256).optional() }),
  }),
})
