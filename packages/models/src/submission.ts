import { checkJob } from './job-rules.ts'
import { type JobSpec, type SubmittedJob, submittedJobSchema } from './job-spec.ts'
import { parseDocument } from './parse.ts'
import type { Parsed } from './problem.ts'

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
  if (typeof input !== 'object' || input === null)
    return { ok: false, problems: [{ path: '', message: 'empty/nil job' }] }
  const parsed = parseDocument(submittedJobSchema, input)
  if (!parsed.ok) return parsed
  const { spec, warnings } = sanitise(parsed.value)
  const problems = checkJob(spec)
  return problems.length > 0 ? { ok: false, problems } : { ok: true, value: { spec, warnings } }
}

function sanitise(submitted: SubmittedJob): { spec: JobSpec; warnings: string[] } {
  const { ID, State, Version, Revision, CreateTime, ModifyTime, ...spec } = submitted
  const set = { State: isSetState(State) ? State : undefined, Version, Revision, CreateTime, ModifyTime }
  const warnings: string[] = SERVER_FIELDS.filter(([field]) => isSet(set[field])).map(
    ([, name]) => `job ${name} is ignored when submitting a job`,
  )
  if (ID !== undefined && ID !== '') warnings.push(`job ID is ignored when submitting a ${spec.Type} job`)
  if (spec.Tasks.length > 1) warnings.push('only one task is supported per job')
  const reserved = Object.keys(spec.Meta).filter((key) => key.startsWith(RESERVED_META))
  warnings.push(...reserved.map((key) => `job meta key "${key}" is reserved and will be ignored`))
  const everywhere = spec.Type === 'daemon' || spec.Type === 'ops'
  return {
    warnings,
    spec: {
      ...spec,
      Namespace: spec.Namespace === '' ? 'default' : spec.Namespace,
      Count: everywhere ? 0 : (spec.Count ?? 1),
      Meta: Object.fromEntries(Object.entries(spec.Meta).filter(([key]) => !key.startsWith(RESERVED_META))),
      Tasks: spec.Tasks.slice(0, 1),
    },
  }
}

/** Clients send zero values for what they do not set. */
const isSet = (value: unknown): boolean => value !== undefined && value !== 0 && value !== '' && value !== '0'

function isSetState(state: unknown): boolean {
  if (typeof state !== 'object' || state === null) return isSet(state)
  const type = 'StateType' in state ? state.StateType : undefined
  return type !== undefined && type !== 'Undefined' && type !== ''
}
