import { parseDocument, type SpecConfig, specConfigSchema } from '@bacalhau/models'
import { z } from 'zod'
import { parseParams } from '../params.ts'

const id = z.string().min(1).max(128)
const innerPath = z
  .string()
  .max(4_096)
  .refine(
    (path) => !path.split('/').some((name) => name === '.' || name === '..'),
    'must be one of names below the results',
  )

const wantedSchema = z.strictObject({
  JobID: id,
  ExecutionID: id.optional(),
  Partition: z.int().nonnegative().max(1_000_000).optional(),
  Path: innerPath.optional(),
  // What an orchestrator has put in is looked up again, and so may be submitted again.
  Result: z.unknown().optional(),
})

/** Which results a job wants as its input, as its author writes it. */
export interface WantedResults {
  /** An ID, the beginning of one, or a name. */
  readonly JobID: string
  readonly ExecutionID?: string | undefined
  readonly Partition?: number | undefined
  readonly Path?: string | undefined
}

/** Throws `ValidationError`. */
export function parseWantedResults(spec: SpecConfig): WantedResults {
  const { Result: _, ...wanted } = parseParams(wantedSchema, spec)
  return wanted
}

const openedSchema = z.strictObject({
  JobID: id,
  ExecutionID: id,
  Path: innerPath.optional(),
  Result: specConfigSchema,
})

/** The same as a compute node gets it: the results of one execution, and where its publisher has put them. */
export type OpenedResults = z.output<typeof openedSchema>

/** Throws `ValidationError`. */
export const parseOpenedResults = (spec: SpecConfig): OpenedResults => parseParams(openedSchema, spec)

/** The results that this input names, if it names any. */
export function openedJobInput({ Type, Params }: SpecConfig): OpenedResults | undefined {
  if (Type.toLowerCase() !== JOB_SOURCE) return undefined
  const parsed = parseDocument(openedSchema, Params ?? {})
  return parsed.ok ? parsed.value : undefined
}

/** The type of an input that is the results of another job. */
export const JOB_SOURCE = 'job'
