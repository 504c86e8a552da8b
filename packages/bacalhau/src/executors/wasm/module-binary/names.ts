import { inspectModule, type ModuleFacts } from './inspect.ts'
import { createReader } from './reader.ts'
import { SECTION, splitSections } from './sections.ts'
import { concat, name, type Piece, u32 } from './writer.ts'

/** Parts of the name section (WebAssembly specification, appendix on custom sections). */
const MODULE_NAME = 0
const FUNCTION_NAMES = 1

/**
 * The module with a name section: its own one, or one with the names of what it imports and exports. Compilers leave the
 * section out of release builds, and some engines refuse modules without it. Throws a `ModuleError` for what is no module.
 */
export function withNames(bytes: Uint8Array): Uint8Array {
  const named = splitSections(bytes).some(
    ({ id, start, end }) => id === SECTION.custom && createReader(bytes, start, end).name() === 'name',
  )
  if (named) return bytes
  const content = [name('name'), ...part(MODULE_NAME, [name('module')]), ...part(FUNCTION_NAMES, functionNames(bytes))]
  return concat([bytes, [SECTION.custom, ...u32(sizeOf(content))], ...content])
}

/** Index and name of each function that has a name, in the order of the indexes. */
function functionNames(bytes: Uint8Array): Piece[] {
  const facts = inspectModule(bytes)
  const names = [...namesByIndex(facts)].toSorted(([one], [other]) => one - other)
  return [u32(names.length), ...names.map(([index, text]) => [...u32(index), ...name(text)])]
}

function namesByIndex({ imports, exports }: ModuleFacts): Map<number, string> {
  const names = new Map<number, string>()
  for (const entry of imports) if (entry.kind === 'function') names.set(names.size, entry.name)
  for (const { kind, name: text, index } of exports)
    if (kind === 'function' && !names.has(index)) names.set(index, text)
  return names
}

const part = (id: number, content: readonly Piece[]): Piece[] => [[id, ...u32(sizeOf(content))], ...content]

const sizeOf = (pieces: readonly Piece[]): number => pieces.reduce((sum, piece) => sum + piece.length, 0)
