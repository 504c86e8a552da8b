import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createArena, fixture, type RunOptions, verdict } from './fixtures/harness.ts'
import {
  buildModule,
  call,
  DROP,
  forever,
  i32,
  i64,
  type ModuleParts,
  program,
  raw,
  UNREACHABLE,
  wasi,
} from './fixtures/module-builder.ts'
import { concat } from './module-binary/writer.ts'

const arena = createArena()
const run = async (module: Uint8Array | string, options?: RunOptions) => verdict(await arena.run(module, options))
const library = (bytes: Uint8Array, params = {}) => ({
  modules: { 'lib.wasm': bytes },
  params: { ImportModules: ['/wasm/lib.wasm'], ...params },
})

describe('files that are not modules', () => {
  const cases: [string | Uint8Array, RegExp][] = [
    ['', /looks like an empty file$/],
    ['#!/bin/sh\n', /a script$/],
    ['\x7fELF\x02', /a native program for Linux/],
    ['(module)', /WebAssembly text, which wat2wasm/],
    [Uint8Array.of(0x1f, 0x8b, 8), /gzip-compressed/],
    ['hello', /looks like something else$/],
  ]
  for (const [content, expected] of cases) {
    test(String(expected), async () => {
      const bytes = typeof content === 'string' ? Buffer.from(content, 'latin1') : content
      const text = await run(bytes)
      assert.match(text, /^WasmNotAModule: \d+-main\.wasm|^WasmNotAModule: main\.wasm is not a WebAssembly module/)
      assert.match(text, expected)
    })
  }

  test('a component of WASI preview 2 is told from a module', async () => {
    const text = await run(Uint8Array.of(0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0))
    assert.equal(text, 'WasmInvalidModule: main.wasm is a component (WASI preview 2)')
  })

  test('a folder without modules, and a file that is not there', async () => {
    assert.match(
      await run(program([]), { params: { EntryModule: '/inputs' } }),
      /^WasmModuleMissing: .* a folder with no \.wasm/,
    )
    assert.match(await run(program([]), { params: { EntryModule: '/wasm' } }), /^exit 0/, 'the only one in the folder')
    assert.match(await run(program([]), { params: { EntryModule: '/nowhere/x.wasm' } }), /no input of the job has it$/)
  })

  test('a module larger than a module may be', async () => {
    const { mkdtempSync, truncateSync, writeFileSync } = await import('node:fs')
    const folder = mkdtempSync(`${arena.folder}/large-`)
    writeFileSync(`${folder}/large.wasm`, program([]))
    truncateSync(`${folder}/large.wasm`, 129 * 1024 * 1024)
    assert.match(await run(`${folder}/large.wasm`), /^WasmTooComplex: .* has 129 MiB; a module may have 128 MiB$/)
  })
})

describe('modules that are not valid', () => {
  test('a body that does not type-check is explained by the engine', async () => {
    const text = await run(program([0x6a]))
    assert.match(
      text,
      /^WasmInvalidModule: main\.wasm is not valid: Compiling function #0.* failed: not enough arguments/,
    )
  })

  test('a module that is cut off', async () => {
    const whole = program([...i32(1), DROP])
    for (let length = 4; length < whole.length; length++) {
      const text = await run(whole.subarray(0, length))
      assert.match(text, /^Wasm(?:InvalidModule|MissingEntrypoint): /, `cut at ${length}`)
    }
  })

  test('features that the sandbox does not give', async () => {
    const refused: [Uint8Array, RegExp][] = [
      [concat([Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0), ...raw(1, [1, 0x5f, 0])]), /garbage-collected types$/],
      [program([0xfb, 0x1c]), /garbage-collected objects/],
      [
        concat([Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0), ...raw(5, [1, 3, 1, 1])]),
        /a shared memory \(threads\)$/,
      ],
      [concat([Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0), ...raw(5, [1, 4, 1])]), /a 64-bit memory$/],
      [concat([Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0), ...raw(4, [1, 0x63, 0x00, 0, 1])]), /typed references$/],
      [concat([Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0), ...raw(14, [0])]), /section of unknown kind 14$/],
    ]
    for (const [module, expected] of refused) assert.match(await run(module), expected)
  })
})

