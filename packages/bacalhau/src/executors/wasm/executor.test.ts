import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, describe, test } from 'node:test'
import { systemClock } from '../../runtime/clock.ts'
import { silentLogger } from '../../runtime/logger.ts'
import { type ComplianceJob, executorCompliance } from '../compliance.ts'
import { createWasmExecutor } from './executor.ts'
import { createArena, fixture, verdict } from './fixtures/harness.ts'
import { buildModule, call, DROP, forever, i32, program, wasi } from './fixtures/module-builder.ts'

/** Prints a text that lies at 64 in memory: `fd_write` is function 0, and 0 to 16 is used for its arguments. */
const print = (fd: number, at: number, length: number) => {
  const buffer = [...i32(0), ...i32(at), 0x36, 2, 0, ...i32(4), ...i32(length), 0x36, 2, 0]
  return [...buffer, ...i32(fd), ...i32(0), ...i32(1), ...i32(16), ...call(0), DROP]
}
const data = (text: string) => [{ at: 64, bytes: [...Buffer.from(text)] }]
const FD_WRITE = wasi('fd_write', 'iiii')

const folder = mkdtempSync(path.join(tmpdir(), 'wasm-compliance-'))
after(() => rmSync(folder, { recursive: true }))
const job = (name: string, module: Uint8Array): ComplianceJob => {
  writeFileSync(path.join(folder, name), module)
  const mount = { hostPath: path.join(folder, name), guestPath: '/main.wasm', readOnly: true }
  return { params: { EntryModule: '/main.wasm' }, mounts: [mount] }
}

executorCompliance({
  engine: 'wasm',
  create: () => createWasmExecutor({ clock: systemClock, logger: silentLogger }),
  succeed: job('succeed.wasm', program([])),
  endless: job(
    'endless.wasm',
    program([...print(1, 64, 6), ...forever([])], { imports: [FD_WRITE], data: data('begun\n') }),
  ),
  print: job(
    'print.wasm',
    program([...print(1, 64, 4), ...print(2, 68, 4), ...i32(7), ...call(1)], {
      imports: [FD_WRITE, wasi('proc_exit', 'i', '')],
      data: data('out\nerr\n'),
    }),
  ),
  invalid: { EntryModule: 'relative.wasm', Extra: 1 },
})

describe('C programs', () => {
  const arena = createArena()
  const PROGRAM = fixture('program.wasm')
  const run = (Parameters: string[], options = {}) => arena.run(PROGRAM, { params: { Parameters }, ...options })

  test('get their arguments, the module name first, and their environment', async () => {
    const { stdout } = await run(['arguments', 'ünï', ''], { env: { NAME: 'value', EMPTY: '' } })
    assert.equal(stdout, 'main.wasm\narguments\nünï\n\nNAME=value\nEMPTY=\n')
  })

  test('point 12: end with the exit code that they return or exit with', async () => {
    for (const [how, code] of [
      ['return', 0],
      ['return', 42],
      ['exit', 0],
      ['exit', 255],
    ] as const)
      assert.deepEqual((await run([how, String(code)])).outcome, { kind: 'exited', exitCode: code })
  })

  test('read standard input to its end', async () => {
    const { stdout, stderr } = await run(['echo'], { stdin: 'one\ntwo' })
    assert.deepEqual([stdout, stderr], ['one\ntwo', 'done\n'])
  })

  test('have an empty standard input when none is given', async () => {
    assert.equal((await run(['echo'])).stdout, '')
  })

  test('find files by absolute and by relative path', async () => {
    writeFileSync(path.join(arena.inputs, 'a.txt'), 'content')
    assert.equal(verdict(await run(['copy', '/inputs/a.txt', 'outputs/b.txt'])), 'exit 0')
    assert.equal(verdict(await run(['copy', 'outputs/b.txt', '/outputs/../outputs/./c.txt'])), 'exit 0')
    const lines = await arena.probe([
      ['open', 5, 'c.txt'],
      ['read', 6, 100],
    ])
    assert.equal(lines[1], 'read 0 content')
  })

  test('see a single file that is mounted alone, and cannot change it', async () => {
    writeFileSync(path.join(arena.folder, 'alone'), 'one file')
    const mounts = [{ hostPath: path.join(arena.folder, 'alone'), guestPath: '/data/alone.txt', readOnly: true }]
    assert.equal(verdict(await run(['copy', '/data/alone.txt', '/outputs/alone'], { mounts })), 'exit 0')
    const refused = await run(['copy', '/inputs/a.txt', '/data/alone.txt'], { mounts })
    assert.equal(refused.stderr, 'copy: Read-only file system\n')
  })

  test('are not told that their output is a terminal', async () => {
    assert.equal((await run(['tty'])).stdout, '0 0\n')
  })

  test('see an allocation fail that does not fit, and go on', async () => {
    assert.deepEqual(await run(['allocate', '100']), {
      outcome: { kind: 'exited', exitCode: 3 },
      stdout: '',
      stderr: 'malloc: Out of memory\n',
    })
    assert.equal((await run(['allocate', '40'])).stdout, '1\n')
  })
})

