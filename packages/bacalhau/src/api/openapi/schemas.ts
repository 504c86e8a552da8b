import {
  apiErrorSchema,
  constraintSchema,
  executionSchema,
  inputSourceSchema,
  jobHistorySchema,
  jobProgressSchema,
  jobSchema,
  nodeInfoSchema,
  nodeStateSchema,
  resourcesSchema,
  specConfigSchema,
  taskSchema,
} from '@bacalhau/models'
import { z } from 'zod'
import { engineSpec, jobSpec, taskSpec } from './job-spec.ts'

/** Schemas that the reference shows under a name of their own. */
const named = z.registry<{ readonly id: string }>()
const NAMES = {
  Error: apiErrorSchema,
  Job: jobSchema,
  JobSpec: jobSpec,
  TaskSpec: taskSpec,
  EngineSpec: engineSpec,
  JobHistory: jobHistorySchema,
  Progress: jobProgressSchema,
  Execution: executionSchema,
  Task: taskSchema,
  InputSource: inputSourceSchema,
  Constraint: constraintSchema,
  Resources: resourcesSchema,
  SpecConfig: specConfigSchema,
  NodeInfo: nodeInfoSchema,
  NodeState: nodeStateSchema,
} as const
for (const [id, schema] of Object.entries(NAMES)) named.add(schema, { id })

/** The names, and what the schemas say of themselves. */
const metadata = z.registry<z.core.GlobalMeta>()
metadata.get = (schema) => ({ ...z.globalRegistry.get(schema), ...named.get(schema) })

export type Json = Readonly<Record<string, unknown>>

/** What is sent and what is answered may differ: fields with a default may be left out of the former. */
export type Direction = 'input' | 'output'

/** The schemas of a document: gives references to those that have a name, and remembers what they refer to. */
export class Schemas {
  readonly components: Record<string, Json> = {}

  /** `schema` as JSON Schema 2020-12, in which named ones are references. */
  of(schema: z.ZodType, io: Direction): Json {
    const text = { ...z.toJSONSchema(schema, { io, metadata, unrepresentable: 'any', override: describe }) }
    const { $schema: _dialect, $defs = {}, id: _id, ...root } = text
    const name = (id: string) => (io === 'input' && !id.endsWith('Spec') ? `${id}Input` : id)
    const local = (value: unknown) => relinked(io === 'input' ? withNulls(value) : value, name)
    for (const [id, definition] of Object.entries($defs)) {
      const { id: _own, ...rest } = definition as Json
      this.components[name(id)] = local(rest) as Json
    }
    const own = named.get(schema)?.id
    if (own === undefined) return local(root) as Json
    this.components[name(own)] = local(root) as Json
    return { $ref: `#/components/schemas/${name(own)}` }
  }
}

interface Described {
  readonly zodSchema: z.core.$ZodTypes
  readonly jsonSchema: z.core.JSONSchema.BaseSchema
}

/** What is tidied before it is checked reads like what it is checked against. Bounds of safe integers say nothing to a reader. */
function describe({ zodSchema, jsonSchema }: Described): void {
  const { def } = zodSchema._zod
  if (def.type === 'pipe' && def.in._zod.def.type === 'transform' && jsonSchema.type === undefined) {
    const { $schema: _dialect, ...shape } = z.toJSONSchema(def.out, { io: 'input', unrepresentable: 'any' })
    Object.assign(jsonSchema, { ...shape, ...jsonSchema })
  }
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum
}

/** A field of a body that is null counts as absent, so where it may be absent it may be null. */
function withNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withNulls)
  if (!isJson(value)) return value
  const inner: Json = Object.fromEntries(Object.entries(value).map(([key, part]) => [key, withNulls(part)]))
  const { properties, required } = inner
  if (!isJson(properties)) return inner
  const needed = new Set(Array.isArray(required) ? required : [])
  const fields = Object.entries(properties).map(([name, shape]) => [
    name,
    needed.has(name) || !isJson(shape) || saysNothing(shape) ? shape : orNull(shape),
  ])
  return { ...inner, properties: Object.fromEntries(fields) }
}

const isJson = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)
const saysNothing = (shape: Json): boolean =>
  Object.keys(shape).every((key) => key === 'description' || key === 'default')

function orNull({ description, default: standard, ...shape }: Json): Json {
  const about = {
    ...(description === undefined ? {} : { description }),
    ...(standard === undefined ? {} : { default: standard }),
  }
  return { ...about, anyOf: [shape, { type: 'null' }] }
}

function relinked(value: unknown, name: (id: string) => string): unknown {
  if (Array.isArray(value)) return value.map((item) => relinked(item, name))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      const found = key === '$ref' && typeof inner === 'string' ? /^#\/\$defs\/(.+)$/.exec(inner)?.[1] : undefined
      return [key, found === undefined ? relinked(inner, name) : `#/components/schemas/${name(found)}`]
    }),
  )
}
