import { checkOlderEnv, type Variables } from './env-rules.ts'
import type { Task } from './job-spec.ts'
import { parseDocument } from './parse.ts'
import { nest, type Parsed } from './problem.ts'
import { text, textByName } from './spec-fields.ts'

/** Parameters by the names that the engines know them by; of `EnvironmentVariables` WebAssembly knows nothing since release 1.5. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  docker: [
    'Image',
    'Entrypoint',
    'Parameters',
    'EnvironmentVariables',
    'WorkingDirectory',
    'User',
    'ShmSize',
    'StopSignal',
    'StopTimeout',
  ],
  wasm: ['EntryModule', 'Entrypoint', 'Parameters', 'ImportModules', 'EnvironmentVariables'],
}

/** The task with the parameters of its engine under these names, in whatever letter case they were written (`EntryPoint`). */
export function nameParams(task: Task): Task {
  const { Type, Params } = task.Engine
  const names = NAMES[Type.toLowerCase()]
  if (names === undefined || Params === undefined) return task
  const named = Object.entries(Params).map(([key, value]) => [
    names.find((name) => name.toLowerCase() === key.toLowerCase()) ?? key,
    value,
  ])
  return { ...task, Engine: { Type, Params: Object.fromEntries(named) as Record<string, unknown> } }
}

const variablesSchema = textByName(text(131_072))

/**
 * The variables that releases up to 1.4 gave to the engine `wasm` and not to the task, by the rules of those releases, and the task
 * without them.
 */
export function takeVariables(
  task: Task,
  path: string,
): Parsed<{ readonly task: Task; readonly variables: Variables }> {
  const { Type, Params } = task.Engine
  if (Type.toLowerCase() !== 'wasm' || Params?.['EnvironmentVariables'] === undefined)
    return { ok: true, value: { task, variables: {} } }
  const { EnvironmentVariables, ...rest } = Params
  const at = `${path}.Engine.Params.EnvironmentVariables`
  const parsed = parseDocument(variablesSchema, EnvironmentVariables ?? {})
  if (!parsed.ok) return { ok: false, problems: nest(at, parsed.problems) }
  const problems = checkOlderEnv(parsed.value, at)
  if (problems.length > 0) return { ok: false, problems }
  return { ok: true, value: { task: { ...task, Engine: { Type, Params: rest } }, variables: parsed.value } }
}
