import { checkOlderEnv } from './env-rules.ts'
import type { InputSourceSpec } from './job-spec.ts'
import { type LegacyEngine, legacyEngineSchema, type LegacySpec } from './legacy-spec.ts'
import { toInput } from './legacy-storage.ts'
import { parseDocument } from './parse.ts'
import type { Parsed, Problem } from './problem.ts'
import type { SpecConfig } from './spec-config.ts'
import { ENTRY_MODULE, importModule } from './wasm-modules.ts'

/** What the engine of an older spec becomes in a task: modules are inputs like any other now. */
export interface TranslatedEngine {
  readonly engine: SpecConfig
  readonly inputs: readonly InputSourceSpec[]
  readonly env: Readonly<Record<string, string>>
}

export function toEngine({ Engine, EngineSpec, Docker, Wasm }: LegacySpec): Parsed<TranslatedEngine> {
  if (Engine !== undefined) return translate({ Engine, Docker, Wasm }, Engine)
  if (EngineSpec === undefined) return { ok: false, problems: [{ path: 'Engine', message: 'missing' }] }
  const parsed = parseEngineSpec(EngineSpec)
  return parsed.ok ? translate(parsed.value, 'EngineSpec.Params') : parsed
}

/** `EngineSpec` has the parameters of `Docker` and `Wasm` under a name of its own. */
function parseEngineSpec({ Type, Params = {} }: SpecConfig): Parsed<LegacyEngine> {
  const kind = Type.toLowerCase()
  const parsed = parseDocument(legacyEngineSchema, {
    Engine: Type,
    Docker: kind === 'docker' ? Params : null,
    Wasm: kind === 'wasm' ? Params : null,
  })
  if (parsed.ok) return parsed
  const written = (path: string) => (path === 'Engine' ? 'EngineSpec.Type' : path.replace(/^\w+/, 'EngineSpec.Params'))
  return { ok: false, problems: parsed.problems.map(({ path, message }) => ({ path: written(path), message })) }
}

/** `at` is where the user wrote the parameters. */
function translate({ Engine, Docker, Wasm }: LegacyEngine, at: string): Parsed<TranslatedEngine> {
  switch (Engine) {
    case 'Noop':
      return { ok: true, value: { engine: { Type: 'noop' }, inputs: [], env: {} } }
    case 'Docker':
      return Docker?.Image
        ? { ok: true, value: { engine: { Type: 'docker', Params: { ...Docker } }, inputs: [], env: {} } }
        : { ok: false, problems: [{ path: `${at}.Image`, message: 'missing' }] }
    case 'Wasm':
      return toWasm(Wasm, at)
    case 'Language':
    case 'PythonWasm': {
      const message = `the ${Engine} engine is gone; use Docker with a Python image, or Wasm`
      return { ok: false, problems: [{ path: 'Engine', message }] }
    }
  }
}

function toWasm(wasm: LegacyEngine['Wasm'], at: string): Parsed<TranslatedEngine> {
  const problems: Problem[] = []
  if (wasm?.EntryModule === undefined)
    return { ok: false, problems: [{ path: `${at}.EntryModule`, message: 'missing' }] }
  const entry = toInput(wasm.EntryModule, ENTRY_MODULE, `${at}.EntryModule`, problems)
  const imports = wasm.ImportModules.map((storage, index) =>
    toInput(storage, importModule(index), `${at}.ImportModules[${index}]`, problems),
  )
  problems.push(...checkOlderEnv(wasm.EnvironmentVariables, `${at}.EnvironmentVariables`))
  if (problems.length > 0) return { ok: false, problems }
  const params = {
    EntryModule: ENTRY_MODULE,
    Entrypoint: wasm.EntryPoint,
    Parameters: wasm.Parameters,
    ImportModules: imports.map(({ Target }) => Target),
  }
  const inputs = [entry, ...imports]
  return { ok: true, value: { engine: { Type: 'wasm', Params: params }, inputs, env: wasm.EnvironmentVariables } }
}
