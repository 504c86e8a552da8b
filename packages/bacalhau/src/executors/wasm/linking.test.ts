import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { createArena, verdict } from './fixtures/harness.ts'
import {
  buildModule,
  call,
  DROP,
  type FunctionSignature,
  i32,
  program,
  wasi,
  repeat,
} from './fixtures/module-builder.ts'

const arena = createArena()
const PROC_EXIT = wasi('proc_exit', 'i', '')
const NUMBER: FunctionSignature = [[], ['i32']]

/** A module that exports a function `answer`, which gives a number. */
const answers = (code: readonly number[], parts = {}) =>
  buildModule({ ...parts, functions: [{ type: NUMBER, code: [...code], exportAs: 'answer' }] })

/** A program that exits with what `answer` of a namespace gives. */
const asks = (namespace: string) =>
  program([...call(0), ...call(1)], {
    imports: [{ module: namespace, name: 'answer', type: NUMBER }, PROC_EXIT],
  })

test('a namespace is the name of a module file without .wasm', async () => {
  const options = { modules: { 'lib.wasm': answers(i32(17)) }, params: { ImportModules: ['/wasm/lib.wasm'] } }
  assert.equal(verdict(await arena.run(asks('lib'), options)), 'exit 17')
})

test('a namespace is the path of a module', async () => {
  const options = { modules: { 'lib.wasm': answers(i32(18)) }, params: { ImportModules: ['/wasm/lib.wasm'] } }
  assert.equal(verdict(await arena.run(asks('/wasm/lib.wasm'), options)), 'exit 18')
})

test('a path needs no mention in ImportModules; a folder stands for its one module', async () => {
  const modules = { 'lib.wasm': answers(i32(19)) }
  assert.equal(verdict(await arena.run(asks('/wasm/lib.wasm'), { modules })), 'exit 19')
  assert.equal(verdict(await arena.run(asks('wasm/lib.wasm'), { modules })), 'exit 19')
  const folder = path.join(arena.folder, 'libraries')
  mkdirSync(folder)
  writeFileSync(path.join(folder, 'any.wasm'), answers(i32(20)))
  const mounts = [{ hostPath: folder, guestPath: '/libraries', readOnly: true }]
  assert.equal(verdict(await arena.run(asks('/libraries'), { mounts })), 'exit 20')
  for (const nowhere of ['', '.', '/', '/inputs', '../wasm/lib.wasm', 'wasm/lib.wasm\0', 'env'])
    assert.match(verdict(await arena.run(asks(nowhere), { modules })), /^WasmMissingImport/, nowhere)
})

test('imported modules import from others in turn, and one that two import is there once', async () => {
  const counter = buildModule({
    globals: [0],
    functions: [{ type: NUMBER, code: [0x23, 0, ...i32(1), 0x6a, 0x24, 0, 0x23, 0], exportAs: 'next' }],
  })
  const next = { module: 'counter', name: 'next', type: NUMBER }
  const middle = answers([...call(0), ...i32(10), 0x6c], { imports: [next] })
  const main = program([...call(0), DROP, ...call(1), ...call(2)], {
    imports: [next, { module: 'middle', name: 'answer', type: NUMBER }, PROC_EXIT],
  })
  const result = await arena.run(main, {
    modules: { 'counter.wasm': counter, 'middle.wasm': middle },
    params: { ImportModules: ['/wasm/middle.wasm', '/wasm/counter.wasm'] },
  })
  assert.equal(verdict(result), 'exit 20', 'the second number of the shared counter, times ten')
})

test('an imported module is started and initialised before its importer runs', async () => {
  const library = buildModule({
    globals: [1],
    functions: [
      { type: NUMBER, code: [0x23, 0], exportAs: 'answer' },
      { code: [0x23, 0, ...i32(2), 0x6a, 0x24, 0] },
      { code: [0x23, 0, ...i32(5), 0x6c, 0x24, 0], exportAs: '_initialize' },
    ],
    start: 1,
  })
  const options = { modules: { 'lib.wasm': library }, params: { ImportModules: ['/wasm/lib.wasm'] } }
  assert.equal(verdict(await arena.run(asks('lib'), options)), 'exit 15', '(1 + 2) * 5')
})

