import { skipValueType } from './code.ts'
import { ModuleError } from './module-error.ts'
import { createReader, type Reader } from './reader.ts'
import { SECTION, type Section, splitSections } from './sections.ts'

/** Parameters and results of a function, one letter each: `i` i32, `I` i64, `f` f32, `F` f64, `?` anything else. */
export interface FunctionType {
  readonly params: string
  readonly results: string
}

/** Size of a memory (in pages of 64 KiB) or of a table (in entries). */
export interface Bounds {
  readonly min: number
  readonly max?: number
}

export type ImportType =
  | { readonly kind: 'function'; readonly type: FunctionType }
  | { readonly kind: 'table'; readonly element: number; readonly bounds: Bounds }
  | { readonly kind: 'memory'; readonly bounds: Bounds }
  | { readonly kind: 'global' }
  | { readonly kind: 'tag' }

export type Import = ImportType & { readonly module: string; readonly name: string }

export interface Export {
  readonly name: string
  readonly kind: 'function' | 'table' | 'memory' | 'global' | 'tag'
  readonly index: number
}

/** What a module says about itself, as far as it matters for confining and linking it. */
export interface ModuleFacts {
  readonly sections: readonly Section[]
  readonly types: readonly FunctionType[]
  readonly imports: readonly Import[]
  /** Types of the imported functions. They come first in the numbering of functions. */
  readonly importedFunctions: readonly FunctionType[]
  /** Index of the type of each function that the module defines itself. */
  readonly functions: readonly number[]
  readonly tables: readonly { readonly element: number; readonly bounds: Bounds }[]
  readonly memories: readonly Bounds[]
  readonly exports: readonly Export[]
  /** Index of the function that runs on instantiation. */
  readonly start: number | undefined
}

const KINDS = ['function', 'table', 'memory', 'global', 'tag'] as const
const LETTERS: Readonly<Record<number, string>> = { 0x7f: 'i', 0x7e: 'I', 0x7d: 'f', 0x7c: 'F' }

/** Parses everything but code and data. Throws a `ModuleError`. */
export function inspectModule(bytes: Uint8Array): ModuleFacts {
  const sections = splitSections(bytes)
  /** The entries of a section, each read by `read`; none when the module has no such section. */
  const entries = <T>(kind: keyof typeof COUNTS, read: (reader: Reader) => T): T[] => {
    const section = sections.find(({ id }) => id === SECTION[kind])
    if (section === undefined) return []
    const reader = createReader(bytes, section.start, section.end)
    const count = reader.u32()
    if (count > COUNTS[kind]) throw new ModuleError('too-complex', `has ${count} entries in its ${kind} section`)
    const list = Array.from({ length: count }, () => read(reader))
    if (!reader.done()) throw new ModuleError('malformed', `has a ${kind} section that is longer than its entries`)
    return list
  }
  const types = entries('type', readFunctionType)
  const imports = entries('import', (reader) => readImport(reader, types))
  checkElements(sections)
  entries('tag', (reader) => readTag(reader, types))
  const facts: ModuleFacts = {
    sections,
    types,
    imports,
    importedFunctions: imports.flatMap((entry) => (entry.kind === 'function' ? [entry.type] : [])),
    functions: entries('function', (reader) => reader.u32()),
    tables: entries('table', readTable),
    memories: entries('memory', readMemory),
    exports: entries('export', readExport),
    start: readStart(bytes, sections),
  }
  // Fails for a function that is not there.
  for (const { kind, index } of facts.exports) if (kind === 'function') typeOfFunction(facts, index)
  if (facts.start !== undefined && !isPlain(typeOfFunction(facts, facts.start)))
    malformed('has a start function with parameters or results')
  return facts
}

const isPlain = ({ params, results }: FunctionType) => params === '' && results === ''

/**
 * How many entries of each kind a module may have: generous for compilers (the largest programs we know of have a tenth),
 * small enough for V8's own heap, where exhaustion would end the whole process instead of the job.
 */
const COUNTS = {
  type: 50_000,
  import: 50_000,
  function: 250_000,
  table: 1_000,
  memory: 100,
  tag: 1_000,
  export: 100_000,
} as const
/** Bytes of the section that fills tables; each entry of at least one byte becomes a pointer on V8's heap. */
const ELEMENT_BYTES = 1024 * 1024

