import { z } from 'zod'
import { resourcesConfigSchema } from './resources.ts'
import { specConfigSchema } from './spec-config.ts'

/** Bounds on what one spec may hold; the whole body is capped by the API as well. */
const MAX_ITEMS = 1_000
const text = (max: number) => z.string().max(max)
const labels = z.record(text(256), text(4_096))

/** Takes any letter case of the listed words. */
const word = <const T extends readonly [string, ...string[]]>(words: T) =>
  z.preprocess(
    (value) =>
      typeof value === 'string' ? (words.find((known) => known.toLowerCase() === value.toLowerCase()) ?? value) : value,
    z.enum(words),
  )

export const JOB_TYPES = ['batch', 'service', 'daemon', 'ops'] as const
export const NETWORK_TYPES = ['Default', 'None', 'Host', 'Full', 'HTTP', 'Bridge'] as const
export const CONSTRAINT_OPERATORS = ['in', 'notin', '=', '==', '!=', 'exists', '!', 'gt', 'lt'] as const

export const constraintSchema = z.strictObject({
  Key: text(256).trim().min(1, 'selector key cannot be blank'),
  Operator: word(CONSTRAINT_OPERATORS),
  Values: z.array(text(1_024)).max(MAX_ITEMS).optional(),
})
export type Constraint = z.infer<typeof constraintSchema>

export const inputSourceSchema = z.strictObject({
  Source: specConfigSchema,
  Alias: text(1_024).trim().default(''),
  Target: text(4_096).trim().min(1, 'input source is missing a target'),
})
export type InputSourceSpec = z.infer<typeof inputSourceSchema>

export const resultPathSchema = z.strictObject({
  Name: text(255).trim().min(1, 'missing name'),
  Path: text(4_096).trim().min(1, 'missing path'),
})
export type ResultPath = z.infer<typeof resultPathSchema>

export const portSchema = z.strictObject({
  Name: text(237).regex(/^[A-Za-z_]\w*$/, 'port name must match [A-Za-z_][A-Za-z0-9_]*'),
  Static: z.number().int().min(0).max(65_535).optional(),
  Target: z.number().int().min(0).max(65_535).optional(),
  HostNetwork: text(64).optional(),
})

export const networkSchema = z.strictObject({
  Type: word(NETWORK_TYPES).default('Default'),
  Domains: z.array(text(253).trim().toLowerCase()).max(MAX_ITEMS).optional(),
  Ports: z.array(portSchema).max(MAX_ITEMS).optional(),
})
export type NetworkSpec = z.infer<typeof networkSchema>

/** Whole seconds; 0 means none. A year bounds arithmetic, not anybody's job. */
const seconds = (name: string) =>
  z
    .number({ error: `invalid ${name} timeout value: whole seconds wanted` })
    .int(`invalid ${name} timeout value: whole seconds wanted`)
    .min(0, `invalid ${name} timeout value: must be >= 0`)
    .max(31_536_000, `invalid ${name} timeout value: more than a year`)

export const timeoutsSchema = z.strictObject({
  ExecutionTimeout: seconds('execution').optional(),
  QueueTimeout: seconds('queue').optional(),
  TotalTimeout: seconds('total').optional(),
})
export type TimeoutsSpec = z.infer<typeof timeoutsSchema>

export const taskSchema = z.strictObject({
  Name: text(255).trim().min(1, 'missing task name'),
  Engine: specConfigSchema,
  Publisher: specConfigSchema.default({ Type: '' }),
  Env: z.record(text(256), text(131_072)).default({}),
  Meta: labels.default({}),
  InputSources: z.array(inputSourceSchema).max(MAX_ITEMS).default([]),
  ResultPaths: z.array(resultPathSchema).max(MAX_ITEMS).default([]),
  Resources: resourcesConfigSchema.default({}),
  Network: networkSchema.default({ Type: 'Default' }),
  Timeouts: timeoutsSchema.default({}),
})
export type Task = z.infer<typeof taskSchema>

/** What a user may write of a job (v1.9). */
export const jobSpecSchema = z.strictObject({
  Name: text(1_024).default(''),
  Namespace: text(255).default(''),
  Type: z
    .string({ error: 'missing job type' })
    .trim()
    .toLowerCase()
    .min(1, 'missing job type')
    .pipe(z.enum(JOB_TYPES, { error: (issue) => `invalid job type: "${String(issue.input)}"` })),
  Priority: z.number().int().min(-1_000_000).max(1_000_000).default(0),
  Count: z.number().int('job count must be a whole number').min(0, 'job count must be >= 0').max(1_000_000).optional(),
  Constraints: z.array(constraintSchema).max(MAX_ITEMS).default([]),
  Meta: labels.default({}),
  Labels: labels.default({}),
  Tasks: z.array(taskSchema).min(1, 'missing job tasks').max(100),
})
export type JobSpec = z.infer<typeof jobSpecSchema>

/** Fields that clients send along with a spec although only the server sets them. Taken, and set aside with a warning. */
const unset = z.unknown().optional()
export const submittedJobSchema = z.strictObject({
  ...jobSpecSchema.shape,
  ID: z.string().max(255).optional(),
  State: unset,
  Version: unset,
  Revision: unset,
  CreateTime: unset,
  ModifyTime: unset,
})
export type SubmittedJob = z.infer<typeof submittedJobSchema>
