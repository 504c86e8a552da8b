import { checkCost, type GrowSite, scanBody } from './code.ts'
import { type Bounds, type ModuleFacts, typeOfFunction } from './inspect.ts'
import { createReader } from './reader.ts'
import { joinSections, SECTION } from './sections.ts'
import { name, type Piece, u32 } from './writer.ts'

/** The maxima that a module's own memories (pages) and tables (entries) get, in their order. */
export interface Grants {
  readonly memories: readonly number[]
  readonly tables: readonly number[]
}

/** Names under which a confined module exports what only the sandbox uses. */
export interface PrivateExports {
  /** The start function. It runs after instantiation, when its memory can be reached from outside. */
  readonly start: string
  /** A global, not 0 once a memory was refused more room. */
  readonly refused: string
}

export function privateExports(facts: ModuleFacts): PrivateExports {
  const taken = new Set(facts.exports.map((entry) => entry.name))
  const free = (wish: string): string => (taken.has(wish) ? free(`${wish}'`) : wish)
  return { start: free('bacalhau:start'), refused: free('bacalhau:refused') }
}

/** A module being rewritten: `contents` holds the sections that differ from the original's. */
interface Draft {
  readonly bytes: Uint8Array
  readonly facts: ModuleFacts
  readonly contents: Map<number, readonly Piece[]>
}

/**
 * Rewrites a module so that it stays within its grants whatever it does: maxima of memories and tables are set, the start
 * function becomes an export, and `memory.grow` goes through a small function that remembers a refusal. Refuses functions
 * that would take too much to compile. Throws a `ModuleError`.
 */
export function confineModule(bytes: Uint8Array, facts: ModuleFacts, grants: Grants): Uint8Array {
  const draft: Draft = { bytes, facts, contents: new Map() }
  setMaxima(draft, grants)
  const hidden = privateExports(facts)
  const exports: Piece[] = []
  if (facts.start !== undefined) exports.push([...name(hidden.start), 0x00, ...u32(facts.start)])
  const bodies = findBodies(draft)
  if (bodies.some(({ grows }) => grows.length > 0)) {
    exports.push([...name(hidden.refused), 0x03, ...u32(routeGrowth(draft, bodies))])
  }
  if (exports.length > 0) append(draft, SECTION.export, exports)
  const sections = facts.sections.filter(({ id }) => id !== SECTION.start)
  return joinSections(bytes, sections, draft.contents)
}

function setMaxima({ facts: { memories, tables }, contents }: Draft, grants: Grants): void {
  const bounds = ({ min }: Bounds, max = min): number[] => [0x01, ...u32(min), ...u32(max)]
  if (memories.length > 0) {
    const entries = memories.map((memory, index) => bounds(memory, grants.memories[index]))
    contents.set(SECTION.memory, [u32(memories.length), ...entries])
  }
  if (tables.length > 0) {
    const entries = tables.map((table, index) => [table.element, ...bounds(table.bounds, grants.tables[index])])
    contents.set(SECTION.table, [u32(tables.length), ...entries])
  }
}

/** A function body: where its length and its content stand, and where it grows memory. */
interface Body {
  readonly lengthAt: number
  readonly start: number
  readonly end: number
  readonly grows: readonly GrowSite[]
}

function findBodies({ bytes, facts }: Draft): Body[] {
  const code = facts.sections.find(({ id }) => id === SECTION.code)
  if (code === undefined) return []
  const reader = createReader(bytes, code.start, code.end)
  const imported = facts.importedFunctions.length
  const widest = facts.types.reduce((most, type) => Math.max(most, type.params.length + type.results.length), 0)
  return Array.from({ length: reader.u32() }, (_, index) => {
    const lengthAt = reader.position()
    const length = reader.u32()
    const start = reader.position()
    reader.skip(length)
    const body = scanBody(bytes, start, start + length)
    const params = typeOfFunction(facts, imported + index).params.length
    checkCost(body, length, params + widest, imported + index)
    return { lengthAt, start, end: start + length, grows: body.grows }
  })
}

/**
 * Appends one function (and its type) a memory, and one global, and calls that function wherever memory is grown. Appended
 * at the end, they leave every index as it was. Gives the index of the global.
 */
function routeGrowth(draft: Draft, bodies: readonly Body[]): number {
  const { bytes, facts } = draft
  const memories = [...new Set(bodies.flatMap(({ grows }) => grows.map((site) => site.memory)))]
  const firstShim = facts.importedFunctions.length + facts.functions.length
  const importedGlobals = facts.imports.filter(({ kind }) => kind === 'global').length
  const type = u32(facts.types.length)

  append(draft, SECTION.type, [[0x60, 1, I32, 1, I32]])
  append(
    draft,
    SECTION.function,
    memories.map(() => type),
  )
  const global = importedGlobals + append(draft, SECTION.global, [[I32, 0x01, ...constant(0), END]])

  const pieces: Piece[] = [u32(bodies.length + memories.length)]
  let copied = bodies[0]?.lengthAt ?? 0
  for (const body of bodies.filter(({ grows }) => grows.length > 0)) {
    const rewritten = replaceGrowth(bytes, body, (memory) => firstShim + memories.indexOf(memory))
    pieces.push(bytes.subarray(copied, body.lengthAt), ...withLength(rewritten))
    copied = body.end
  }
  pieces.push(bytes.subarray(copied, bodies.at(-1)?.end))
  for (const memory of memories) pieces.push(...withLength([growShim(memory, global)]))
  draft.contents.set(SECTION.code, pieces)
  return global
}

function replaceGrowth(bytes: Uint8Array, body: Body, shimOf: (memory: number) => number): Piece[] {
  const pieces: Piece[] = []
  let copied = body.start
  for (const site of body.grows) {
    pieces.push(bytes.subarray(copied, site.offset), [CALL, ...u32(shimOf(site.memory))])
    copied = site.offset + site.length
  }
  return [...pieces, bytes.subarray(copied, body.end)]
}

function withLength(pieces: readonly Piece[]): Piece[] {
  return [u32(pieces.reduce((sum, piece) => sum + piece.length, 0)), ...pieces]
}

const I32 = 0x7f
const END = 0x0b
const CALL = 0x10
const constant = (value: 0 | 1 | -1): number[] => [0x41, value & 0x7f]

/** `(pages) => { result = grow(pages); if (result === -1) refused = 1; return result }` */
function growShim(memory: number, global: number): number[] {
  const locals = [1, 1, I32]
  const grow = [0x20, 0, 0x40, ...u32(memory), 0x22, 1]
  const remember = [...constant(-1), 0x46, 0x04, 0x40, ...constant(1), 0x24, ...u32(global), END]
  return [...locals, ...grow, ...remember, 0x20, 1, END]
}

/**
 * Adds entries to a section that starts with their number; makes the section when there is none. Gives the number of entries
 * before, which is the index of the first new one.
 */
function append({ bytes, facts, contents }: Draft, id: number, entries: readonly Piece[]): number {
  const section = facts.sections.find((candidate) => candidate.id === id)
  if (section === undefined) {
    contents.set(id, [u32(entries.length), ...entries])
    return 0
  }
  const reader = createReader(bytes, section.start, section.end)
  const count = reader.u32()
  contents.set(id, [u32(count + entries.length), bytes.subarray(reader.position(), section.end), ...entries])
  return count
}
