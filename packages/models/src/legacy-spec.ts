import { z } from 'zod'
import { constraintSchema, networkSchema } from './job-spec.ts'
import { resourcesConfigSchema } from './resources.ts'
import { specConfigSchema } from './spec-config.ts'

/** The spec of the releases 0.3 to 1.0 (`Engine`, `Docker`, `Deal`, `PublisherSpec`), as the generic endpoint takes it. */

const MAX_ITEMS = 1_000
const text = (max: number) => z.string().max(max)
const strings = z.array(text(131_072)).max(10_000)

/** Accepts the enum words of every release, whatever their case. */
const words = <const T extends readonly [string, ...string[]]>(known: T, what: string) =>
  z.preprocess(
    (value) =>
      typeof value === 'string' ? (known.find((word) => word.toLowerCase() === value.toLowerCase()) ?? value) : value,
    z.enum(known, { error: (issue) => `invalid ${what}: "${String(issue.input)}"; known are ${known.join(', ')}` }),
  )

export const LEGACY_ENGINES = ['Noop', 'Docker', 'Wasm', 'Language', 'PythonWasm'] as const
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

export const storageSpecSchema = z.strictObject({
  StorageSource: words(LEGACY_SOURCES, 'StorageSource').optional(),
  Name: text(1_024).optional(),
  CID: text(4_096).optional(),
  URL: text(11_000_000).optional(),
  S3: z
    .strictObject({
      Bucket: text(1_024).optional(),
      Key: text(4_096).optional(),
      Checksum: text(256).optional(),
      ChecksumSHA256: text(256).optional(),
      VersionID: text(1_024).optional(),
      Endpoint: text(2_048).optional(),
      Region: text(256).optional(),
    })
    .optional(),
  Repo: text(2_048).optional(),
  SourcePath: text(4_096).optional(),
  ReadWrite: z.boolean().optional(),
  Path: text(4_096).optional(),
  Metadata: z.record(z.string(), z.unknown()).optional(),
})
export type StorageSpec = z.infer<typeof storageSpecSchema>

export const legacySpecSchema = z.strictObject({
  Engine: words(LEGACY_ENGINES, 'engine'),
  EngineSpec: specConfigSchema.optional(),
  Verifier: text(64).default('Noop'),
  Publisher: text(64).optional(),
  PublisherSpec: specConfigSchema.optional(),
  Docker: z
    .strictObject({
      Image: text(1_024).default(''),
      Entrypoint: strings.default([]),
      Parameters: strings.default([]),
      EnvironmentVariables: strings.default([]),
      WorkingDirectory: text(4_096).default(''),
    })
    .optional(),
  Wasm: z
    .strictObject({
      EntryModule: storageSpecSchema.optional(),
      EntryPoint: text(1_024).optional(),
      Parameters: strings.default([]),
      EnvironmentVariables: z.record(text(256), text(131_072)).default({}),
      ImportModules: z.array(storageSpecSchema).max(100).default([]),
    })
    .optional(),
  Language: z.record(z.string(), z.unknown()).optional(),
  Resources: resourcesConfigSchema.default({}),
  Network: networkSchema.optional(),
  Timeout: z.number().min(0).max(31_536_000).default(0),
  Inputs: z.array(storageSpecSchema).max(MAX_ITEMS).default([]),
  Outputs: z.array(storageSpecSchema).max(MAX_ITEMS).default([]),
  Contexts: z.array(storageSpecSchema).max(MAX_ITEMS).default([]),
  Annotations: z.array(text(256)).max(MAX_ITEMS).default([]),
  NodeSelectors: z.array(constraintSchema).max(MAX_ITEMS).default([]),
  DoNotTrack: z.boolean().optional(),
  Sharding: z.record(z.string(), z.unknown()).optional(),
  ExecutionPlan: z.record(z.string(), z.unknown()).optional(),
  Deal: z
    .strictObject({
      Concurrency: z
        .number()
        .int('concurrency must be a whole number')
        .min(1, 'concurrency must be >= 1')
        .max(1_000_000)
        .default(1),
      Confidence: z.number().int().min(0, 'confidence must be >= 0').default(0),
      MinBids: z.number().int().min(0).default(0),
      TargetingMode: z.boolean().optional(),
    })
    .default({ Concurrency: 1, Confidence: 0, MinBids: 0 }),
})
export type LegacySpec = z.infer<typeof legacySpecSchema>