describe('entry points', () => {
  const arena = createArena()
  const exitWith = (code: number) => [...i32(code), ...call(0)]
  const PROC_EXIT = wasi('proc_exit', 'i', '')

  test('any exported function without parameters will do', async () => {
    const module = buildModule({
      imports: [PROC_EXIT],
      functions: [{ code: exitWith(5), exportAs: 'compute' }],
    })
    assert.equal(verdict(await arena.run(module, { params: { Entrypoint: 'compute' } })), 'exit 5')
  })

  test('what it returns is not an exit code', async () => {
    const module = buildModule({ functions: [{ type: [[], ['i32']], code: i32(9), exportAs: 'answer' }] })
    assert.equal(verdict(await arena.run(module, { params: { Entrypoint: 'answer' } })), 'exit 0')
  })

  test('a reactor is initialised first', async () => {
    const module = buildModule({
      imports: [PROC_EXIT],
      globals: [1],
      functions: [
        { code: [...i32(23), 0x24, 0], exportAs: '_initialize' },
        { code: [0x23, 0, ...call(0)], exportAs: 'go' },
      ],
    })
    assert.equal(verdict(await arena.run(module, { params: { Entrypoint: 'go' } })), 'exit 23')
  })

  test('a start function runs first, and can make system calls with the memory that is exported', async () => {
    const module = program([...i32(1), ...call(1)], {
      imports: [FD_WRITE, PROC_EXIT],
      functions: [{ code: print(1, 64, 6) }],
      start: 3,
      data: data('early\n'),
    })
    const result = await arena.run(module)
    assert.deepEqual([verdict(result), result.stdout], ['exit 1', 'early\n'])
  })

  test('point 15: one that is being loaded is given up when its job is cancelled', async () => {
    // Takes far longer to compile than it takes to cancel.
    const body = Array.from({ length: 20_000 }, () => [...i32(1), DROP]).flat()
    const functions = Array.from({ length: 60 }, () => ({ code: body }))
    const end = new AbortController()
    const running = arena.run(program([], { functions }), { signal: end.signal })
    end.abort()
    assert.match(verdict(await running), /^ExecutionCancelled/)
  })

  test('a folder with one module stands for the module', async () => {
    const modules = path.join(arena.folder, 'modules')
    mkdirSync(modules)
    writeFileSync(
      path.join(modules, 'only.wasm'),
      buildModule({ imports: [PROC_EXIT], functions: [{ code: exitWith(3), exportAs: '_start' }] }),
    )
    writeFileSync(path.join(modules, 'notes.txt'), '')
    const mounts = [{ hostPath: modules, guestPath: '/modules', readOnly: true }]
    const run = () => arena.run(program([]), { mounts, params: { EntryModule: '/modules' } })
    assert.equal(verdict(await run()), 'exit 3')
    writeFileSync(path.join(modules, 'second.wasm'), program([]))
    assert.match(verdict(await run()), /^WasmModuleMissing: EntryModule \/modules: is a folder with 2 \.wasm files/)
  })
})
