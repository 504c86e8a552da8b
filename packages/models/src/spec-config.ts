import { z } from 'zod'

/** A kind (`Type`) and its own parameters: how engines, sources, publishers and results are named everywhere. */
export const specConfigSchema = z.strictObject({
  Type: z.string().max(64).default(''),
  Params: z.record(z.string(), z.unknown()).optional(),
})
export type SpecConfig = z.infer<typeof specConfigSchema>
