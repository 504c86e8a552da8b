import { z } from 'zod'
import { constraintSchema, NETWORK_TYPES, networkSchema } from './job-spec.ts'
import { resourcesConfigSchema } from './resources.ts'
import { specConfigSchema } from './spec-config.ts'
import { absent, MAX_ITEMS, text, textByName, word } from './spec-fields.ts'

/**
 * The spec of the releases 0.3 to 1.2 (`Engine`, `Docker`, `Deal`, `PublisherSpec`), as the generic endpoint takes it. Fields
 * of all those releases are taken together; what has no meaning any more is refused later, by name.
 */

export const LEGACY_ENGINES = ['Noop', 'Docker', 'Wasm', 'Language', 'PythonWasm'] as const
export const LEGACY_VERIFIERS = ['Noop', 'Deterministic', 'External'] as const
export const LEGACY_PUBLISHERS = ['Noop', 'IPFS', 'S3', 'Local', 'Estuary', 'Filecoin'] as const
export const LEGACY_SOURCES = [
  'IPFS',
  'URLDownload',
  'Inline',
  'LocalDirectory',
  'S3',
  'Estuary',
  'Filecoin',
  'FilecoinUnsealed',
  'RepoClone',
  'RepoCloneLFS',
] as const

const strings = z.array(text(131_072)).max(10_000)
const anything = z.record(z.string(), z.unknown()).optional()

/** The programs of that time wrote `""` for a word that was not given. */
const optionalWord = <const T extends readonly [string, ...string[]]>(words: T) =>
  z.preprocess((value) => (value === '' ? undefined : value), word(words).optional())

export const legacyS3Schema = z.strictObject({
  Bucket: text(1_024).optional().describe('Name of the bucket. Required.'),
  Key: text(4_096).optional().describe('Name of the object, or a prefix with `*` at its end. Required.'),
  Filter: text(1_024).optional().describe('Regular expression that names have to match.'),
  Checksum: text(256).optional().describe('Older name of `ChecksumSHA256`.'),
  ChecksumSHA256: text(256).optional().describe('Base64 of the SHA-256 that the object must have.'),
  VersionID: text(1_024).optional().describe('Version of the object.'),
  Endpoint: text(2_048).optional().describe('URL of a service other than that of Amazon.'),
  Region: text(256).optional().describe('Region of the bucket.'),
})

export const storageSpecSchema = z.strictObject({
  StorageSource: optionalWord(LEGACY_SOURCES).describe(
    'Kind of storage; read off the other fields where it is not given. Filecoin and Git repositories are refused.',
  ),
  Name: text(1_024).optional().describe('Alias of an input; folder of an output among the results.'),
  CID: text(4_096).optional().describe('For `IPFS`.'),
  URL: text(11_000_000).optional().describe('For `URLDownload`; for `Inline` a `data:` URL.'),
  S3: legacyS3Schema.optional().describe('For `S3`.'),
  Repo: text(2_048).optional().describe('For repositories, which are refused.'),
  SourcePath: text(4_096).optional().describe('For `LocalDirectory`: path on the node.'),
  ReadWrite: z.boolean().optional().describe('For `LocalDirectory`: may the job write there?'),
  Path: text(4_096).optional().describe('Absolute path in the world of the job. Required for inputs and outputs.'),
  Metadata: anything.describe('Taken, without effect.'),
})
export type StorageSpec = z.infer<typeof storageSpecSchema>

export const legacyDockerSchema = z.strictObject({
  Image: text(1_024).default('').describe('Required.'),
  Entrypoint: strings.default([]).describe('Replaces the entry point of the image.'),
  Parameters: strings.default([]).describe('Arguments that follow the entry point.'),
  EnvironmentVariables: strings.default([]).describe('`NAME=value` each.'),
  WorkingDirectory: text(4_096).default('').describe('Absolute path in the container.'),
})

export const legacyWasmSchema = z.strictObject({
  EntryModule: storageSpecSchema.optional().describe('Where the module comes from. Required.'),
  EntryPoint: text(1_024).default('_start').describe('Function that is called.'),
  Parameters: strings.default([]).describe('Arguments of the program.'),
  EnvironmentVariables: textByName(text(131_072))
    .default({})
    .describe('Names may be in lower case, unlike those of a task of today.'),
  ImportModules: z.array(storageSpecSchema).max(100).default([]).describe('Modules that the entry module imports.'),
})

