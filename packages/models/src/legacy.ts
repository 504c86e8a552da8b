import { checkJob } from './job-rules.ts'
import type { JobSpec, ResultPath, Task } from './job-spec.ts'
import { toEngine, type TranslatedEngine } from './legacy-engine.ts'
import { legacyJobSchema, type LegacySpec, legacySpecSchema, type StorageSpec } from './legacy-spec.ts'
import { toInput } from './legacy-storage.ts'
import { parseDocument } from './parse.ts'
import { nest, type Parsed, type Problem } from './problem.ts'
import type { SpecConfig } from './spec-config.ts'
import type { Submission } from './submission.ts'

/** Seconds. The original wrote 292 years for "no timeout"; nobody waits for a year either. */
const YEAR = 31_536_000

/**
 * Parses an older spec, or an older job document around one, and translates it into a v1.9 job. What cannot be honoured is an
 * error, not a surprise.
 */
export function parseLegacySpec(input: unknown): Parsed<Submission> {
  if (!fieldsOf(input).has('spec')) {
    const parsed = parseDocument(legacySpecSchema, input)
    return parsed.ok ? translate(parsed.value) : parsed
  }
  const parsed = parseDocument(legacyJobSchema, input)
  if (!parsed.ok) return parsed
  const translated = translate(parsed.value.Spec)
  return translated.ok ? translated : { ok: false, problems: nest('Spec', translated.problems) }
}

/** Is this document an older spec rather than a v1.9 job? An older spec names its engine at the top. */
export function isLegacySpec(input: unknown): boolean {
  const fields = fieldsOf(input)
  return !fields.has('tasks') && (fields.has('engine') || fields.has('enginespec') || fields.has('spec'))
}

/** Names of the top-level fields, in lower case. */
function fieldsOf(input: unknown): ReadonlySet<string> {
  const isObject = typeof input === 'object' && input !== null && !Array.isArray(input)
  return new Set(isObject ? Object.keys(input).map((key) => key.toLowerCase()) : [])
}

function translate(legacy: LegacySpec): Parsed<Submission> {
  const engine = toEngine(legacy)
  const problems: Problem[] = [...(engine.ok ? [] : engine.problems), ...refuse(legacy)]
  const inputs = legacy.Inputs.map((storage, index) => {
    const path = `Inputs[${index}]`
    return toInput(storage, need(storage.Path, `${path}.Path`, problems), path, problems)
  })
  const outputs = legacy.Outputs.map((storage, index) => toResultPath(storage, `Outputs[${index}]`, problems))
  if (!engine.ok || problems.length > 0) return { ok: false, problems }
  const { env, ...rest } = engine.value
  const task = toTask(legacy, rest, inputs, outputs)
  const broken = checkJob(toJob(legacy, task))
  if (broken.length > 0) return { ok: false, problems: broken.map(asWritten) }
  return { ok: true, value: { spec: toJob(legacy, { ...task, Env: env }), warnings: warnings(legacy) } }
}

function need(value: string | undefined, path: string, problems: Problem[]): string {
  if (!value?.trim()) problems.push({ path, message: 'missing' })
  return value?.trim() ?? ''
}

function toResultPath({ Name, Path }: StorageSpec, path: string, problems: Problem[]): ResultPath {
  return { Name: need(Name, `${path}.Name`, problems), Path: need(Path, `${path}.Path`, problems) }
}

function toTask(
  legacy: LegacySpec,
  { engine, inputs: modules }: Omit<TranslatedEngine, 'env'>,
  inputs: Task['InputSources'],
  outputs: Task['ResultPaths'],
): Task {
  const bounded = legacy.Timeout > 0 && legacy.Timeout <= YEAR
  return {
    Name: 'main',
    Engine: engine,
    Publisher: toPublisher(legacy),
    Env: {},
    Meta: {},
    InputSources: [...inputs, ...modules],
    ResultPaths: outputs,
    Resources: legacy.Resources,
    Network: legacy.Network,
    Timeouts: bounded ? { ExecutionTimeout: Math.ceil(legacy.Timeout) } : {},
  }
}

function toJob(legacy: LegacySpec, task: Task): JobSpec {
  const { TargetingMode, Concurrency } = legacy.Deal
  return {
    Name: '',
    Namespace: 'default',
    Type: TargetingMode ? 'ops' : 'batch',
    Priority: 0,
    Count: TargetingMode ? 0 : Concurrency,
    Constraints: legacy.NodeSelectors,
    Meta: {},
    Labels: Object.fromEntries(legacy.Annotations.map((annotation) => [annotation, ''])),
    Tasks: [task],
  }
}

const publisherOf = (legacy: LegacySpec) => legacy.PublisherSpec?.Type ?? legacy.Publisher ?? 'IPFS'
/** Both published to IPFS as well, which is what remains of them. */
const isGone = (publisher: string) => publisher === 'Estuary' || publisher === 'Filecoin'

function toPublisher(legacy: LegacySpec): SpecConfig {
  const publisher = publisherOf(legacy)
  if (isGone(publisher)) return { Type: 'ipfs' }
  const params = legacy.PublisherSpec?.Params
  return { Type: publisher.toLowerCase(), ...(params === undefined ? {} : { Params: params }) }
}

function warnings(legacy: LegacySpec): string[] {
  const publisher = publisherOf(legacy)
  return isGone(publisher) ? [`publisher ${publisher} is gone; results are published to IPFS`] : []
}

/** What an older spec may say, and nothing here can do. */
function refuse({ Verifier = 'Noop', Deal, Contexts, Sharding }: LegacySpec): Problem[] {
  const problems: Problem[] = []
  const fail = (path: string, message: string) => problems.push({ path, message })
  if (Verifier !== 'Noop') fail('Verifier', `verifier ${Verifier} is not supported; use Noop`)
  const { Concurrency, Confidence, TargetingMode } = Deal
  if (TargetingMode && Concurrency > 1) fail('Deal.Concurrency', 'must be 0 or 1 where the job runs on all nodes')
  if (!TargetingMode && Concurrency < 1) fail('Deal.Concurrency', 'concurrency must be >= 1')
  if (Confidence > Math.max(1, Concurrency)) {
    fail('Deal.Confidence', 'the deal confidence cannot be higher than the concurrency')
  }
  if (Contexts.length > 0) fail('Contexts', 'not supported; list them as Inputs')
  if (Sharding?.['GlobPattern']) fail('Sharding', 'not supported; split the work by Deal.Concurrency')
  return problems
}

/** Where the user of an older spec wrote what a v1.9 job has at `path`. */
function asWritten({ path, message }: Problem): Problem {
  const written = path
    .replace(/^Tasks\[0\]\./, '')
    .replace(/^InputSources/, 'Inputs')
    .replace(/^ResultPaths/, 'Outputs')
    .replace(/^Constraints/, 'NodeSelectors')
    .replace(/^Timeouts/, 'Timeout')
    .replace(/\.Target$/, '.Path')
  return { path: written, message }
}
