import path from 'node:path'
import type { InputSourceSpec, JobSpec, ResultPath, SpecConfig, Task } from '@bacalhau/models'
import type { wasmRunFlags } from '../catalogue/running.ts'
import { invalidFlag, type FlagValues } from '../flag.ts'
import { OUTPUT_FORMATS, type OutputFormat } from '../global-flags.ts'
import { parseInputFlag, parseSource } from './input-flag.ts'

type WasmFlags = FlagValues<typeof wasmRunFlags>

const ENTRY_MODULE = '/wasm/entry.wasm'
const DEFAULT_RESULTS: readonly ResultPath[] = [{ Name: 'outputs', Path: '/outputs' }]

/** A local module, CID or URL as an input that is mounted where the engine looks for it. */
function moduleInput(written: string, target: string): InputSourceSpec {
  const { source, target: named } = parseSource(written)
  return { Source: source, Alias: '', Target: named ?? target }
}

/** The job that `wasm run` describes by its flags. `[module, ...parameters]` are its arguments. */
export function wasmSpec(
  [module = '', ...parameters]: readonly string[],
  flags: WasmFlags,
  env: Readonly<Record<string, string | undefined>>,
): JobSpec {
  const imports = flags['import-modules'].map((written) => moduleInput(written, importTarget(written)))
  const publisher = parsePublisher(flags.publisher ?? 'ipfs')
  const task: Task = {
    Name: 'main',
    Engine: {
      Type: 'wasm',
      Params: {
        EntryModule: ENTRY_MODULE,
        Entrypoint: flags['entry-point'] ?? '_start',
        Parameters: parameters,
        ImportModules: imports.map(({ Target }) => Target),
      },
    },
    Publisher: publisher,
    Env: parseEnv(flags.env, env),
    Meta: {},
    InputSources: [moduleInput(module, ENTRY_MODULE), ...imports, ...flags.input.map(parseInputFlag)],
    ResultPaths: resultPaths(flags.output, publisher),
    Resources: {
      ...(flags.cpu === undefined ? {} : { CPU: flags.cpu }),
      ...(flags.memory === undefined ? {} : { Memory: flags.memory }),
      ...(flags.disk === undefined ? {} : { Disk: flags.disk }),
    },
    Network: { Type: 'Default' },
    Timeouts: flags.timeout === undefined ? {} : { ExecutionTimeout: flags.timeout },
  }
  return {
    Name: flags.name ?? '',
    Namespace: flags.namespace ?? 'default',
    Type: 'batch',
    Priority: flags.priority ?? 0,
    Count: flags.count ?? 1,
    Constraints: [],
    Meta: {},
    Labels: flags.labels,
    Tasks: [task],
  }
}

/** The engine links a further module by its file name. */
const importTarget = (written: string) => `/wasm/imports/${path.basename(written.split(':')[0] ?? written)}`

/** `--output` of `wasm run` is both: a format when it is one of the words, a result path when it holds a colon. */
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
export function parseEnv(
  written: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
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
