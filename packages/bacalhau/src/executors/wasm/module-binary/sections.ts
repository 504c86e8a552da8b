import { ModuleError } from './module-error.ts'
import { createReader } from './reader.ts'
import { concat, type Piece, u32 } from './writer.ts'

/** One section of a module: its id and where its content lies in the module's bytes. */
export interface Section {
  readonly id: number
  readonly start: number
  readonly end: number
}

export const SECTION = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  global: 6,
  export: 7,
  start: 8,
  element: 9,
  code: 10,
  data: 11,
  dataCount: 12,
  tag: 13,
} as const

/** Sections, custom ones aside, come once each and in this order. */
const ORDER: readonly number[] = [1, 2, 3, 4, 5, 13, 6, 7, 8, 9, 12, 10, 11]

const MAGIC = [0x00, 0x61, 0x73, 0x6d]
const VERSION = [0x01, 0x00, 0x00, 0x00]
export const HEADER: readonly number[] = [...MAGIC, ...VERSION]

/** Splits a module (WebAssembly specification, chapter 5.5) into its sections. */
export function splitSections(bytes: Uint8Array): Section[] {
  checkHeader(bytes)
  const reader = createReader(bytes, HEADER.length)
  const sections: Section[] = []
  let reached = -1
  while (!reader.done()) {
    const id = reader.byte()
    if (id !== SECTION.custom) {
      const rank = ORDER.indexOf(id)
      if (rank === -1) throw new ModuleError('unsupported', `has a section of unknown kind ${id}`)
      if (rank <= reached) throw new ModuleError('malformed', `section ${id} is repeated or out of order`)
      reached = rank
    }
    const length = reader.u32()
    const start = reader.position()
    reader.skip(length)
    sections.push({ id, start, end: start + length })
  }
  return sections
}

function checkHeader(bytes: Uint8Array): void {
  const matches = (expected: readonly number[], at: number) => expected.every((byte, i) => bytes[at + i] === byte)
  if (!matches(MAGIC, 0)) throw new ModuleError('malformed', 'is not WebAssembly')
  if (matches(VERSION, MAGIC.length)) return
  const component = bytes[4] === 0x0d && bytes[6] === 0x01
  throw new ModuleError('unsupported', component ? 'is a component (WASI preview 2)' : 'has an unknown version')
}

/** Puts a module together from sections in any order; `contents` maps an id to its new content, in pieces. */
export function joinSections(
  bytes: Uint8Array,
  sections: readonly Section[],
  contents: ReadonlyMap<number, readonly Piece[]>,
): Uint8Array {
  const old = new Map(sections.map((section) => [section.id, section]))
  const pieces: Piece[] = [HEADER]
  for (const id of ORDER) {
    const section = old.get(id)
    const content = contents.get(id) ?? (section && [bytes.subarray(section.start, section.end)])
    if (content === undefined) continue
    const length = content.reduce((sum, piece) => sum + piece.length, 0)
    pieces.push([id, ...u32(length)], ...content)
  }
  return concat([...pieces, ...customSections(bytes, sections)])
}

/** Names of functions and the like, for messages. They may stand anywhere, so they come last. */
function customSections(bytes: Uint8Array, sections: readonly Section[]): Piece[] {
  return sections
    .filter((section) => section.id === SECTION.custom)
    .flatMap(({ start, end }) => [[0, ...u32(end - start)], bytes.subarray(start, end)])
}