describe('entry points', () => {
  test('a missing one lists what there is', async () => {
    const module = buildModule({
      functions: [
        { code: [], exportAs: 'main' },
        { code: [], exportAs: 'other' },
      ],
    })
    assert.equal(
      await run(module),
      'WasmMissingEntrypoint: main.wasm exports no function "_start"; it exports main, other',
    )
  })

  test('one that is exported but not there', async () => {
    const module = buildModule({ extraExports: [{ name: '_start', kind: 0, index: 5 }] })
    assert.equal(await run(module), 'WasmInvalidModule: main.wasm refers to function 5, which it does not have')
  })

  test('a long list is cut, and names are made harmless', async () => {
    const functions = Array.from({ length: 30 }, (_, index) => ({ code: [], exportAs: `f\u202e\n${index}` }))
    const text = await run(buildModule({ functions }))
    assert.match(text, /it exports f\ufffd\ufffd0, .*f\ufffd\ufffd19, and 10 more$/)
  })

  test('one with parameters is refused', async () => {
    const module = buildModule({ functions: [{ type: [['i32', 'i32'], []], code: [], exportAs: 'add' }] })
    assert.equal(
      await run(module, { params: { Entrypoint: 'add' } }),
      'WasmMissingEntrypoint: "add" of main.wasm takes 2 parameters; an entry point takes none',
    )
  })

  test('a start function or initialiser with parameters is refused', async () => {
    const functions = [
      { type: [['i64'], []] as const, code: [], exportAs: '_initialize' },
      { code: [], exportAs: 'go' },
    ]
    const initialiser = await run(buildModule({ functions }), { params: { Entrypoint: 'go' } })
    assert.match(initialiser, /^WasmMissingEntrypoint: "_initialize" of main\.wasm takes 1 parameters/)
    assert.equal(
      await run(buildModule({ functions, start: 0 })),
      'WasmInvalidModule: main.wasm has a start function with parameters or results',
    )
  })

  test('an export that is not a function is none', async () => {
    assert.match(await run(program([]), { params: { Entrypoint: 'memory' } }), /^WasmMissingEntrypoint/)
    assert.match(await run(program([]), { params: { Entrypoint: 'constructor' } }), /^WasmMissingEntrypoint/)
  })
})

describe('imports', () => {
  const importing = (entry: NonNullable<ModuleParts['imports']>[number]) => program([], { imports: [entry] })

  test('one that nobody provides is named with what is available', async () => {
    const text = await run(importing({ module: 'env', name: 'foo', type: [[], []] }))
    assert.equal(
      text,
      'WasmMissingImport: main.wasm imports the function "env.foo", which is provided by nobody. Available: wasi_snapshot_preview1 (WASI preview 1)',
    )
  })

  test('functions that WASI does not have, though JavaScript objects do', async () => {
    for (const name of ['constructor', '__proto__', 'toString', 'fd_missing'])
      assert.match(await run(importing(wasi(name, ''))), /is not a part of WASI preview 1/)
  })

  test('namespaces that JavaScript objects have', async () => {
    for (const module of ['__proto__', 'constructor', ''])
      assert.match(
        await run(importing({ module, name: 'toString', type: [[], []] })),
        /^WasmMissingImport: .*provided by nobody/,
      )
  })

  test('the early form of WASI gets a hint of its own', async () => {
    const { outcome } = await arena.run(importing({ module: 'wasi_unstable', name: 'fd_write', type: [[], []] }))
    assert.match(outcome.kind === 'failed' ? (outcome.hint ?? '') : '', /early form of WASI/)
  })

  test('what an import module does not export', async () => {
    const main = importing({ module: 'lib', name: '__proto__', type: [[], []] })
    assert.match(
      await run(main, library(program([]))),
      /^WasmMissingImport: .*"lib\.__proto__", which is not exported by lib\.wasm/,
    )
  })

  test('a system call with a wrong signature', async () => {
    assert.equal(
      await run(importing(wasi('fd_seek', 'iiii'))),
      'WasmImportMismatch: main.wasm imports "wasi_snapshot_preview1.fd_seek" as (i32, i32, i32, i32) → (i32); it is (i32, i64, i32, i32) → (i32)',
    )
  })

  test('an import module whose export has another type', async () => {
    const main = importing({ module: 'lib', name: '_start', type: [['i32'], []] })
    assert.match(
      await run(main, library(program([]))),
      /^WasmImportMismatch: main\.wasm does not fit what it imports: Import #0/,
    )
  })

  test('a system call with pointers from a module without memory', async () => {
    const module = buildModule({
      imports: [wasi('random_get', 'ii')],
      functions: [{ code: [...i32(0), ...i32(8), ...call(0), DROP], exportAs: '_start' }],
    })
    assert.match(await run(module), /^WasmInvalidModule: .*exports no memory/)
  })

  test('an export named memory that is none does not count as one', async () => {
    const module = buildModule({
      imports: [wasi('random_get', 'ii')],
      memory: { min: 1 },
      functions: [{ code: [...i32(0), ...i32(8), ...call(0), DROP], exportAs: '_start' }],
      extraExports: [{ name: 'memory', kind: 0, index: 1 }],
    })
    assert.match(await run(module), /exports no memory/)
  })
})