function checkElements(sections: readonly Section[]): void {
  const elements = sections.find(({ id }) => id === SECTION.element)
  if (elements === undefined || elements.end - elements.start <= ELEMENT_BYTES) return
  throw new ModuleError('too-complex', `has an element section of ${elements.end - elements.start} bytes`)
}

function readFunctionType(reader: Reader): FunctionType {
  const form = reader.byte()
  if (form !== 0x60) throw new ModuleError('unsupported', 'uses garbage-collected types')
  return { params: readValueTypes(reader), results: readValueTypes(reader) }
}

function readValueTypes(reader: Reader): string {
  let letters = ''
  for (let count = reader.u32(); count > 0; count--) {
    const position = reader.position()
    skipValueType(reader)
    letters += LETTERS[reader.at(position)] ?? '?'
  }
  return letters
}

function readImport(reader: Reader, types: readonly FunctionType[]): Import {
  const names = { module: reader.name(), name: reader.name() }
  return { ...names, ...readImportType(reader, types) }
}

function readImportType(reader: Reader, types: readonly FunctionType[]): ImportType {
  const kind = KINDS[reader.byte()]
  switch (kind) {
    case 'function':
      return { kind, type: typeAt(types, reader.u32()) }
    case 'table':
      return { kind, ...readTable(reader) }
    case 'memory':
      return { kind, bounds: readMemory(reader) }
    case 'global':
      skipValueType(reader)
      reader.byte()
      return { kind }
    case 'tag':
      readTag(reader, types)
      return { kind }
    default:
      throw new ModuleError('malformed', 'imports something of an unknown kind')
  }
}

/** What an exception carries. It lives on V8's heap, and a job can hold as many as its stack has room for. */
const EXCEPTION_VALUES = 16

function readTag(reader: Reader, types: readonly FunctionType[]): void {
  reader.byte()
  const { params } = typeAt(types, reader.u32())
  if (params.length > EXCEPTION_VALUES)
    throw new ModuleError('too-complex', `throws exceptions of ${params.length} values`)
}

function typeAt(types: readonly FunctionType[], index: number): FunctionType {
  return types[index] ?? malformed(`refers to type ${index}, which it does not define`)
}

function readTable(reader: Reader): { element: number; bounds: Bounds } {
  const element = reader.byte()
  if (element !== 0x70 && element !== 0x6f) throw new ModuleError('unsupported', 'uses a table of typed references')
  return { element, bounds: readBounds(reader, 'table') }
}

const readMemory = (reader: Reader): Bounds => readBounds(reader, 'memory')

/** Flags: 1 has a maximum, 2 shared between threads, 4 indexed by 64 bits. */
function readBounds(reader: Reader, what: string): Bounds {
  const flags = reader.byte()
  if (flags & 2) throw new ModuleError('unsupported', `uses a shared ${what} (threads)`)
  if (flags & 4) throw new ModuleError('unsupported', `uses a 64-bit ${what}`)
  if (flags > 7) throw new ModuleError('unsupported', `uses a ${what} of an unknown kind`)
  const min = reader.u32()
  return flags & 1 ? { min, max: reader.u32() } : { min }
}

function readExport(reader: Reader): Export {
  const name = reader.name()
  const kind = KINDS[reader.byte()] ?? malformed('exports something of an unknown kind')
  return { name, kind, index: reader.u32() }
}

function readStart(bytes: Uint8Array, sections: readonly Section[]): number | undefined {
  const section = sections.find(({ id }) => id === SECTION.start)
  return section && createReader(bytes, section.start, section.end).u32()
}

const noFunction = (index: number) => malformed(`refers to function ${index}, which it does not have`)

function malformed(message: string): never {
  throw new ModuleError('malformed', message)
}

/** The type of a function by its index, which counts imported functions first. */
export function typeOfFunction(facts: ModuleFacts, index: number): FunctionType {
  const { importedFunctions, functions, types } = facts
  const own = functions[index - importedFunctions.length]
  return importedFunctions[index] ?? (own === undefined ? noFunction(index) : typeAt(types, own))
}
