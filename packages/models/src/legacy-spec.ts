import { z } from 'zod'
import { constraintSchema, NETWORK_TYPES, networkSchema } from './job-spec.ts'
import { resourcesConfigSchema } from './resources.ts'
import { specConfigSchema } from './spec-config.ts'
import { absent, MAX_ITEMS, text, word } from './spec-fields.ts'

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

export const storageSpecSchema = z.strictObject({
  StorageSource: optionalWord(LEGACY_SOURCES).describe('Read off the other fields where it is not given.'),
  Name: text(1_024).optional(),
  CID: text(4_096).optional().describe('For `IPFS`.'),
  URL: text(11_000_000).optional().describe('For `URLDownload`; for `Inline` a `data:` URL.'),
  S3: z
    .strictObject({
      Bucket: text(1_024).optional(),
      Key: text(4_096).optional(),
      Filter: text(1_024).optional(),
      Checksum: text(256).optional(),
      ChecksumSHA256: text(256).optional(),
      VersionID: text(1_024).optional(),
      Endpoint: text(2_048).optional(),
      Region: text(256).optional(),
    })
    .optional(),
  Repo: text(2_048).optional(),
  SourcePath: text(4_096).optional().describe('For `LocalDirectory`.'),
  ReadWrite: z.boolean().optional(),
  Path: text(4_096).optional().describe('Absolute path in the world of the job.'),
  Metadata: anything,
})
export type StorageSpec = z.infer<typeof storageSpecSchema>

export const legacyDockerSchema = z.strictObject({
  Image: text(1_024).default(''),
  Entrypoint: strings.default([]),
  Parameters: strings.default([]),
  EnvironmentVariables: strings.default([]).describe('`NAME=value` each.'),
  WorkingDirectory: text(4_096).default(''),
})

export const legacyWasmSchema = z.strictObject({
  EntryModule: storageSpecSchema.optional().describe('Where the module comes from.'),
  EntryPoint: text(1_024).default('_start').describe('Function that is called.'),
  Parameters: strings.default([]),
  EnvironmentVariables: z.record(text(256), text(131_072)).default({}),
  ImportModules: z.array(storageSpecSchema).max(100).default([]).describe('Modules that the entry module imports.'),
})

/** What used to run a job, in the two ways in which it was written. */
export const legacyEngineSchema = z.strictObject({
  Engine: word(LEGACY_ENGINES, absent('missing')),
  Docker: legacyDockerSchema.optional(),
  Wasm: legacyWasmSchema.optional(),
})
export type LegacyEngine = z.infer<typeof legacyEngineSchema>

export const legacyDealSchema = z.strictObject({
  Concurrency: z.int().min(0).max(1_000_000).default(1).describe('Nodes that run the job, each once.'),
  Confidence: z.int().min(0, 'confidence must be >= 0').default(0),
  MinBids: z.int().min(0).default(0),
  TargetingMode: z.boolean().default(false).describe('`true`: on all fitting nodes.'),
})

export const legacySpecSchema = z.strictObject({
  Engine: optionalWord(LEGACY_ENGINES).describe('What runs the job.'),
  EngineSpec: specConfigSchema
    .optional()
    .describe('The same in the form of release 1.2; counts where `Engine` is not given.'),
  Verifier: optionalWord(LEGACY_VERIFIERS).describe('Only `Noop` is left.'),
  Publisher: optionalWord(LEGACY_PUBLISHERS).describe('Where results go, as release 0.3 wrote it.'),
  PublisherSpec: z
    .strictObject({ Type: optionalWord(LEGACY_PUBLISHERS), Params: anything })
    .optional()
    .describe('Where results go. IPFS where nothing is said, and in place of Estuary and Filecoin.'),
  Docker: legacyDockerSchema.optional(),
  Wasm: legacyWasmSchema.optional(),
  Language: anything.describe('Not supported.'),
  Resources: resourcesConfigSchema.default({}),
  Network: networkSchema
    .extend({ Type: word(NETWORK_TYPES).default('None') })
    .default({ Type: 'None' })
    .describe('Nothing may be reached where it is not given.'),
  Timeout: z
    .number()
    .min(0, 'must be >= 0')
    .default(0)
    .describe('Seconds that one run may take. 0, or more than a year: no bound.'),
  Inputs: z.array(storageSpecSchema).max(MAX_ITEMS).default([]),
  Outputs: z.array(storageSpecSchema).max(MAX_ITEMS).default([]).describe('Each with `Name` and `Path`.'),
  Contexts: z.array(storageSpecSchema).max(MAX_ITEMS).default([]).describe('Not supported.'),
  Annotations: z.array(text(256)).max(MAX_ITEMS).default([]).describe('Become labels of the job.'),
  NodeSelectors: z.array(constraintSchema).max(MAX_ITEMS).default([]).describe('Become constraints.'),
  DoNotTrack: z.boolean().optional().describe('Taken, without effect: nothing is tracked.'),
  Sharding: anything.describe('Not supported.'),
  ExecutionPlan: anything.describe('Taken, without effect.'),
  Deal: legacyDealSchema.default({ Concurrency: 1, Confidence: 0, MinBids: 0, TargetingMode: false }),
})
export type LegacySpec = z.infer<typeof legacySpecSchema>

/** A whole job document of that time; all but `Spec` was the server's. */
export const legacyJobSchema = z.strictObject({
  APIVersion: z.unknown().optional(),
  Metadata: z.unknown().optional(),
  Spec: legacySpecSchema,
  Status: z.unknown().optional(),
})
