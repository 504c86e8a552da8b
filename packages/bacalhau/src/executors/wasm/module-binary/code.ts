import { LIMITS } from '../../../runtime/limits.ts'
import { ModuleError } from './module-error.ts'
import { createReader, type Reader } from './reader.ts'

/** Where a function body asks for more memory: offset of the instruction, its length, and which memory. */
export interface GrowSite {
  readonly offset: number
  readonly length: number
  readonly memory: number
}

/** What a function body will cost to compile, and where it grows a memory. */
export interface BodyFacts {
  readonly locals: number
  /** Points where control joins or leaves: each makes the optimising compiler keep a record of every local. */
  readonly branches: number
  readonly calls: number
  readonly grows: readonly GrowSite[]
}

/** What one instruction carries after its opcode. See the WebAssembly specification, chapter 5.4 (Instructions). */
type Immediate =
  | 'none'
  | 'block'
  | 'u32'
  | 'u32x2'
  | 'memory'
  | 'labels'
  | 's32'
  | 's64'
  | 'f32'
  | 'f64'
  | 'types'
  | 'catches'

const IMMEDIATES: readonly (Immediate | undefined)[] = plainImmediates()

function plainImmediates(): (Immediate | undefined)[] {
  const table = Array.from<Immediate | undefined>({ length: 256 })
  const put = (kind: Immediate, ...ranges: (readonly [number, number])[]) => {
    for (const [first, last] of ranges) table.fill(kind, first, last + 1)
  }
  // Nothing follows: unreachable, nop; else, throw_ref, end; return; catch_all, drop, select; arithmetic; ref.is_null.
  put(
    'none',
    [0x00, 0x01],
    [0x05, 0x05],
    [0x0a, 0x0b],
    [0x0f, 0x0f],
    [0x19, 0x1b],
    [0x45, 0xc4],
    [0xd1, 0xd1],
    [0xd4, 0xd4],
  )
  put('block', [0x02, 0x04], [0x06, 0x06])
  // catch, throw, rethrow; br, br_if; call; return_call; call_ref, return_call_ref; delegate; locals, globals, tables;
  // memory.size, memory.grow; ref.func; br_on_null, br_on_non_null.
  put('u32', [0x07, 0x09], [0x0c, 0x0d], [0x10, 0x10], [0x12, 0x12], [0x14, 0x15], [0x18, 0x18], [0x20, 0x26])
  put('u32', [0x3f, 0x40], [0xd2, 0xd2], [0xd5, 0xd6])
  put('u32x2', [0x11, 0x11], [0x13, 0x13])
  put('labels', [0x0e, 0x0e])
  put('types', [0x1c, 0x1c])
  put('catches', [0x1f, 0x1f])
  put('memory', [0x28, 0x3e])
  put('s32', [0x41, 0x41], [0xd0, 0xd0])
  put('s64', [0x42, 0x42])
  put('f32', [0x43, 0x43])
  put('f64', [0x44, 0x44])
  return table
}

/** Division, remainder and checked conversions leave by a trap: the compiler treats each as a branch. */
const traps = (opcode: number) =>
  (opcode >= 0x6d && opcode <= 0x70) || (opcode >= 0x7f && opcode <= 0x82) || (opcode >= 0xa8 && opcode <= 0xb1)

/** Walks one function body, `bytes[start, end)`: its declaration of locals, then its instructions. */
export function scanBody(bytes: Uint8Array, start: number, end: number): BodyFacts {
  const reader = createReader(bytes, start, end)
  const facts = { locals: 0, branches: 0, calls: 0, grows: [] as GrowSite[] }
  for (let groups = reader.u32(); groups > 0; groups--) {
    facts.locals += reader.u32()
    skipValueType(reader)
  }
  let guarded = false
  while (!reader.done()) {
    const offset = reader.position()
    const opcode = reader.byte()
    if (opcode === 0x06 || opcode === 0x1f) guarded = true
    if (opcode >= 0x10 && opcode <= 0x15) facts.calls += 1
    if ((opcode >= 0x02 && opcode <= 0x0d) || traps(opcode)) facts.branches += 1
    if (opcode === 0x40) facts.grows.push(readGrow(reader, offset))
    else facts.branches += skipImmediates(reader, opcode)
  }
  // A call inside of `try` has a second way out, to the handler; twice, as measured.
  if (guarded) facts.branches += 2 * facts.calls
  return facts
}

function readGrow(reader: Reader, offset: number): GrowSite {
  const memory = reader.u32()
  return { offset, length: reader.position() - offset, memory }
}

