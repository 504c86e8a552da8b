import { checkJob } from './job-rules.ts'
import type { InputSourceSpec, JobSpec, Task } from './job-spec.ts'
import { type LegacySpec, legacySpecSchema, type StorageSpec } from './legacy-spec.ts'
import { parseDocument } from './parse.ts'
import type { Parsed, Problem } from './problem.ts'
import type { SpecConfig } from './spec-config.ts'
import type { Submission } from './submission.ts'

/** Where a module of an older spec is mounted, as the original places it. */
const ENTRY_MODULE = '/wasm/entry.wasm'
const importModule = (index: number) => `/wasm/imports/module_${index}.wasm`

/** Parses an older spec and translates it into a v1.9 batch job. What cannot be honoured is an error, not a surprise. */
export function parseLegacySpec(input: unknown): Parsed<Submission> {
  const parsed = parseDocument(legacySpecSchema, input)
  if (!parsed.ok) return parsed
  const problems: Problem[] = []
  const spec = translate(parsed.value, problems)
  problems.push(...refuse(parsed.value), ...checkJob(spec))
  if (problems.length > 0) return { ok: false, problems }
  return { ok: true, value: { spec, warnings: warnings(parsed.value) } }
}

function translate(legacy: LegacySpec, problems: Problem[]): JobSpec {
  const inputs = legacy.Inputs.map((storage, index) =>
    toInput(storage, storage.Path ?? '', `Inputs[${index}]`, problems),
  )
  const outputs = legacy.Outputs.map(({ Name, Path }) => ({ Name: Name ?? '', Path: Path ?? '' }))
  const [engine, engineInputs, env] = toEngine(legacy, problems)
  const task: Task = {
    Name: 'main',
    Engine: engine,
    Publisher: toPublisher(legacy),
    Env: env,
    Meta: {},
    InputSources: [...inputs, ...engineInputs],
    ResultPaths: outputs,
    Resources: legacy.Resources,
    Network: legacy.Network ?? { Type: 'Default' },
    Timeouts: legacy.Timeout > 0 ? { ExecutionTimeout: Math.ceil(legacy.Timeout) } : {},
  }
  const everywhere = legacy.Deal.TargetingMode === true
  return {
    Name: '',
    Namespace: 'default',
    Type: everywhere ? 'ops' : 'batch',
    Priority: 0,
    Count: everywhere ? 0 : legacy.Deal.Concurrency,
    Constraints: legacy.NodeSelectors,
    Meta: {},
    Labels: Object.fromEntries(legacy.Annotations.map((annotation) => [annotation, ''])),
    Tasks: [task],
  }
}

type Engine = [engine: SpecConfig, inputs: InputSourceSpec[], env: Record<string, string>]

function toEngine(legacy: LegacySpec, problems: Problem[]): Engine {
  switch (legacy.Engine) {
    case 'Docker':
      return [{ Type: 'docker', Params: { ...legacy.Docker } }, [], {}]
    case 'Wasm':
      return toWasm(legacy, problems)
    case 'Noop':
      return [{ Type: 'noop' }, [], {}]
    case 'Language':
    case 'PythonWasm':
      problems.push({
        path: 'Engine',
        message: `the ${legacy.Engine} engine is gone; use Docker with a Python image, or Wasm`,
      })
      return [{ Type: legacy.Engine.toLowerCase() }, [], {}]
  }
}

function toWasm(legacy: LegacySpec, problems: Problem[]): Engine {
  const wasm = legacy.Wasm
  if (wasm?.EntryModule === undefined) {
    problems.push({ path: 'Wasm.EntryModule', message: 'missing: where the module comes from' })
    return [{ Type: 'wasm' }, [], {}]
  }
  const imports = wasm.ImportModules.map((storage, index) =>
    toInput(storage, importModule(index), `Wasm.ImportModules[${index}]`, problems),
  )
  const entry = toInput(wasm.EntryModule, ENTRY_MODULE, 'Wasm.EntryModule', problems)
  const params = {
    EntryModule: ENTRY_MODULE,
    Entrypoint: wasm.EntryPoint ?? '_start',
    Parameters: wasm.Parameters,
    ImportModules: imports.map(({ Target }) => Target),
  }
  return [{ Type: 'wasm', Params: params }, [entry, ...imports], wasm.EnvironmentVariables]
}

