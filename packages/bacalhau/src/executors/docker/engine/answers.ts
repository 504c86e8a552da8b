import { z } from 'zod'

/** What the engine answers, as far as it is read here. Unknown fields are passed over: engines add some with each version. */

const texts = z
  .array(z.string())
  .nullish()
  .transform((list) => list ?? [])

export const versionSchema = z.object({
  Version: z.string().max(256),
  Os: z.string().max(64),
  Arch: z.string().max(64),
  Components: z
    .array(z.object({ Name: z.string() }))
    .nullish()
    .transform((list) => list ?? []),
})

export const infoSchema = z.object({
  NCPU: z.number().positive(),
  Driver: z.string().max(64),
  DockerRootDir: z.string().max(4_096).default(''),
  DriverStatus: z
    .array(z.array(z.string()))
    .nullish()
    .transform((list) => list ?? []),
})

export const createdSchema = z.object({ Id: z.string().regex(/^[\da-f]{12,64}$/) })

export const waitedSchema = z.object({ StatusCode: z.int() })

const timeSchema = z.string().transform((text) => {
  const time = Date.parse(text)
  // Go's zero time stands for never.
  return Number.isNaN(time) || time <= 0 ? undefined : time
})

export const containerSchema = z.object({
  Id: z.string(),
  State: z.object({
    Status: z.string(),
    Running: z.boolean(),
    ExitCode: z.int(),
    OOMKilled: z.boolean().optional(),
    Error: z.string().optional(),
    StartedAt: timeSchema,
  }),
  /** Bytes that it has written to its own files; only when asked for. */
  SizeRw: z.number().optional(),
})
export type Container = z.infer<typeof containerSchema>

export const foundSchema = z.array(
  z.object({
    Id: z.string(),
    State: z.string(),
    Labels: z
      .record(z.string(), z.string())
      .nullish()
      .transform((labels) => labels ?? {}),
    Mounts: z
      .array(z.object({ Source: z.string().optional() }))
      .nullish()
      .transform((mounts) => mounts ?? []),
  }),
)
export type FoundContainer = z.infer<typeof foundSchema>[number]

export const imageSchema = z.object({
  Id: z.string().min(1).max(256),
  RepoDigests: texts,
  Os: z.string().default(''),
  Architecture: z.string().default(''),
})
export type Image = z.infer<typeof imageSchema>

export const pullLineSchema = z.object({
  status: z.string().optional(),
  id: z.string().optional(),
  progressDetail: z.object({ current: z.number().optional(), total: z.number().optional() }).nullish(),
  error: z.string().optional(),
})