/** Skips what belongs to `opcode`; gives the number of branches that hide in it. */
function skipImmediates(reader: Reader, opcode: number): number {
  if (opcode === 0xfc) return skipBulk(reader)
  if (opcode === 0xfd) return skipVector(reader)
  if (opcode === 0xfe) return skipAtomic(reader)
  return SKIP[IMMEDIATES[opcode] ?? unsupported(reader, opcode)](reader)
}

const SKIP: Record<Immediate, (reader: Reader) => number> = {
  none: () => 0,
  block: (reader) => skipLebs(reader, 5),
  u32: (reader) => skipLebs(reader, 5),
  u32x2: (reader) => skipLebs(reader, 5, 5),
  s32: (reader) => skipLebs(reader, 5),
  s64: (reader) => skipLebs(reader, 10),
  f32: (reader) => skipBytes(reader, 4),
  f64: (reader) => skipBytes(reader, 8),
  memory: skipMemoryArgument,
  labels: skipLabels,
  catches: skipCatches,
  types(reader) {
    for (let count = reader.u32(); count > 0; count--) skipValueType(reader)
    return 0
  },
}

function skipLebs(reader: Reader, ...maxBytes: readonly number[]): number {
  for (const max of maxBytes) reader.skipLeb(max)
  return 0
}

function skipBytes(reader: Reader, length: number): number {
  reader.skip(length)
  return 0
}

function skipLabels(reader: Reader): number {
  const count = reader.u32() + 1
  for (let left = count; left > 0; left--) reader.u32()
  return count
}

function skipCatches(reader: Reader): number {
  reader.skipLeb(5)
  const count = reader.u32()
  for (let left = count; left > 0; left--) {
    if (reader.byte() < 2) reader.u32()
    reader.u32()
  }
  return count
}

function skipMemoryArgument(reader: Reader): number {
  // Bit 6 of the alignment says that the index of a memory follows.
  if ((reader.u32() & 0x40) !== 0) reader.u32()
  return skipLebs(reader, 10)
}

/** Saturating conversions, bulk memory and tables. */
function skipBulk(reader: Reader): number {
  const opcode = reader.u32()
  if (opcode > 17) unsupported(reader, 0xfc, opcode)
  const operands = opcode < 8 ? 0 : [8, 10, 12, 14].includes(opcode) ? 2 : 1
  for (let left = operands; left > 0; left--) reader.u32()
  return 0
}

/** 128-bit vectors, the relaxed ones included. */
function skipVector(reader: Reader): number {
  const opcode = reader.u32()
  if (opcode > 0x113) unsupported(reader, 0xfd, opcode)
  if (opcode <= 11 || opcode === 92 || opcode === 93) return skipMemoryArgument(reader)
  if (opcode === 12 || opcode === 13) return skipBytes(reader, 16)
  if (opcode >= 21 && opcode <= 34) return skipBytes(reader, 1)
  if (opcode >= 84 && opcode <= 91) return skipMemoryArgument(reader) + skipBytes(reader, 1)
  return 0
}

/** Atomic operations. Harmless on the unshared memories that a job has; waiting on one traps. */
function skipAtomic(reader: Reader): number {
  const opcode = reader.u32()
  if (opcode === 3) return skipBytes(reader, 1)
  if ((opcode > 3 && opcode < 0x10) || opcode > 0x4e) unsupported(reader, 0xfe, opcode)
  return skipMemoryArgument(reader)
}

/** A value type: one byte, or a reference with its heap type after it. */
export function skipValueType(reader: Reader): void {
  const code = reader.byte()
  if (code === 0x63 || code === 0x64) reader.skipLeb(5)
}

function unsupported(reader: Reader, opcode: number, second?: number): never {
  const family = opcode === 0xfb ? 'garbage-collected objects' : 'an unknown instruction'
  const code = second === undefined ? opcode.toString(16) : `${opcode.toString(16)} ${second.toString(16)}`
  throw new ModuleError('unsupported', `uses ${family}: opcode 0x${code} before byte ${reader.position()}`)
}

/**
 * Refuses a body that the optimising compiler would need gigabytes or minutes for: it cannot be interrupted inside of one
 * function. `values` is the number of parameters and of block results that live beside the locals.
 */
export function checkCost(facts: BodyFacts, size: number, values: number, index: number): void {
  const cost = facts.branches * (facts.locals + values + 32)
  if (size <= LIMITS.wasmFunction && facts.calls <= LIMITS.wasmFunctionCalls && cost <= LIMITS.wasmFunctionCost) return
  throw new ModuleError(
    'too-complex',
    `function ${index} is too complex to compile safely: ${size} bytes, ${facts.locals} locals, ${facts.branches} branches, ${facts.calls} calls`,
  )
}
