import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { getPriority } from 'node:os'
import path from 'node:path'
import { describe, test } from 'node:test'
import { createArena, fixture, verdict } from './fixtures/harness.ts'
import { call, DROP, forever, i32, i64, program, repeat, wasi } from './fixtures/module-builder.ts'
import { ERRNO } from './worker/wasi/errno.ts'

const arena = createArena()

/** Host paths at or below a folder that this process holds open, where the system can tell. */
function openBelow(folder: string): string[] {
  if (!existsSync('/proc/self/fd')) return []
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`)
      return target.startsWith(folder) ? [target] : []
    } catch {
      return []
    }
  })
}

describe('pointers', () => {
  const EXIT = wasi('proc_exit', 'i', '')
  /** Exits with what a system call gives for these arguments. */
  const errnoOf = async (name: string, params: string, args: readonly (number | bigint)[]) => {
    const code = args.flatMap((value) => (typeof value === 'bigint' ? i64(value) : i32(value)))
    const module = program([...code, ...call(0), ...call(1)], { imports: [wasi(name, params), EXIT] })
    return verdict(await arena.run(module))
  }
  const END = 65_536

  test('out of bounds are refused by every call that takes one', async () => {
    const bad = [END, END - 1, -1, -8, 0x7fff_ffff, -0x8000_0000]
    for (const pointer of bad) {
      const cases: [string, string, (number | bigint)[]][] = [
        ['random_get', 'ii', [pointer, 16]],
        ['args_get', 'ii', [pointer, pointer]],
        ['args_sizes_get', 'ii', [pointer, 0]],
        ['clock_time_get', 'iIi', [0, 0n, pointer]],
        ['fd_write', 'iiii', [1, pointer, 1, 0]],
        ['fd_read', 'iiii', [0, pointer, 1, 0]],
        ['fd_prestat_get', 'ii', [3, pointer]],
        ['fd_fdstat_get', 'ii', [3, pointer]],
        ['fd_filestat_get', 'ii', [3, pointer]],
        ['fd_readdir', 'iiiIi', [3, pointer, 64, 0n, 0]],
        ['path_open', 'iiiiiIIii', [3, 0, pointer, 4, 0, 0n, 0n, 0, 0]],
        ['path_open', 'iiiiiIIii', [3, 0, 0, 1, 0, 0n, 0n, 0, pointer]],
        ['path_symlink', 'iiiii', [pointer, 4, 3, 0, 1]],
        ['poll_oneoff', 'iiii', [pointer, 0, 1, 0]],
        ['poll_oneoff', 'iiii', [0, pointer, 1, 0]],
      ]
      for (const [name, params, args] of cases)
        assert.equal(await errnoOf(name, params, args), `exit ${ERRNO.fault}`, `${name} ${pointer}`)
    }
  })

  test('with lengths beyond memory are refused, whatever the sum wraps to', async () => {
    for (const [pointer, length] of [
      [0, END + 1],
      [1, END],
      [0, -1],
      [16, -16],
      [END - 1, 2],
    ] as const)
      assert.equal(await errnoOf('random_get', 'ii', [pointer, length]), `exit ${ERRNO.fault}`)
    assert.equal(await errnoOf('random_get', 'ii', [0, END]), 'exit 0')
    assert.equal(await errnoOf('random_get', 'ii', [END, 0]), 'exit 0')
  })

  test('to huge lists of buffers are refused', async () => {
    for (const count of [1_025, 0x7fff_ffff, -1]) {
      assert.equal(await errnoOf('fd_write', 'iiii', [1, 0, count, 0]), `exit ${ERRNO.inval}`)
      assert.equal(await errnoOf('fd_read', 'iiii', [0, 0, count, 0]), `exit ${ERRNO.inval}`)
      assert.equal(await errnoOf('poll_oneoff', 'iiii', [0, 0, count, 0]), `exit ${ERRNO.inval}`)
    }
    assert.equal(await errnoOf('poll_oneoff', 'iiii', [0, 0, 0, 0]), `exit ${ERRNO.inval}`)
  })
})

describe('the sandbox itself', () => {
  test('gives a job nothing of the node: environment, arguments, input, descriptors', async () => {
    process.env['WASM_TEST_SECRET'] = 'secret'
    const { stdout } = await arena.run(fixture('program.wasm'), { params: { Parameters: ['arguments'] } })
    delete process.env['WASM_TEST_SECRET']
    assert.equal(stdout, 'main.wasm\narguments\n')
    assert.deepEqual(
      await arena.probe([
        ['preopen', 6],
        ['fd_stat', 6],
        ['read', 0, 100],
      ]),
      ['preopen 8', 'fd_stat 8', 'read 0'],
    )
  })

  test('is not confused by a job that runs into the end of its stack inside of a system call', async () => {
    // Recursion makes a system call at every depth, so some call is made with next to no stack left.
    const module = program([...i32(0), ...i32(8), ...call(0), DROP, ...call(1)], {
      imports: [wasi('random_get', 'ii')],
    })
    assert.match(verdict(await arena.run(module)), /^WasmStackExhausted/)
    // try { open "inputs"; recurse } catch_all { } : whatever is thrown at the bottom, the frame above would go on.
    const open = [3, 0, 32, 6, 0].flatMap(i32)
    const rest = [...i64(0n), ...i64(0n), ...i32(0), ...i32(0), ...call(0), DROP]
    const opens = program(call(1), {
      imports: [wasi('path_open', 'iiiiiIIii')],
      functions: [{ code: [0x06, 0x40, ...open, ...rest, ...call(2), 0x19, 0x0b] }],
      data: [{ at: 32, bytes: [...Buffer.from('inputs')] }],
    })
    assert.match(verdict(await arena.run(opens)), /^WasmStackExhausted|^exit/)
    assert.deepEqual(openBelow(arena.inputs), [])
  })

  test('closes what an ended job had open', { skip: process.platform !== 'linux' }, async () => {
    const cancel = new AbortController()
    const open = [
      ...i32(3),
      ...i32(0),
      ...i32(32),
      ...i32(6),
      ...i32(0),
      ...i64(0n),
      ...i64(0n),
      ...i32(0),
      ...i32(0),
      ...call(0),
      DROP,
    ]
    const write = [...i32(1), ...i32(8), ...i32(1), ...i32(0), ...call(1), DROP]
    const module = program([...repeat(50, open), ...write, ...forever([])], {
      imports: [wasi('path_open', 'iiiiiIIii'), wasi('fd_write', 'iiii')],
      data: [
        { at: 8, bytes: [32, 0, 0, 0, 6, 0, 0, 0] },
        { at: 32, bytes: [...Buffer.from('inputs')] },
      ],
    })
    const run = arena.run(module, { signal: cancel.signal, onOutput: () => cancel.abort() })
    assert.match(verdict(await run), /^ExecutionCancelled/)
    assert.deepEqual(openBelow(arena.inputs), [])
  })

  test('keeps no trace of one job for the next one in the same thread', async () => {
    const grow = program([...i32(3), 0x40, 0, DROP, ...i32(0), ...i32(77), 0x36, 2, 0])
    const look = program([...i32(0), 0x28, 2, 0, 0x3f, 0, 0x6a, ...call(0)], { imports: [wasi('proc_exit', 'i', '')] })
    assert.equal(verdict(await arena.run(grow)), 'exit 0')
    assert.equal(verdict(await arena.run(look)), 'exit 1', 'one page, and its first word is zero')
  })
})

test('jobs come after the node where processors are scarce', { skip: process.platform !== 'linux' }, async () => {
  const cancel = new AbortController()
  let nice: readonly (string | undefined)[] = []
  const write = [...i32(1), ...i32(8), ...i32(1), ...i32(0), ...call(0), DROP]
  const busy = program([...write, ...forever([])], {
    imports: [wasi('fd_write', 'iiii')],
    data: [{ at: 8, bytes: [32, 0, 0, 0, 1, 0, 0, 0] }],
  })
  const onOutput = () => {
    // The nineteenth field of a thread's facts; its name, in brackets, may hold spaces.
    const facts = readdirSync('/proc/self/task').map((thread) =>
      readFileSync(`/proc/self/task/${thread}/stat`, 'latin1'),
    )
    // It is told once more at the end, when the thread is gone.
    if (nice.length === 0) nice = facts.map((text) => text.split(') ').at(-1)?.split(' ')[16])
    cancel.abort()
  }
  await arena.run(busy, { signal: cancel.signal, onOutput })
  assert.ok(nice.includes(String(getPriority() + 5)), String(nice))
  assert.ok(nice.includes(String(getPriority())))
})

describe('a hostile module', () => {
  test('gets neither threads nor processes nor programs', async () => {
    const wishes = [
      ['wasi', 'thread-spawn'],
      ['wasi_snapshot_preview1', 'thread_spawn'],
      ['wasi_snapshot_preview1', 'proc_fork'],
      ['wasix_32v1', 'proc_exec'],
      ['env', 'system'],
    ] as const
    for (const [module, name] of wishes) {
      const floods = program([...i32(0), ...call(0), DROP], { imports: [{ module, name, type: [['i32'], ['i32']] }] })
      assert.match(verdict(await arena.run(floods)), /^WasmMissingImport/, name)
    }
  })

  test('gives its results no names that lead elsewhere', async () => {
    const CREATE = 1
    const names = ['..', '../escaped', 'a/../../escaped', '/escaped', './../escaped', '../inputs/escaped', 'escaped/']
    const made = await arena.probe(
      names.flatMap((name) => [
        ['open', 5, name, CREATE],
        ['mkdir', 5, name],
        ['symlink', 'x', 5, name],
      ]),
    )
    for (const line of made) assert.match(line, /^(?:open|mkdir|symlink) (?!0)|^mkdir 0$/, line)
    assert.deepEqual(readdirSync(arena.outputs), ['escaped'], 'the folder that may be there, inside')
    assert.equal(existsSync(path.join(arena.folder, 'escaped')), false)
    assert.deepEqual(readdirSync(arena.inputs), [])
    // What means a way up to others is an ordinary name here, and stays where it is.
    const odd = ['..\\up', 'C:up', '...', '.. ', 'a\u202eb']
    assert.deepEqual(
      new Set((await arena.probe(odd.map((name) => ['open', 5, name, CREATE]))).map((line) => line.split(' ')[1])),
      new Set(['0']),
    )
    assert.deepEqual(readdirSync(arena.outputs).toSorted(), [...odd, 'escaped'].toSorted())
  })

  test('that floods everything at once is ended by the first limit it meets, and leaves the node as it was', async () => {
    const before = openBelow(arena.folder).length
    const limits = { output: 10_000, disk: 10_000, files: 20, time: 20_000 }
    const flood = Array.from({ length: 200 }, (_, index) => [
      ['open', 5, `f${index}`, 1, -1],
      ['write', index + 6, 'x'.repeat(500)],
      ['mkdir', 5, `d${index}`],
      ['symlink', 'somewhere', 5, `l${index}`],
    ]).flat()
    const lines = await arena.probe(flood, { limits })
    assert.match(lines.at(-1) ?? '', /^Wasm(?:File|Disk|Output)Limit$/)
    assert.ok(readdirSync(arena.outputs).length <= 20 + 6)
    assert.equal(openBelow(arena.folder).length, before)
    assert.equal(verdict(await arena.run(program([]))), 'exit 0', 'the next job is served')
  })
})
