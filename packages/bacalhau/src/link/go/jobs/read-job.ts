import {
  type Job,
  type JobSpec,
  legacySpecSchema,
  type Parsed,
  parseLegacySpec,
  parseSubmission,
  type Problem,
  type Resources,
  type Submission,
  toResources,
} from '@bacalhau/models'
import { z } from 'zod'
import { BacalhauError } from '../../../runtime/error.ts'
import { goName, goObject, goText, goWhole } from '../wire/go-json.ts'
import { locateModules } from './read-module.ts'

/** A job of a Go requester in our terms, and what it was to be given in numbers. */
export interface ReadJob {
  readonly job: Job
  readonly resources: Resources
}

/** What a job gets that asks for nothing: what those releases gave it. */
const DEFAULTS: Resources = { CPU: 0.5, Memory: 1_000_000_000, Disk: 0, GPU: 0 }
/** Seconds. The releases wrote 292 years for "no timeout". */
const YEAR = 31_536_000

const anyMap = z.record(z.string(), z.unknown()).optional()
/** Lists and maps that Go has none of are `null` there. */
const paramsSchema = anyMap.transform(
  (params) => params && Object.fromEntries(Object.entries(params).filter(([, value]) => value !== null)),
)
const specSchema = goObject({ Type: goText, Params: paramsSchema })
const texts = z.array(z.string()).optional()
const inputSchema = goObject({ Source: specSchema, Alias: goText, Target: goText })
const resourcesSchema = goObject({ CPU: goText, Memory: goText, Disk: goText, GPU: goText })

const taskSchema = goObject({
  Name: goText,
  Engine: specSchema,
  Publisher: specSchema,
  Env: anyMap,
  Meta: anyMap,
  InputSources: z.array(inputSchema).optional(),
  ResultPaths: z.array(goObject({ Name: goText, Path: goText })).optional(),
  Resources: resourcesSchema,
  /** Its name in the releases 1.0.4 and 1.1.0. */
  ResourcesConfig: resourcesSchema,
  Network: goObject({ Type: goText, Domains: texts }),
  Timeouts: goObject({ ExecutionTimeout: z.number().default(0) }),
})

const jobSchema = goObject({
  ID: goName,
  Name: goText,
  Namespace: goText,
  Type: goText,
  Priority: goWhole,
  Count: goWhole,
  Constraints: z.array(goObject({ Key: goText, Operator: goText, Values: texts })).optional(),
  Meta: z.record(z.string(), z.string()).optional(),
  Labels: anyMap,
  Tasks: z.array(taskSchema).optional(),
})

/** Reads the job of an ask of the releases 1.0.4 to 1.3.1. Throws `BadRequest` that says what cannot be done with it. */
export async function readJob(document: unknown, now: number): Promise<ReadJob> {
  const read = jobSchema.safeParse(document)
  if (!read.success) throw unreadable(read.error.issues.map(({ path, message }) => ({ path: path.join('.'), message })))
  const { ID, Meta = {}, Tasks = [], Type, Count, ...rest } = read.data
  const everywhere = ['ops', 'daemon'].includes(Type.toLowerCase())
  const submission = parseSubmission({
    ...rest,
    Type,
    ...(everywhere ? {} : { Count }),
    Tasks: Tasks.slice(0, 1).map(toTask),
  })
  return finish(submission, { id: ID, meta: Meta, now })
}

function toTask({ Network, Timeouts, Resources, ResourcesConfig, ...task }: z.output<typeof taskSchema>): object {
  const { ExecutionTimeout } = Timeouts
  const bounded = ExecutionTimeout > 0 && ExecutionTimeout <= YEAR
  return {
    ...task,
    Resources: Object.values(Resources).some((value) => value !== '') ? Resources : ResourcesConfig,
    Network: Network.Type === '' ? { Type: 'None' } : Network,
    Timeouts: bounded ? { ExecutionTimeout: Math.ceil(ExecutionTimeout) } : {},
  }
}

const jobSchemaB = goObject({
  APIVersion: goText,
  Metadata: goObject({ ID: goName, ClientID: goText }),
  Spec: z.record(z.string(), z.unknown()).default({}),
})

/** The same for an ask of the releases 1.0.0 to 1.0.3. */
export async function readJobB(document: unknown, now: number): Promise<ReadJob> {
  const read = jobSchemaB.safeParse(document)
  if (!read.success) throw unreadable(read.error.issues.map(({ path, message }) => ({ path: path.join('.'), message })))
  const { Metadata, Spec } = read.data
  const known = new Set(Object.keys(legacySpecSchema.shape).map((name) => name.toLowerCase()))
  const spec = Object.fromEntries(Object.entries(Spec).filter(([name]) => known.has(name.toLowerCase())))
  const meta = Metadata.ClientID === '' ? {} : { 'bacalhau.org/client.id': Metadata.ClientID }
  return finish(parseLegacySpec(spec), { id: Metadata.ID, meta, now })
}

interface Facts {
  readonly id: string
  readonly meta: Readonly<Record<string, string>>
  /** Milliseconds since the epoch. */
  readonly now: number
}

async function finish(submission: Parsed<Submission>, facts: Facts): Promise<ReadJob> {
  if (!submission.ok) throw unreadable(submission.problems)
  const { spec } = submission.value
  const Tasks = await Promise.all(spec.Tasks.map(locateModules))
  const job = toJob({ ...spec, Tasks }, facts)
  return { job, resources: toResources(Tasks[0]?.Resources ?? {}, DEFAULTS) }
}

function toJob(spec: JobSpec, { id, meta, now }: Facts): Job {
  if (id === '') throw new BacalhauError('BadRequest', 'the job has no ID')
  const time = now * 1_000_000
  return {
    ...spec,
    ID: id,
    Meta: { ...meta },
    Count: spec.Count ?? 1,
    State: { StateType: 'Running' },
    Version: 1,
    Revision: 1,
    CreateTime: time,
    ModifyTime: time,
  }
}

function unreadable(problems: readonly Problem[]): BacalhauError {
  const said = problems.slice(0, 10).map(({ path, message }) => (path === '' ? message : `${path}: ${message}`))
  return new BacalhauError('BadRequest', `this node cannot run the job: ${said.join('; ').slice(0, 2_000)}`)
}
