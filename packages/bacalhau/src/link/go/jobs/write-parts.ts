import { type InputSourceSpec, isModuleTarget, type Job, type SpecConfig, type Task } from '@bacalhau/models'
import { BacalhauError } from '../../../runtime/error.ts'

/** One run of ours that a node of the Go program is asked to do. */
export interface GoRun {
  readonly executionId: string
  /** With the data of its inline inputs in it. */
  readonly job: Job
  readonly partition: number
  /** What the run was given, in numbers. */
  readonly resources: { readonly CPU: number; readonly Memory: number; readonly Disk: number; readonly GPU: number }
  /** Peer IDs: of the node that is asked, and of this one, to which it will answer. */
  readonly node: string
  readonly self: string
}

/** What a node of the Go program has no words for. Its message completes "the node …". */
export const beyondGo = (what: string): BacalhauError => new BacalhauError('NotImplemented', `cannot do ${what}`)

/** A WebAssembly task with its modules taken out of its inputs again, where the Go program wants them by themselves. */
export interface WasmParts {
  readonly entry: InputSourceSpec
  readonly imports: readonly InputSourceSpec[]
  readonly inputs: readonly InputSourceSpec[]
}

/** A parameter by its name in any letter case. */
export function param(params: SpecConfig['Params'], name: string): unknown {
  const wanted = name.toLowerCase()
  return Object.entries(params ?? {}).find(([key]) => key.toLowerCase() === wanted)?.[1]
}

/** Throws for a parameter that is none of `known`, and says something: it must not be lost in silence. */
function requireKnown(kind: string, params: SpecConfig['Params'], known: readonly string[]): void {
  const names = new Set(known.map((name) => name.toLowerCase()))
  const unknown = Object.entries(params ?? {}).find(([key, value]) => !names.has(key.toLowerCase()) && !isBlank(value))
  if (unknown !== undefined) throw beyondGo(`${kind} with ${unknown[0]}`)
}

const isBlank = (value: unknown): boolean => value === undefined || value === null || value === '' || value === 0

const texts = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : [])
export const listParam = (params: SpecConfig['Params'], name: string): string[] => texts(param(params, name))
export const textParam = (params: SpecConfig['Params'], name: string): string => {
  const value = param(params, name)
  return typeof value === 'string' ? value : ''
}

/** Throws when a container is asked for that the Go program does not make. */
export function requireContainer({ Engine: { Params } }: Task): void {
  requireKnown('containers', Params, ['Image', 'Entrypoint', 'Parameters', 'EnvironmentVariables', 'WorkingDirectory'])
}

/** Throws when a module is given by a path that is not an input of its own. */
export function wasmParts({ Engine: { Params }, InputSources }: Task): WasmParts {
  requireKnown('modules', Params, ['EntryModule', 'Entrypoint', 'Parameters', 'ImportModules'])
  const find = (path: string): InputSourceSpec => {
    const found = InputSources.find(({ Target }) => Target === path)
    if (found === undefined) throw beyondGo(`modules that lie within another input, such as ${path}`)
    return found
  }
  const entry = find(textParam(Params, 'EntryModule'))
  const imports = listParam(Params, 'ImportModules').map(find)
  // Those that were mounted only to be found are no inputs of the program.
  return { entry, imports, inputs: InputSources.filter(({ Target }) => !isModuleTarget(Target)) }
}

/** Variables of the run: the task's, then what every run of ours finds. The Go program has no partitions of its own. */
export function variables({ executionId, job, partition }: GoRun): Record<string, string> {
  const env = job.Tasks[0]?.Env ?? {}
  if (Object.values(env).some((value) => value.startsWith('env:'))) throw beyondGo('variables of the node (env:…)')
  return {
    ...env,
    BACALHAU_EXECUTION_ID: executionId,
    BACALHAU_JOB_ID: job.ID,
    BACALHAU_JOB_TYPE: job.Type,
    BACALHAU_PARTITION_INDEX: String(partition),
    BACALHAU_PARTITION_COUNT: String(job.Count),
  }
}

/** `K=V`; of two of the same name the later one counts. */
export const assignments = (env: Readonly<Record<string, string>>): string[] =>
  Object.entries(env).map(([name, value]) => `${name}=${value}`)

/** The networks that the Go program knows. */
export function networkOf({ Network }: Task): { Type: string; Domains?: string[] } {
  const { Type, Domains = [], Ports = [] } = Network
  if (Ports.length > 0 || Type === 'Bridge') throw beyondGo('ports, or a network of its own')
  if (Type === 'Default' || Type === 'None') return { Type: 'None' }
  if (Type === 'Host' || Type === 'Full') return { Type: 'Full' }
  return { Type: 'HTTP', ...(Domains.length === 0 ? {} : { Domains }) }
}

/** Kinds of inputs and their parameters, spelt as the Go program does. */
const SOURCES: Readonly<Record<string, { readonly type: string; readonly params: readonly string[] }>> = {
  ipfs: { type: 'ipfs', params: ['CID'] },
  inline: { type: 'inline', params: ['URL'] },
  urldownload: { type: 'urlDownload', params: ['URL'] },
  s3: { type: 's3', params: ['Bucket', 'Key', 'Filter', 'Region', 'Endpoint', 'VersionID', 'ChecksumSHA256'] },
  localdirectory: { type: 'localDirectory', params: ['SourcePath', 'ReadWrite'] },
  local: { type: 'localDirectory', params: ['SourcePath', 'ReadWrite'] },
}

/** A source with the parameters that the Go program knows. What else it says must not be lost in silence. */
export function sourceOf({ Type, Params = {} }: SpecConfig): { Type: string; Params: Record<string, unknown> } {
  const known = SOURCES[Type.toLowerCase()]
  if (known === undefined) throw beyondGo(`inputs of the kind "${Type}"`)
  requireKnown(`inputs of the kind "${Type}"`, Params, known.params)
  const entries = known.params.map((name) => [name, param(Params, name)] as const)
  return { Type: known.type, Params: Object.fromEntries(entries.filter(([, value]) => value !== undefined)) }
}

/** A publisher with the parameters that the Go program knows. */
export function publisherOf({ Publisher: { Type, Params = {} } }: Task): SpecConfig {
  const type = Type.toLowerCase()
  if (type !== 's3') return { Type: type }
  if (textParam(Params, 'Encoding').toLowerCase() === 'plain') throw beyondGo('results in S3 that are not an archive')
  const names = ['Bucket', 'Key', 'Region', 'Endpoint'] as const
  const entries = names.map((name) => [name, param(Params, name)] as const)
  return { Type: type, Params: Object.fromEntries(entries.filter(([, value]) => value !== undefined)) }
}

export function onlyTask({ Tasks: [task] }: Job): Task {
  if (task === undefined) throw beyondGo('a job without a task')
  return task
}