test('a module works on the memory of the module that it imports it from', async () => {
  const library = buildModule({ memory: { min: 1, exportAs: 'shared' }, data: [{ at: 8, bytes: [31] }] })
  const main = buildModule({
    imports: [{ module: 'lib', name: 'shared', type: { memory: { min: 1 } } }, PROC_EXIT],
    functions: [{ code: [...i32(8), 0x2d, 0, 0, ...call(0)], exportAs: '_start' }],
  })
  const options = { modules: { 'lib.wasm': library }, params: { ImportModules: ['/wasm/lib.wasm'] } }
  assert.equal(verdict(await arena.run(main, options)), 'exit 31')
})

test('each module makes system calls with its own memory', async () => {
  const print = [...i32(1), ...i32(0), ...i32(1), ...i32(32), ...call(0)]
  const text = (value: string) => [
    { at: 0, bytes: [16, 0, 0, 0, 4, 0, 0, 0, ...repeat(8, [0]), ...Buffer.from(value)] },
  ]
  const library = buildModule({
    imports: [wasi('fd_write', 'iiii')],
    memory: { min: 1, exportAs: 'memory' },
    functions: [{ type: NUMBER, code: print, exportAs: 'answer' }],
    data: text('lib\n'),
  })
  const main = program([...print, DROP, ...call(1), DROP], {
    imports: [wasi('fd_write', 'iiii'), { module: 'lib', name: 'answer', type: NUMBER }],
    data: text('main'),
  })
  const options = { modules: { 'lib.wasm': library }, params: { ImportModules: ['/wasm/lib.wasm'] } }
  assert.equal((await arena.run(main, options)).stdout, 'mainlib\n')
})

test('a memory that nobody exports is made by the sandbox, and grows no further than allowed', async () => {
  const main = buildModule({
    imports: [{ module: 'env', name: 'memory', type: { memory: { min: 1 } } }, PROC_EXIT],
    functions: [
      {
        // Grow by one page until that is refused; exit with the pages that there are then.
        code: [0x03, 0x40, ...i32(1), 0x40, 0, ...i32(-1), 0x47, 0x0d, 0, 0x0b, 0x3f, 0, ...call(0)],
        exportAs: '_start',
      },
    ],
  })
  assert.equal(verdict(await arena.run(main, { limits: { memory: 20 * 65_536 } })), 'exit 20')
})

test('memories of several modules share the limit', async () => {
  const greedy = [...i32(100), 0x40, 0, DROP, 0x03, 0x40, ...i32(1), 0x40, 0, ...i32(-1), 0x47, 0x0d, 0, 0x0b, 0x3f, 0]
  const library = answers(greedy, { memory: { min: 2 } })
  const main = program([...greedy, ...call(0), 0x6a, ...call(1)], {
    imports: [{ module: 'lib', name: 'answer', type: NUMBER }, PROC_EXIT],
  })
  const result = await arena.run(main, {
    limits: { memory: 21 * 65_536 },
    modules: { 'lib.wasm': library },
    params: { ImportModules: ['/wasm/lib.wasm'] },
  })
  assert.equal(verdict(result), 'exit 21')
})

test('modules that import each other are refused', async () => {
  const importing = (namespace: string) =>
    answers(call(0), { imports: [{ module: namespace, name: 'answer', type: NUMBER }] })
  const result = await arena.run(asks('a'), {
    modules: { 'a.wasm': importing('b'), 'b.wasm': importing('a') },
    params: { ImportModules: ['/wasm/a.wasm', '/wasm/b.wasm'] },
  })
  assert.equal(
    verdict(result),
    'WasmInvalidModule: the modules import each other in a circle: main.wasm → a.wasm → b.wasm → a.wasm',
  )
})

test('a module that nobody needs is not even read', async () => {
  const options = {
    modules: { 'broken.wasm': Uint8Array.of(1, 2, 3) },
    params: { ImportModules: ['/wasm/broken.wasm'] },
  }
  assert.equal(verdict(await arena.run(program([]), options)), 'exit 0')
})

test('a missing import module is named', async () => {
  const result = await arena.run(program([]), { params: { ImportModules: ['/wasm/none.wasm'] } })
  assert.equal(verdict(result), 'WasmModuleMissing: ImportModules /wasm/none.wasm: no input of the job has it')
})
