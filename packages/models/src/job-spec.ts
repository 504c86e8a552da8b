import { z } from 'zod'
import { resourcesConfigSchema } from './resources.ts'
import { specConfigSchema } from './spec-config.ts'
import { absent, filled, labels, MAX_ITEMS, text, textByName, word } from './spec-fields.ts'

export const JOB_TYPES = ['batch', 'service', 'daemon', 'ops'] as const
export const NETWORK_TYPES = ['Default', 'None', 'Host', 'Full', 'HTTP', 'Bridge'] as const
export const CONSTRAINT_OPERATORS = ['in', 'notin', '=', '==', '!=', 'exists', '!', 'gt', 'lt'] as const

export const constraintSchema = z.strictObject({
  Key: filled(256, 'selector key cannot be blank').describe('Label of a node.'),
  Operator: word(CONSTRAINT_OPERATORS, absent('missing operator')).describe('How the label is compared.'),
  Values: z
    .array(text(1_024))
    .max(MAX_ITEMS)
    .optional()
    .describe('`in` and `notin` need at least one; `exists` and `!` take none; the others take exactly one.'),
})
export type Constraint = z.infer<typeof constraintSchema>

export const inputSourceSchema = z.strictObject({
  Source: specConfigSchema.describe('Where the data comes from, for example `ipfs` with the parameter `CID`.'),
  Alias: text(1_024).trim().default('').describe('A name for the input, unique within the task.'),
  Target: filled(4_096, 'input source is missing a target').describe(
    'Absolute path at which the task finds the data; it cannot be written.',
  ),
})
export type InputSourceSpec = z.infer<typeof inputSourceSchema>

export const resultPathSchema = z.strictObject({
  Name: filled(255, 'missing name').describe('Folder among the published results.'),
  Path: filled(4_096, 'missing path').describe('Absolute path of a folder to which the task writes.'),
})
export type ResultPath = z.infer<typeof resultPathSchema>

const invalidTarget = { error: ({ input }: { readonly input?: unknown }) => `invalid target port ${String(input)}` }

export const portSchema = z.strictObject({
  Name: z
    .string(absent('port mapping name is required'))
    .max(237)
    .regex(/^[A-Za-z_]\w*$/, 'port mapping name must match [A-Za-z_][A-Za-z0-9_]*')
    .describe('Becomes part of the environment variables `BACALHAU_PORT_<Name>` and `BACALHAU_HOST_PORT_<Name>`.'),
  Static: z.int().min(0).max(65_535).optional().describe('Port on the node, from 1024; 0 lets the node choose.'),
  Target: z
    .int()
    .min(0, invalidTarget)
    .max(65_535, invalidTarget)
    .optional()
    .describe('Port within the container; only with `Bridge`.'),
  HostNetwork: z
    .union([z.ipv4(), z.ipv6()], {
      error: ({ input }) => `invalid host network IP address: ${String(input).slice(0, 64)}`,
    })
    .optional()
    .describe('Address of the node on which the port listens.'),
})

export const networkSchema = z.strictObject({
  Type: word(NETWORK_TYPES)
    .default('Default')
    .describe(
      'What the task reaches: nothing, listed domains over HTTP, a bridge of its own, or the host. `Full` is `Host`.',
    ),
  Domains: z
    .array(text(253).trim().toLowerCase())
    .max(MAX_ITEMS)
    .optional()
    .describe('Host names or addresses that an `HTTP` network reaches; `*.` in front stands for any subdomain.'),
  Ports: z.array(portSchema).max(MAX_ITEMS).optional().describe('Ports of a `Host` or `Bridge` network.'),
})
export type NetworkSpec = z.infer<typeof networkSchema>

/** Whole seconds; 0 means none. A year bounds arithmetic, not anybody's job. */
const seconds = (name: string) => {
  const invalid = (problem: string) => `invalid ${name} timeout value: ${problem}`
  return z
    .int(invalid('expected whole seconds'))
    .min(0, invalid('must be >= 0'))
    .max(31_536_000, invalid('more than a year'))
}

