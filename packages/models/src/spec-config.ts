import { z } from 'zod'

/** A kind (`Type`) and its own parameters: how engines, sources, publishers and results are named everywhere. */
export const specConfigSchema = z.strictObject({
  Type: z.string().max(64).trim().default('').describe('Kind, in any letter case.'),
  Params: z.record(z.string(), z.unknown()).optional().describe('Parameters of that kind.'),
})
export type SpecConfig = z.infer<typeof specConfigSchema>
