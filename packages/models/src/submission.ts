import { checkJob } from './job-rules.ts'
import { nameParams, takeVariables } from './engine-params.ts'
import { type JobSpec, type SubmittedJob, submittedJobSchema, type Task } from './job-spec.ts'
import { parseDocument } from './parse.ts'
import type { Parsed } from './problem.ts'
import { mountModules } from './wasm-modules.ts'

export interface Submission {
  readonly spec: JobSpec
  /** What was set aside, one sentence each. */
  readonly warnings: readonly string[]
}

const RESERVED_META = 'bacalhau.org/'
const SERVER_FIELDS = [
  ['State', 'state'],
  ['Revision', 'revision'],
  ['Version', 'version'],
  ['CreateTime', 'create time'],
  ['ModifyTime', 'modify time'],
] as const

/** Parses, checks and normalises a v1.9 job as a client submits it. */
export function parseSubmission(input: unknown): Parsed<Submission> {
  if (input === undefined || input === null) return { ok: false, problems: [{ path: '', message: 'empty/nil job' }] }
  const parsed = parseDocument(submittedJobSchema, input)
  if (!parsed.ok) return parsed
  const read = parsed.value.Tasks.map((task, index) => readTask(task, `Tasks[${index}]`))
  const broken = read.flatMap((task) => (task.ok ? [] : task.problems))
  const tasks = read.flatMap((task) => (task.ok ? [task.value] : []))
  const job = { ...parsed.value, Tasks: tasks.map(({ task }) => task) }
  // Checked as it was written: normalising first would hide a count that does not fit the type.
  const problems = broken.length > 0 ? broken : checkJob(job)
  if (problems.length > 0) return { ok: false, problems }
  const complete = tasks.map(({ task, variables }) => ({ ...task, Env: { ...task.Env, ...variables } }))
  return { ok: true, value: sanitise({ ...job, Tasks: complete }) }
}

/** A task as the engines of today are told, and the variables that older clients gave to the engine. */
function readTask(written: Task, path: string): ReturnType<typeof takeVariables> {
  const mounted = mountModules(nameParams(written), path)
  return mounted.ok ? takeVariables(mounted.value, path) : mounted
}

function sanitise(submitted: SubmittedJob): Submission {
  const { ID, State, Version, Revision, CreateTime, ModifyTime, ...spec } = submitted
  const set = { State: stateType(State), Version, Revision, CreateTime, ModifyTime }
  const reserved = Object.keys(spec.Meta).filter((key) => key.startsWith(RESERVED_META))
  const warnings = [
    ...SERVER_FIELDS.filter(([field]) => isSet(set[field])).map(
      ([, name]) => `job ${name} is ignored when submitting a job`,
    ),
    ...(isSet(ID) ? [`job ID is ignored when submitting ${spec.Type === 'ops' ? 'an' : 'a'} ${spec.Type} job`] : []),
    ...(spec.Tasks.length > 1 ? ['only one task is supported per job'] : []),
    ...reserved.map((key) => `job meta key "${key}" is reserved and will be ignored`),
  ]
  return { spec: normalise(spec), warnings }
}

function normalise(spec: JobSpec): JobSpec {
  const everywhere = spec.Type === 'daemon' || spec.Type === 'ops'
  return {
    ...spec,
    Namespace: spec.Namespace === '' ? 'default' : spec.Namespace,
    Count: everywhere ? 0 : (spec.Count ?? 1),
    Meta: Object.fromEntries(Object.entries(spec.Meta).filter(([key]) => !key.startsWith(RESERVED_META))),
    Tasks: spec.Tasks.slice(0, 1),
  }
}

/** Clients send zero values for what they do not set. */
const isSet = (value: unknown): boolean => value !== undefined && value !== 0 && value !== '' && value !== '0'

/** The state that `{"StateType": …}` names; undefined for none. */
function stateType(state: unknown): unknown {
  if (typeof state !== 'object' || state === null) return state
  const type: unknown = Object.entries(state).find(([key]) => key.toLowerCase() === 'statetype')?.[1]
  return type === 'Undefined' ? undefined : type
}