function toInput(storage: StorageSpec, target: string, path: string, problems: Problem[]): InputSourceSpec {
  const source = toSource(storage)
  if (typeof source === 'string') problems.push({ path, message: source })
  return {
    Source: typeof source === 'string' ? { Type: 'unknown' } : source,
    Alias: storage.Name ?? '',
    Target: target,
  }
}

/** The v1.9 source of an older storage spec, or what is wrong with it. A missing `StorageSource` is read off the other fields. */
function toSource(storage: StorageSpec): SpecConfig | string {
  const kind =
    storage.StorageSource ??
    (storage.CID ? 'IPFS' : storage.URL?.startsWith('data:') ? 'Inline' : storage.URL ? 'URLDownload' : undefined)
  switch (kind) {
    case 'IPFS':
    case 'Estuary':
      return storage.CID ? { Type: 'ipfs', Params: { CID: storage.CID } } : 'CID is missing'
    case 'URLDownload':
      return storage.URL ? { Type: 'urlDownload', Params: { URL: storage.URL } } : 'URL is missing'
    case 'Inline':
      return storage.URL ? { Type: 'inline', Params: { URL: storage.URL } } : 'URL is missing'
    case 'LocalDirectory':
      return storage.SourcePath
        ? { Type: 'local', Params: { SourcePath: storage.SourcePath, ReadWrite: storage.ReadWrite ?? false } }
        : 'SourcePath is missing'
    case 'S3':
      return storage.S3 === undefined ? 'S3 is missing' : { Type: 's3', Params: { ...storage.S3 } }
    case 'Filecoin':
    case 'FilecoinUnsealed':
    case 'RepoClone':
    case 'RepoCloneLFS':
      return `storage source ${kind} is not supported; use IPFS, URLDownload, S3 or Inline`
    case undefined:
      return 'StorageSource is missing'
  }
}

/** Estuary and Filecoin published to IPFS as well, which is what remains of them. The default of the generic endpoint is IPFS. */
function toPublisher(legacy: LegacySpec): SpecConfig {
  const type = (legacy.PublisherSpec?.Type || legacy.Publisher || 'ipfs').toLowerCase()
  if (type === 'estuary' || type === 'filecoin') return { Type: 'ipfs' }
  const params = legacy.PublisherSpec?.Params
  return params === undefined ? { Type: type } : { Type: type, Params: params }
}

function refuse(legacy: LegacySpec): Problem[] {
  const problems: Problem[] = []
  if (!['', 'noop'].includes(legacy.Verifier.toLowerCase())) {
    problems.push({ path: 'Verifier', message: `verifier '${legacy.Verifier}' is not supported; use Noop` })
  }
  const { Concurrency, Confidence } = legacy.Deal
  if (Confidence > Concurrency) {
    problems.push({ path: 'Deal', message: 'the deal confidence cannot be higher than the concurrency' })
  }
  if (legacy.Engine === 'Docker' && !legacy.Docker?.Image)
    problems.push({ path: 'Docker.Image', message: "'Image' cannot be empty" })
  if (legacy.Contexts.length > 0) problems.push({ path: 'Contexts', message: 'not supported; list them as Inputs' })
  if (typeof legacy.Sharding?.['GlobPattern'] === 'string' && legacy.Sharding['GlobPattern'] !== '') {
    problems.push({ path: 'Sharding', message: 'not supported; split the work by Deal.Concurrency' })
  }
  return problems
}

function warnings(legacy: LegacySpec): string[] {
  const publisher = (legacy.PublisherSpec?.Type || legacy.Publisher || '').toLowerCase()
  return publisher === 'estuary' || publisher === 'filecoin'
    ? [`publisher ${publisher} is gone; results are published to IPFS`]
    : []
}

/** Is this document an older spec rather than a v1.9 job? An older spec names its engine at the top. */
export function isLegacySpec(input: unknown): boolean {
  if (typeof input !== 'object' || input === null) return false
  const keys = new Set(Object.keys(input).map((key) => key.toLowerCase()))
  return keys.has('engine') && !keys.has('tasks')
}
