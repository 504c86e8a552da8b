import { messageOf } from '../../../runtime/error.ts'
import { fail, printable, size } from '../failure.ts'
import { HTTP_NAMESPACE } from '../http/messages.ts'
import { privateExports } from '../module-binary/confine.ts'
import type { FunctionType, Import } from '../module-binary/inspect.ts'
import type { LoadedModule } from './load.ts'
import { PAGE, type PlannedModule } from './prepare.ts'
import { createGuestMemory } from './wasi/guest-memory.ts'
import { bindCall, type RunState, WASI } from './wasi/host.ts'
import type { Syscall, SyscallTable } from './wasi/syscall.ts'

/** A module that is ready to be called. */
export interface LinkedModule {
  readonly module: PlannedModule
  readonly instance: WebAssembly.Instance
  /** The memory that its system calls work on, if it has one. */
  readonly memory: () => WebAssembly.Memory | undefined
}

/** What all modules of a run are linked with. */
export interface Linkage {
  /** The functions of the host, by namespace. */
  readonly hosts: ReadonlyMap<string, SyscallTable>
  readonly state: RunState
  /** The modules linked so far, by what they were loaded as. */
  readonly linked: Map<LoadedModule['bytes'], LinkedModule>
}

/** Instantiates a module whose own imports are instantiated already. */
export function linkModule(module: PlannedModule, compiled: WebAssembly.Module, linkage: Linkage): LinkedModule {
  const imports = nullObject<Record<string, unknown>>()
  const made: { instance?: WebAssembly.Instance } = {}
  const findMemory = () => memoryOf(module, imports, made.instance)
  const memory = createGuestMemory(findMemory)
  for (const entry of module.facts.imports) {
    const namespace = (imports[entry.module] ??= nullObject())
    namespace[entry.name] = provide(entry, module, linkage, (call) => bindCall(call, memory, linkage.state))
  }
  made.instance = instantiate(module, compiled, imports)
  const result = { module, instance: made.instance, memory: findMemory }
  linkage.linked.set(module.bytes, result)
  return result
}

/** Names of a job such as `__proto__` are ordinary names on it. */
function nullObject<T>(): Record<string, T> {
  return Object.create(null) as Record<string, T>
}

function memoryOf(
  module: PlannedModule,
  imports: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
  instance: WebAssembly.Instance | undefined,
): WebAssembly.Memory | undefined {
  const exported = instance?.exports['memory']
  if (exported instanceof WebAssembly.Memory) return exported
  const entry = module.facts.imports.find(({ kind }) => kind === 'memory')
  const imported = entry && imports[entry.module]?.[entry.name]
  return imported instanceof WebAssembly.Memory ? imported : undefined
}

type Bind = (call: Syscall) => (...args: (number | bigint)[]) => number

/** What an import gets; ends the run when nobody has it. */
function provide(entry: Import, module: PlannedModule, linkage: Linkage, bind: Bind): unknown {
  const host = linkage.hosts.get(entry.module)
  if (host !== undefined) {
    const call = entry.kind === 'function' ? host[entry.name] : undefined
    if (call === undefined || entry.kind !== 'function')
      return failMissing(entry, module, `is not a part of ${PARTS.get(entry.module)}`)
    checkSignature(entry, entry.type, call, module)
    return bind(call)
  }
  const link = module.links.get(entry.module)
  if (link !== undefined) {
    const exports = linkage.linked.get(link.bytes)?.instance.exports ?? {}
    if (!Object.hasOwn(exports, entry.name))
      return failMissing(entry, module, `is not exported by ${printable(link.name)}`)
    return exports[entry.name]
  }
  const max = module.supplied.get(entry)
  if (entry.kind === 'memory' && max !== undefined) {
    return new WebAssembly.Memory({ initial: entry.bounds.min, maximum: max })
  }
  if (entry.kind === 'table' && max !== undefined) {
    const element = entry.element === 0x70 ? 'anyfunc' : 'externref'
    return new WebAssembly.Table({ element, initial: entry.bounds.min, maximum: max })
  }
  return failMissing(entry, module, 'is provided by nobody')
}

function checkSignature(entry: Import, type: FunctionType, call: Syscall, module: PlannedModule): void {
  if (type.params === call.params && type.results === call.returns) return
  fail(
    'WasmImportMismatch',
    `${printable(module.name)} imports ${titleOf(entry)} as ${signature(type)}; it is ${signature({ params: call.params, results: call.returns })}`,
  )
}

const PARTS = new Map([
  [WASI, 'WASI preview 1'],
  [HTTP_NAMESPACE, 'the host functions for HTTP'],
])

const HINTS = new Map([
  ['wasi_unstable', 'The module was built for an early form of WASI; build it again with a present compiler.'],
  [
    HTTP_NAMESPACE,
    'It is there for jobs with Network.Type HTTP (--network http); Network.Domains (--domain) says what they reach.',
  ],
])

const TYPE_NAMES: Readonly<Record<string, string>> = { i: 'i32', I: 'i64', f: 'f32', F: 'f64', '?': 'reference' }

function signature({ params, results }: FunctionType): string {
  const list = (letters: string) => Array.from(letters.slice(0, 20), (letter) => TYPE_NAMES[letter]).join(', ')
  return `(${list(params)}) → (${list(results)})`
}

const titleOf = ({ module, name }: Import) => `"${printable(module)}.${printable(name)}"`

function failMissing(entry: Import, module: PlannedModule, why: string): never {
  const libraries = [...module.links.keys()].map((name) => printable(name))
  const available = [`${WASI} (WASI preview 1)`, ...libraries].slice(0, 20).join(', ')
  return fail(
    'WasmMissingImport',
    `${printable(module.name)} imports the ${entry.kind} ${titleOf(entry)}, which ${why}. Available: ${available}`,
    HINTS.get(entry.module) ?? 'List the module that provides it in ImportModules, or build without it.',
  )
}

function instantiate(module: PlannedModule, compiled: WebAssembly.Module, imports: object): WebAssembly.Instance {
  try {
    return new WebAssembly.Instance(compiled, imports)
  } catch (error) {
    const message = printable(messageOf(error).replace(/^WebAssembly\.Instance\(\): /, ''), 400)
    if (error instanceof WebAssembly.LinkError)
      return fail('WasmImportMismatch', `${printable(module.name)} does not fit what it imports: ${message}`)
    if (error instanceof RangeError) {
      const pages = module.facts.memories.reduce((sum, { min }) => sum + min, 0)
      return fail('WasmMemoryExhausted', `the node could not allocate ${size(pages * PAGE)} for the job: ${message}`)
    }
    throw error
  }
}

/** Calls an exported function without parameters; does nothing when there is none. */
export function callIfExported({ instance }: LinkedModule, name: string): void {
  const run = Object.hasOwn(instance.exports, name) ? instance.exports[name] : undefined
  if (typeof run === 'function') run()
}

export function wasRefusedMemory({ instance, module }: LinkedModule): boolean {
  const global = instance.exports[privateExports(module.facts).refused]
  return global instanceof WebAssembly.Global && global.value !== 0
}

/** Bytes of memory that a module has taken; the most it could have, where that cannot be seen from outside. */
export function memoryBytes({ memory, module }: LinkedModule): number {
  const visible = module.facts.memories.length <= 1 ? memory() : undefined
  return visible?.buffer.byteLength ?? module.grants.memories.reduce((sum, pages) => sum + pages * PAGE, 0)
}
