import { z } from 'zod'
import type { InputSourceSpec, Task } from './job-spec.ts'
import { parseDocument } from './parse.ts'
import { joinPath, nest, type Parsed, type Problem } from './problem.ts'
import { specConfigSchema } from './spec-config.ts'
import { text } from './spec-fields.ts'

/** Where a module is mounted that a spec gives by its source and not by the path of an input. */
export const ENTRY_MODULE = '/wasm/entry.wasm'
export const importModule = (index: number): string => `/wasm/imports/module_${index}.wasm`
/** Was this target made up for a module that came without one? */
export const isModuleTarget = (target: string): boolean =>
  target === ENTRY_MODULE || /^\/wasm\/imports\/module_\d+\.wasm$/.test(target)

/** A module as the releases 1.1 to 1.6 wrote it: an input source whose target may be empty. */
const moduleSchema = z.strictObject({
  Source: specConfigSchema,
  Alias: text(1_024).trim().default(''),
  Target: text(4_096).trim().default(''),
})

/**
 * The task with the modules of its WebAssembly engine as inputs, which the engine finds by their paths. Of what the engine's
 * parameters hold, only modules given by their source are touched.
 */
export function mountModules(task: Task, path: string): Parsed<Task> {
  const { Type, Params } = task.Engine
  if (Type.toLowerCase() !== 'wasm' || Params === undefined) return { ok: true, value: task }
  const inputs: InputSourceSpec[] = []
  const problems: Problem[] = []
  const mount = (module: unknown, target: string, at: string): unknown => {
    if (typeof module !== 'object' || module === null) return module
    const parsed = parseDocument(moduleSchema, module)
    if (!parsed.ok) return problems.push(...nest(at, parsed.problems))
    const input = { ...parsed.value, Target: parsed.value.Target || target }
    inputs.push(input)
    return input.Target
  }
  const mounted = Object.entries(Params).map(([key, value]) => {
    const at = joinPath(`${path}.Engine.Params`, key)
    if (key.toLowerCase() === 'entrymodule') return [key, mount(value, ENTRY_MODULE, at)]
    if (key.toLowerCase() !== 'importmodules' || !Array.isArray(value)) return [key, value]
    return [key, value.map((module, index) => mount(module, importModule(index), joinPath(at, index)))]
  })
  if (problems.length > 0) return { ok: false, problems }
  const engine = { Type, Params: Object.fromEntries(mounted) as Record<string, unknown> }
  return { ok: true, value: { ...task, Engine: engine, InputSources: [...task.InputSources, ...inputs] } }
}
