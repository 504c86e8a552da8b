import {
  type Constraint,
  describeProblems,
  type InputSourceSpec,
  type JobSpec,
  NETWORK_TYPES,
  parseLabelSelector,
  type ResultPath,
  type SpecConfig,
  type Task,
} from '@bacalhau/models'
import type { taskRunFlags } from '../catalogue/running.ts'
import { type FlagValues, invalidFlag } from '../flag.ts'
import { OUTPUT_FORMATS, type OutputFormat } from '../global-flags.ts'
import { parseInputFlag, parseSource } from './input-flag.ts'

type TaskRunFlags = FlagValues<typeof taskRunFlags>
type Environment = Readonly<Record<string, string | undefined>>

const DEFAULT_RESULTS: readonly ResultPath[] = [{ Name: 'outputs', Path: '/outputs' }]

/** The job that the flags which `docker run` and `wasm run` share describe, for an engine with inputs of its own. */
export function jobOfFlags(
  flags: TaskRunFlags,
  engine: SpecConfig,
  inputs: readonly InputSourceSpec[],
  env: Environment,
): JobSpec {
  const everywhere = flags.target === 'all'
  if (everywhere && flags.count !== undefined) {
    throw invalidFlag('count', 'a job on all nodes has no count', 'Leave out --count or --target all.')
  }
  return {
    Name: flags.name ?? '',
    Namespace: flags.namespace ?? 'default',
    Type: everywhere ? 'ops' : 'batch',
    Priority: flags.priority ?? 0,
    Count: everywhere ? 0 : (flags.count ?? 1),
    Constraints: flags.constraints.flatMap(parseConstraints),
    Meta: {},
    Labels: flags.labels,
    Tasks: [taskOfFlags(flags, engine, inputs, env)],
  }
}

function taskOfFlags(
  flags: TaskRunFlags,
  engine: SpecConfig,
  inputs: readonly InputSourceSpec[],
  env: Environment,
): Task {
  const publisher = parsePublisher(flags.publisher ?? 'ipfs')
  const type = NETWORK_TYPES.find((word) => word.toLowerCase() === (flags.network ?? 'default')) ?? 'Default'
  return {
    Name: flags['task-name'] ?? 'main',
    Engine: engine,
    Publisher: publisher,
    Env: parseEnv(flags.env, env),
    Meta: {},
    InputSources: [...inputs, ...flags.input.map(parseInputFlag)],
    ResultPaths: resultPaths(flags.output, publisher),
    Resources: given({ CPU: flags.cpu, Memory: flags.memory, Disk: flags.disk, GPU: flags.gpu }),
    Network: { Type: type, ...(flags.domain.length === 0 ? {} : { Domains: [...flags.domain] }) },
    Timeouts: given({ QueueTimeout: flags['queue-timeout'], TotalTimeout: flags.timeout }),
  }
}

type Given<T> = { [K in keyof T]?: Exclude<T[K], undefined> }

/** What was said, without what was not. */
const given = <T extends object>(values: T): Given<T> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Given<T>

/** Label selectors as Kubernetes writes them; several are joined by commas. */
function parseConstraints(written: string): readonly Constraint[] {
  const parsed = parseLabelSelector(written)
  if (parsed.ok) return parsed.value
  throw invalidFlag('constraints', describeProblems(parsed.problems), 'For example zone=eu, or "zone in (eu, us)".')
}

/** `--output` of these commands is both: a format when it is one of the words, a result path when it holds a colon. */
export function outputFormat(written: readonly string[]): OutputFormat | undefined {
  return OUTPUT_FORMATS.find((format) => format === written.findLast((value) => !value.includes(':')))
}

function resultPaths(written: readonly string[], publisher: SpecConfig): ResultPath[] {
  const paths = written.flatMap((value) => parseResultPath(value) ?? [])
  if (publisher.Type === '') {
    if (paths.length > 0) throw invalidFlag('output', 'results need a publisher', 'Leave out --publisher none.')
    return []
  }
  return paths.length > 0 ? paths : [...DEFAULT_RESULTS]
}

/** `name:/path`, or nothing for the name of an output format. */
export function parseResultPath(written: string): ResultPath | undefined {
  if (OUTPUT_FORMATS.some((format) => format === written)) return undefined
  const [, Name, Path] = /^([^:]+):(\/.*)$/s.exec(written) ?? []
  if (Name !== undefined && Path !== undefined) return { Name, Path }
  throw invalidFlag('output', `'${written}' is not of the form NAME:/PATH`, 'For example -o outputs:/outputs.')
}

/** `NAME=VALUE`; a NAME alone passes on the value that it has here. */
export function parseEnv(written: readonly string[], env: Environment): Record<string, string> {
  return Object.fromEntries(
    written.map((item) => {
      const [, name = '', value] = /^([^=]*)(?:=(.*))?$/s.exec(item) ?? []
      if (name === '') throw invalidFlag('env', `'${item}' is not of the form NAME=VALUE`)
      const resolved = value ?? env[name]
      if (resolved === undefined) throw invalidFlag('env', `${name} has no value here`, `Write ${name}=VALUE.`)
      return [name, resolved]
    }),
  )
}

/** `ipfs`, `local`, `s3managed`, `none`, or `s3://bucket/key,opt=endpoint=…`. */
export function parsePublisher(written: string): SpecConfig {
  const word = written.toLowerCase()
  if (word === 'none') return { Type: '' }
  if (word === 'ipfs' || word === 'local' || word === 's3managed' || word === 'noop') return { Type: word }
  if (word.startsWith('s3://')) return parseSource(written).source
  throw invalidFlag('publisher', `'${written}' is none of ipfs, local, s3managed, s3://bucket/key, none`)
}