describe('traps', () => {
  const cases: [string, number[], RegExp][] = [
    ['unreachable', [UNREACHABLE], /unreachable in function 0 .*at 0x/],
    ['division by zero', [...i32(1), ...i32(0), 0x6d, DROP], /divide by zero/],
    ['integer overflow', [...i64(-(2n ** 63n)), ...i64(-1n), 0x7f, DROP], /divide result unrepresentable/],
    ['remainder by zero', [...i32(1), ...i32(0), 0x6f, DROP], /remainder by zero/],
    ['out of bounds', [...i32(65_536), 0x28, 2, 0, DROP], /memory access out of bounds/],
    ['conversion', [0x43, 0, 0, 0x80, 0x7f, 0xa8, DROP], /float unrepresentable in integer range/],
    ['indirect call of nothing', [...i32(0), 0x11, 0, 0], /null function or function signature mismatch/],
    ['indirect call beyond the table', [...i32(9), 0x11, 0, 0], /table index is out of bounds/],
  ]
  for (const [name, code, expected] of cases) {
    test(name, async () => {
      const text = await run(program(code, { table: { min: 1 } }))
      assert.match(text, /^WasmTrap: the job stopped with: /)
      assert.match(text, expected)
    })
  }

  test('data that does not fit into memory', async () => {
    const text = await run(program([], { data: [{ at: 65_535, bytes: [1, 2] }] }))
    assert.match(text, /^WasmTrap: .*data segment 0 is out of bounds/)
  })

  test('an exception that nothing catches', async () => {
    assert.equal(
      await run(program([0x08, 0], { tags: [[[], []]] })),
      'WasmTrap: the job threw an exception that nothing caught',
    )
  })

  test('a trap in a start function', async () => {
    assert.match(await run(program([], { functions: [{ code: [UNREACHABLE] }], start: 1 })), /^WasmTrap/)
  })

  test('an exhausted stack', async () => {
    assert.match(await run(program(call(0))), /^WasmStackExhausted/)
    // Every frame holds an exception that it caught.
    const catching = [0x06, 0x40, 0x08, 0, 0x19, ...call(0), 0x0b]
    assert.match(await run(program(catching, { tags: [[[], []]] })), /^WasmStackExhausted/)
  })

  test('an abort after memory was refused is told as exhausted memory', async () => {
    const params = { Parameters: ['allocate-or-abort', '100'] }
    assert.match(
      await run(fixture('program.wasm'), { params }),
      /^WasmMemoryExhausted: .*was refused, and stopped with: unreachable/,
    )
    assert.equal(await run(fixture('program.wasm'), { params: { Parameters: ['allocate-or-abort', '1'] } }), 'exit 0')
  })
})

describe('the end of a run', () => {
  /** `try … catch_all … end`, then a loop for ever: what a module does that will not be ended. */
  const unwilling = (code: readonly number[]) => [0x06, 0x40, ...code, 0x19, 0x0b, ...forever([])]

  test('exiting cannot be caught by the job', async () => {
    const module = program(unwilling([...i32(4), ...call(0)]), { imports: [wasi('proc_exit', 'i', '')] })
    assert.equal(await run(module), 'exit 4')
  })

  test('breaking a limit cannot be caught by the job', async () => {
    const make = [...i32(3), ...i32(0), ...i32(9), ...call(0), DROP]
    const module = program(unwilling(forever(make)), {
      imports: [wasi('path_create_directory', 'iii')],
      data: [{ at: 0, bytes: [...Buffer.from('outputs/x')] }],
    })
    assert.match(await run(module, { limits: { files: 0 } }), /^WasmFileLimit/)
  })

  test('an exit inside of an imported module ends the whole job', async () => {
    const lib = buildModule({
      imports: [wasi('proc_exit', 'i', '')],
      functions: [{ code: [...i32(6), ...call(0)], exportAs: 'leave' }],
    })
    const main = program(unwilling(call(0)), { imports: [{ module: 'lib', name: 'leave', type: [[], []] }] })
    assert.equal(await run(main, library(lib)), 'exit 6')
  })

  test('exit codes have 32 bits without sign', async () => {
    const module = program([...i32(-1), ...call(0)], { imports: [wasi('proc_exit', 'i', '')] })
    assert.equal(await run(module), 'exit 4294967295')
  })
})
