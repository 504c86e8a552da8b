import { createHash } from 'node:crypto'
import { LIMITS } from '../../../runtime/limits.ts'
import { messageOf } from '../../../runtime/error.ts'
import { fail, printable, size } from '../failure.ts'
import { confineModule, type Grants } from '../module-binary/confine.ts'
import { type Bounds, type Import, inspectModule, type ModuleFacts } from '../module-binary/inspect.ts'
import { ModuleError } from '../module-binary/module-error.ts'
import { shareLimit } from '../module-binary/share.ts'
import type { LoadedModule } from './load.ts'

/** Bytes of a page of WebAssembly memory. */
export const PAGE = 65_536
/** Characters of a message of V8's. */
const MESSAGE_LENGTH = 400

/** A module with the sizes that it may grow to. */
export interface PlannedModule extends LoadedModule {
  readonly grants: Grants
  /** Maxima of the memories and tables that it imports and no other module provides: the sandbox makes them. */
  readonly supplied: ReadonlyMap<Import, number>
  /** Names the compiled form: the same bytes under other grants are compiled anew. */
  readonly key: string
}

/** Parses a module; ends the run when it is none, or one that does not run here. */
export function inspect(name: string, bytes: Uint8Array): ModuleFacts {
  if (!startsWith(bytes, '\0asm'))
    fail('WasmNotAModule', `${printable(name)} is not a WebAssembly module: it looks like ${guess(bytes)}`)
  try {
    return inspectModule(bytes)
  } catch (error) {
    return failModule(name, error)
  }
}

const startsWith = (bytes: Uint8Array, text: string) =>
  Buffer.from(text, 'latin1').equals(bytes.subarray(0, text.length))

function guess(bytes: Uint8Array): string {
  if (bytes.length === 0) return 'an empty file'
  if (startsWith(bytes, '\x7fELF')) return 'a native program for Linux (ELF)'
  if (startsWith(bytes, '#!')) return 'a script'
  if (startsWith(bytes, '(module')) return 'WebAssembly text, which wat2wasm turns into a module'
  if (startsWith(bytes, '\x1f\x8b')) return 'gzip-compressed data'
  return 'something else'
}

/** Deals out memory and table entries among all modules of a job, so that together they stay within its limits. */
export function planModules(modules: readonly LoadedModule[], memoryPages: number): PlannedModule[] {
  const memory = share(modules, 'memory', memoryPages)
  if (memory === undefined) {
    const needed = modules
      .flatMap((module) => requests(module, 'memory'))
      .reduce((sum, { bounds }) => sum + bounds.min, 0)
    fail(
      'WasmMemoryExhausted',
      `the job needs ${size(needed * PAGE)} of memory to start and may use ${size(memoryPages * PAGE)}`,
    )
  }
  const table = share(modules, 'table', LIMITS.wasmTableEntries)
  if (table === undefined)
    fail('WasmTooComplex', `the tables of the job have more than ${LIMITS.wasmTableEntries} entries`)
  return modules.map((module) => plan(module, memory, table))
}

/** A memory or table to make room for: one that a module defines, or one that it imports from nobody. */
interface Request {
  readonly bounds: Bounds
  readonly import: Import | undefined
}

function requests({ facts, links }: LoadedModule, kind: 'memory' | 'table'): Request[] {
  const own = kind === 'memory' ? facts.memories : facts.tables.map((table) => table.bounds)
  const imported = facts.imports.flatMap((entry) =>
    entry.kind === kind && !links.has(entry.module) ? [{ bounds: entry.bounds, import: entry }] : [],
  )
  return [...own.map((bounds) => ({ bounds, import: undefined })), ...imported]
}

type Shares = ReadonlyMap<LoadedModule, readonly (Request & { readonly max: number })[]>

function share(modules: readonly LoadedModule[], kind: 'memory' | 'table', limit: number): Shares | undefined {
  const wanted = modules.map((module) => requests(module, kind))
  const maxima = shareLimit(
    wanted.flat().map(({ bounds }) => bounds),
    limit,
  )?.values()
  if (maxima === undefined) return undefined
  return new Map(
    modules.map((module, index) => [
      module,
      (wanted[index] ?? []).map((request) => ({ ...request, max: maxima.next().value ?? request.bounds.min })),
    ]),
  )
}

function plan(module: LoadedModule, memory: Shares, table: Shares): PlannedModule {
  const of = (shares: Shares) => shares.get(module) ?? []
  const own = (shares: Shares) => of(shares).flatMap((entry) => (entry.import === undefined ? [entry.max] : []))
  const supplied = [...of(memory), ...of(table)].flatMap((entry) =>
    entry.import === undefined ? [] : [[entry.import, entry.max] as const],
  )
  const grants = { memories: own(memory), tables: own(table) }
  const hash = createHash('sha256').update(module.bytes).digest('hex')
  return { ...module, grants, supplied: new Map(supplied), key: `${hash} ${JSON.stringify(grants)}` }
}

/** Confines and compiles a module; ends the run when V8 refuses it. */
export function compileModule({ name, bytes, facts, grants }: PlannedModule): WebAssembly.Module {
  try {
    return new WebAssembly.Module(confineModule(bytes, facts, grants))
  } catch (error) {
    if (!(error instanceof WebAssembly.CompileError)) return failModule(name, error)
    return fail('WasmInvalidModule', `${printable(name)} is not valid: ${compileMessage(bytes, error)}`)
  }
}

/** V8's explanation, with offsets into the module as its author has it. */
function compileMessage(bytes: Uint8Array, error: Error): string {
  let message = error.message
  try {
    void new WebAssembly.Module(bytes)
  } catch (original) {
    message = messageOf(original)
  }
  return printable(message.replace(/^WebAssembly\.Module\(\): /, ''), MESSAGE_LENGTH)
}

function failModule(name: string, error: unknown): never {
  if (!(error instanceof ModuleError)) throw error
  const code = error.reason === 'too-complex' ? 'WasmTooComplex' : 'WasmInvalidModule'
  const hint =
    error.reason === 'unsupported'
      ? 'Build for WASI preview 1 (wasm32-wasi, wasm32-wasip1), without threads.'
      : undefined
  return fail(code, `${printable(name)} ${printable(error.message, MESSAGE_LENGTH)}`, hint)
}