export const legacyPublisherSchema = z.strictObject({
  Type: optionalWord(LEGACY_PUBLISHERS).describe('Kind of publisher.'),
  Params: anything.describe('Parameters of that kind.'),
})

/** What used to run a job, in the two ways in which it was written. */
export const legacyEngineSchema = z.strictObject({
  Engine: word(LEGACY_ENGINES, absent('missing')),
  Docker: legacyDockerSchema.optional(),
  Wasm: legacyWasmSchema.optional(),
})
export type LegacyEngine = z.infer<typeof legacyEngineSchema>

export const legacyDealSchema = z.strictObject({
  Concurrency: z.int().min(0).max(1_000_000).default(1).describe('Runs of the job.'),
  Confidence: z
    .int()
    .min(0, 'confidence must be >= 0')
    .default(0)
    .describe('Runs that had to agree. At most `Concurrency`; otherwise without effect.'),
  MinBids: z.int().min(0).default(0).describe('Taken, without effect.'),
  TargetingMode: z.boolean().default(false).describe('`true`: the job runs on every fitting node, once.'),
})

/** Networks were closed where nothing was said. */
export const legacyNetworkSchema = networkSchema.extend({
  Type: word(NETWORK_TYPES).default('None').describe('As in a job of today, but closed where it is not given.'),
})

export const legacySpecSchema = z.strictObject({
  Engine: optionalWord(LEGACY_ENGINES).describe('What runs the job.'),
  EngineSpec: specConfigSchema
    .optional()
    .describe('The same in the form of release 1.2; counts where `Engine` is not given.'),
  Verifier: optionalWord(LEGACY_VERIFIERS).describe('Only `Noop` is left.'),
  Publisher: optionalWord(LEGACY_PUBLISHERS).describe('Where results go, as release 0.3 wrote it.'),
  PublisherSpec: legacyPublisherSchema
    .optional()
    .describe('Where results go. IPFS where nothing is said, and in place of Estuary and Filecoin.'),
  Docker: legacyDockerSchema.optional().describe('Parameters of the engine `Docker`.'),
  Wasm: legacyWasmSchema.optional().describe('Parameters of the engine `Wasm`.'),
  Language: anything.describe('Parameters of the engine `Language`, which is refused.'),
  Resources: resourcesConfigSchema.default({}).describe('What the job needs and may use.'),
  Network: legacyNetworkSchema.default({ Type: 'None' }).describe('What the job may reach: nothing, if not given.'),
  Timeout: z
    .number()
    .min(0, 'must be >= 0')
    .default(0)
    .describe('Seconds that one run may take. 0, or more than a year: no bound.'),
  Inputs: z.array(storageSpecSchema).max(MAX_ITEMS).default([]).describe('Data that the job reads.'),
  Outputs: z.array(storageSpecSchema).max(MAX_ITEMS).default([]).describe('Each with `Name` and `Path`.'),
  Contexts: z.array(storageSpecSchema).max(MAX_ITEMS).default([]).describe('Refused; list them as inputs.'),
  Annotations: z.array(text(256)).max(MAX_ITEMS).default([]).describe('Become labels of the job.'),
  NodeSelectors: z.array(constraintSchema).max(MAX_ITEMS).default([]).describe('Become constraints.'),
  DoNotTrack: z.boolean().optional().describe('Taken, without effect: nothing is tracked.'),
  Sharding: anything.describe('Refused where it has a `GlobPattern`; split the work by `Deal.Concurrency`.'),
  ExecutionPlan: anything.describe('Taken, without effect.'),
  Deal: legacyDealSchema
    .default({ Concurrency: 1, Confidence: 0, MinBids: 0, TargetingMode: false })
    .describe('How often, and where, the job runs.'),
})
export type LegacySpec = z.infer<typeof legacySpecSchema>

/** A whole job document of that time; all but `Spec` was the server's. */
export const legacyJobSchema = z.strictObject({
  APIVersion: z.unknown().optional(),
  Metadata: z.unknown().optional(),
  Spec: legacySpecSchema,
  Status: z.unknown().optional(),
})