export const timeoutsSchema = z.strictObject({
  ExecutionTimeout: seconds('execution').optional().describe('Seconds that one run may take. 0: no bound.'),
  QueueTimeout: seconds('queue').optional().describe('Seconds that the job may wait for a node.'),
  TotalTimeout: seconds('total').optional().describe('Seconds from submission to the end. 0: no bound.'),
  DisconnectGrace: seconds('disconnect')
    .optional()
    .describe(
      'Seconds that a run on a node which has gone may take to come back before it is run elsewhere. 3 if not given.',
    ),
})

export const taskSchema = z.strictObject({
  Name: filled(255, 'missing task name').describe('Name of the task, commonly `main`.'),
  Engine: specConfigSchema.describe('What runs it: `wasm`, `docker` or `noop`, and its parameters.'),
  Publisher: specConfigSchema
    .default({ Type: '' })
    .describe('Where results go, for example `ipfs`. Required where there are result paths.'),
  Env: textByName(text(131_072))
    .default({})
    .describe('Environment variables: names in upper case, values that are not empty.'),
  Meta: labels.default({}).describe('Notes of your own.'),
  InputSources: z.array(inputSourceSchema).max(MAX_ITEMS).default([]).describe('Data that the task reads.'),
  ResultPaths: z.array(resultPathSchema).max(MAX_ITEMS).default([]).describe('Folders whose content is published.'),
  Resources: resourcesConfigSchema.default({}).describe('What the task needs and may use.'),
  Network: networkSchema.default({ Type: 'Default' }).describe('What the task may reach.'),
  Timeouts: timeoutsSchema.default({}).describe('How long things may take.'),
})
export type Task = z.infer<typeof taskSchema>

/** What a user may write of a job (v1.9). */
export const jobSpecSchema = z.strictObject({
  Name: text(1_024)
    .trim()
    .default('')
    .describe('By it the job is found in its namespace; of several jobs, the newest. Empty: the ID of the job.'),
  Namespace: text(255).trim().default('').describe('Empty: `default`.'),
  Type: word(JOB_TYPES, absent('missing job type')).describe(
    'Runs to its end (`batch`), runs on (`service`), runs on at every fitting node (`daemon`), runs once on every fitting node (`ops`).',
  ),
  Priority: z.int().min(-1_000_000).max(1_000_000).default(0).describe('Higher goes first in a queue.'),
  Count: z
    .int('job count must be a whole number')
    .min(0, 'job count must be >= 0')
    .max(1_000_000)
    .optional()
    .describe(
      'Runs of a `batch` or `service` job, 1 where it is not given. `daemon` and `ops` run on every fitting node.',
    ),
  Constraints: z.array(constraintSchema).max(MAX_ITEMS).default([]).describe('What the labels of a node must be.'),
  Meta: labels.default({}).describe('Notes of your own. Keys that start with `bacalhau.org/` are reserved.'),
  Labels: labels.default({}).describe('By which jobs are found again.'),
  Tasks: z
    .array(taskSchema, absent('missing job tasks'))
    .min(1, 'missing job tasks')
    .max(100)
    .describe('What to run. Exactly one task; a second one is set aside with a warning.'),
})
export type JobSpec = z.infer<typeof jobSpecSchema>

/** Fields that clients send along with a spec although only the server sets them. Taken, and set aside with a warning. */
const unset = z.unknown().optional()
export const submittedJobSchema = z.strictObject({
  ...jobSpecSchema.shape,
  ID: text(255).optional(),
  State: unset,
  Version: unset,
  Revision: unset,
  CreateTime: unset,
  ModifyTime: unset,
})
export type SubmittedJob = z.infer<typeof submittedJobSchema>
/** The same as a program writes it: what has a default may be left out. */
export type JobInput = z.input<typeof submittedJobSchema>
