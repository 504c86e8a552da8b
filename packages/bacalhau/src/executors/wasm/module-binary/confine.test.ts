import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { fixture } from '../fixtures/harness.ts'
import { buildModule, call, DROP, i32, type ModuleParts, program } from '../fixtures/module-builder.ts'
import { confineModule, type Grants, privateExports } from './confine.ts'
import { inspectModule } from './inspect.ts'
import { ModuleError } from './module-error.ts'
import { SECTION } from './sections.ts'

const NOTHING: Grants = { memories: [], tables: [] }
const confine = (bytes: Uint8Array, grants: Grants) => confineModule(bytes, inspectModule(bytes), grants)
const instantiate = (bytes: Uint8Array, imports = {}) =>
  new WebAssembly.Instance(new WebAssembly.Module(bytes), imports).exports as Record<string, () => number>

/** `memory.grow` by one page, as a function. */
const grow = (memory = 0) => ({
  type: [[], ['i32']] as const,
  code: [...i32(1), 0x40, memory],
  exportAs: `grow${memory}`,
})

describe('maxima', () => {
  test('of memories are set, whatever the module said (property)', () => {
    const size = fc
      .record({ min: fc.nat(3), max: fc.option(fc.nat(60_000), { nil: undefined }) })
      .map(({ min, max }) => (max === undefined ? { min } : { min, max: Math.max(min, max) }))
    fc.assert(
      fc.property(fc.array(size, { minLength: 1, maxLength: 3 }), fc.nat(40), (memories, spare) => {
        const maxima = memories.map(({ min }) => min + spare)
        const module = buildModule({ memories, functions: memories.map((_, index) => grow(index)) })
        const confined = confine(module, { memories: maxima, tables: [] })
        assert.deepEqual(
          inspectModule(confined).memories,
          memories.map(({ min }, index) => ({ min, max: maxima[index] })),
        )
        const exports = instantiate(confined)
        for (const [index, { min }] of memories.entries()) {
          let pages = min
          while (exports[`grow${index}`]?.() !== -1) pages += 1
          assert.equal(pages, maxima[index])
        }
      }),
      { numRuns: 30 },
    )
  })

  test('of tables are set', () => {
    const confined = confine(program([], { table: { min: 3 }, elements: [0] }), { memories: [1], tables: [9] })
    const { tables } = inspectModule(confined)
    assert.deepEqual(tables, [{ element: 0x70, bounds: { min: 3, max: 9 } }])
  })

  test('of what another module provides are not touched', () => {
    const module = buildModule({
      imports: [{ module: 'm', name: 'm', type: { memory: { min: 1, max: 2 } } }],
      functions: [grow()],
    })
    const confined = confine(module, NOTHING)
    assert.deepEqual(inspectModule(confined).imports, inspectModule(module).imports)
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 2 })
    assert.deepEqual(
      [1, 2, 3].map(() => instantiate(confined, { m: { m: memory } })['grow0']?.()),
      [1, -1, -1],
    )
  })
})

describe('refused growth', () => {
  const refusedAfter = (module: Uint8Array, maximum: number, calls: number) => {
    const exports = instantiate(confine(module, { memories: [maximum], tables: [] }))
    for (let count = 0; count < calls; count++) exports['grow0']?.()
    const global = exports[privateExports(inspectModule(module)).refused]
    return global instanceof WebAssembly.Global && global.value
  }

  test('is remembered', () => {
    const module = buildModule({ memory: { min: 1 }, functions: [grow()] })
    assert.equal(refusedAfter(module, 3, 2), 0)
    assert.equal(refusedAfter(module, 3, 3), 1)
  })

  test('is found in a module with imports, globals and types of its own', () => {
    const parts: ModuleParts = {
      globals: [4, 5],
      memory: { min: 1 },
      functions: [
        { type: [['i64'], ['f32']], code: [0x43, 0, 0, 0, 0] },
        { ...grow(), code: [0x23, 1, DROP, ...i32(1), 0x40, 0, DROP, ...i32(1), 0x40, 0, 0x23, 0, DROP] },
      ],
    }
    assert.equal(refusedAfter(buildModule(parts), 2, 1), 1)
  })

  test('a module that does not grow is left without that', () => {
    const names = inspectModule(confine(program([]), { memories: [1], tables: [] })).exports.map((entry) => entry.name)
    assert.deepEqual(names, ['_start', 'memory'])
  })

  test('hidden names do not collide with names of the module', () => {
    const extraExports = ['bacalhau:refused', "bacalhau:refused'"].map((name) => ({ name, kind: 0, index: 0 }))
    const module = buildModule({ memory: { min: 1 }, functions: [grow()], extraExports })
    assert.equal(privateExports(inspectModule(module)).refused, "bacalhau:refused''")
    assert.equal(refusedAfter(module, 1, 1), 1)
  })
})

