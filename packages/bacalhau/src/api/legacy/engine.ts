import { type InputSourceSpec, isModuleTarget, type SpecConfig, type Task } from '@bacalhau/models'

/** The engine of a task as the releases before 1.4 wrote it, and the inputs that are not modules of it. */
export interface OlderEngine {
  readonly engine: SpecConfig
  readonly inputs: readonly InputSourceSpec[]
}

/**
 * Modules of WebAssembly, which are inputs of the task today, were parameters of the engine: `module` makes one of an input. One
 * that is a file within an input stays a path.
 */
export function olderEngine({ Engine, Env, InputSources }: Task, module = olderModule): OlderEngine {
  if (Engine.Type !== 'wasm') return { engine: Engine, inputs: InputSources }
  const modules = new Set<InputSourceSpec>()
  const put = (path: unknown): unknown => {
    const input = InputSources.find(({ Target }) => holds(Target, path))
    if (input === undefined) return path
    modules.add(input)
    return module(input)
  }
  const params = Object.entries({ EnvironmentVariables: Env, ...Engine.Params }).map(([name, value]) => {
    const key = name.toLowerCase()
    if (key === 'entrymodule') return [name, put(value)] as const
    return [name, key === 'importmodules' && Array.isArray(value) ? value.map(put) : value] as const
  })
  params.sort(([a], [b]) => (a < b ? -1 : 1))
  return {
    engine: { Type: Engine.Type, Params: Object.fromEntries(params) },
    inputs: InputSources.filter((input) => !modules.has(input)),
  }
}

/** Is the module this input, or the file in an archive that came in place of it? */
const holds = (target: string, path: unknown): boolean =>
  path === target || (isModuleTarget(target) && String(path).startsWith(`${target}/`))

function olderModule({ Alias, Source, Target }: InputSourceSpec): object {
  const { Type, Params } = Source
  return {
    Alias,
    Source: { ...(Params === undefined ? {} : { Params }), Type },
    Target: isModuleTarget(Target) ? '' : Target,
  }
}
