import path from 'node:path'
import type { InputSourceSpec, JobSpec } from '@bacalhau/models'
import type { wasmRunFlags } from '../catalogue/running.ts'
import type { FlagValues } from '../flag.ts'
import { parseInputFlag, parseSource } from './input-flag.ts'
import { jobOfFlags } from './job-of-flags.ts'

type WasmFlags = FlagValues<typeof wasmRunFlags>

const ENTRY_MODULE = '/wasm/entry.wasm'

/** The job that `wasm run` describes by its flags. `[module, ...parameters]` are its arguments. */
export function wasmSpec(
  [module = '', ...parameters]: readonly string[],
  flags: WasmFlags,
  env: Readonly<Record<string, string | undefined>>,
): JobSpec {
  const targets = new Set(flags.input.map((written) => parseInputFlag(written).Target))
  const entry = moduleAt(module, ENTRY_MODULE, targets)
  const imports = flags['import-modules'].map((written) => moduleAt(written, importTarget(written), targets))
  const engine = {
    Type: 'wasm',
    Params: {
      EntryModule: entry.path,
      Entrypoint: flags['entry-point'] ?? '_start',
      Parameters: parameters,
      ImportModules: imports.map(({ path }) => path),
    },
  }
  return jobOfFlags(
    flags,
    engine,
    [entry, ...imports].flatMap(({ input }) => input ?? []),
    env,
  )
}

interface Module {
  /** Where the engine finds it. */
  readonly path: string
  /** What brings it there, unless an input of the job does. */
  readonly input?: InputSourceSpec
}

/** A local module, CID or URL as an input that is mounted where the engine looks for it; or the target of another input. */
function moduleAt(written: string, target: string, targets: ReadonlySet<string>): Module {
  if (targets.has(written)) return { path: written }
  const { source, target: named } = parseSource(written)
  const path = named ?? target
  return { path, input: { Source: source, Alias: '', Target: path } }
}

/** The engine links a further module by its file name. */
const importTarget = (written: string) => `/wasm/imports/${path.basename(written.split(':')[0] ?? written)}`