describe('the start function', () => {
  test('runs when it is called, not before', () => {
    const module = buildModule({
      globals: [1],
      functions: [{ code: [...i32(2), 0x24, 0] }, { type: [[], ['i32']], code: [0x23, 0], exportAs: 'look' }],
      start: 0,
    })
    const confined = confine(module, NOTHING)
    assert.equal(inspectModule(confined).start, undefined)
    const exports = instantiate(confined)
    assert.equal(exports['look']?.(), 1)
    exports['bacalhau:start']?.()
    assert.equal(exports['look']?.(), 2)
  })
})

describe('what a module does', () => {
  test('is the same after rewriting: code, data, tables, custom sections', () => {
    const module = buildModule({
      memory: { min: 1, exportAs: 'memory' },
      table: { min: 2 },
      elements: [0, 1],
      functions: [
        { type: [[], ['i32']], code: i32(10) },
        { type: [[], ['i32']], code: [...i32(100), 0x2d, 0, 0] },
        { type: [[], ['i32']], code: [...i32(0), 0x11, 0, 0, ...i32(1), 0x11, 0, 0, 0x6a], exportAs: 'sum' },
      ],
      data: [{ at: 100, bytes: [7] }],
    })
    const grants = { memories: [5], tables: [2] }
    assert.equal(instantiate(confine(module, grants))['sum']?.(), 17)
  })

  test('real programs stay valid, with as many sections', () => {
    for (const file of ['program.wasm', 'probe.wasm']) {
      const bytes = readFileSync(fixture(file))
      const facts = inspectModule(bytes)
      const confined = confineModule(bytes, facts, { memories: [100], tables: [50] })
      void new WebAssembly.Module(confined)
      const sections = inspectModule(confined).sections.map(({ id }) => id)
      assert.deepEqual(sections, [...new Set(sections)].slice(0, sections.length))
      assert.ok(sections.includes(SECTION.code))
    }
  })

  test('can be confined again', () => {
    const grants = { memories: [3], tables: [] }
    const module = buildModule({ memory: { min: 1 }, functions: [grow()], start: undefined as never })
    const twice = confine(confine(module, grants), grants)
    assert.equal(instantiate(twice)['grow0']?.(), 1)
  })
})

describe('hostile bytes', () => {
  test('cut, changed or made up give a ModuleError or a module within its grants (property)', () => {
    const seeds = [
      readFileSync(fixture('probe.wasm')),
      program([...call(0)], { table: { min: 1 }, globals: [1], tags: [[[], []]] }),
    ]
    const edit = fc.tuple(fc.nat(), fc.nat(255))
    fc.assert(
      fc.property(
        fc.constantFrom(...seeds),
        fc.array(edit, { maxLength: 6 }),
        fc.option(fc.nat()),
        (seed, edits, cut) => {
          const bytes = Uint8Array.from(cut === null ? seed : seed.subarray(0, cut % seed.length))
          for (const [at, value] of edits) bytes[at % bytes.length] = value
          let confined: Uint8Array
          try {
            const facts = inspectModule(bytes)
            const grants = { memories: facts.memories.map(() => 4), tables: facts.tables.map(() => 20) }
            confined = confineModule(bytes, facts, grants)
          } catch (error) {
            assert.ok(error instanceof ModuleError, String(error))
            return
          }
          const { memories, tables } = inspectModule(confined)
          for (const { max } of memories) assert.equal(max, 4)
          for (const { bounds } of tables) assert.equal(bounds.max, 20)
        },
      ),
      { numRuns: 400 },
    )
  })

  test('made up from nothing do no more (property)', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (tail) => {
        const bytes = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...tail)
        try {
          confineModule(bytes, inspectModule(bytes), { memories: [1], tables: [1] })
        } catch (error) {
          assert.ok(error instanceof ModuleError, String(error))
        }
      }),
      { numRuns: 1_000 },
    )
  })
})
