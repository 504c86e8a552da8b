import assert from 'node:assert/strict'
import { readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { beforeEach, describe, test } from 'node:test'
import { createArena, fixture, type RunOptions, verdict } from './fixtures/harness.ts'
import { buildModule, call, DROP, forever, i32, i64, program, raw, wasi, repeat } from './fixtures/module-builder.ts'
import { concat, u32 } from './module-binary/writer.ts'
import { ERRNO } from './worker/wasi/errno.ts'
import { DIRECTORY_RIGHTS, RIGHT } from './worker/wasi/rights.ts'

const arena = createArena()
const run = async (module: Uint8Array | string, options?: RunOptions) => verdict(await arena.run(module, options))
const PAGE = 65_536
const CREATE = 1
const READ_WRITE = RIGHT.fdRead | RIGHT.fdWrite
const ALL = READ_WRITE | RIGHT.fdSeek | RIGHT.fdAllocate | RIGHT.fdSetSize | RIGHT.fdStat | RIGHT.fdTell
const PROC_EXIT = wasi('proc_exit', 'i', '')

const clear = () => {
  for (const name of readdirSync(arena.outputs)) rmSync(path.join(arena.outputs, name), { recursive: true })
}
beforeEach(clear)

describe('memory', () => {
  /** Grows by one page until that is refused, then exits with the number of pages. */
  const bomb = (memory: { min: number; max?: number }) =>
    program([0x03, 0x40, ...i32(1), 0x40, 0, ...i32(-1), 0x47, 0x0d, 0, 0x0b, 0x3f, 0, ...call(0)], {
      imports: [PROC_EXIT],
      memory: { ...memory, exportAs: 'memory' },
    })

  test('grows to the limit of the job and no further', async () => {
    for (const pages of [1, 2, 33]) {
      assert.equal(await run(bomb({ min: 1 }), { limits: { memory: pages * PAGE } }), `exit ${pages}`)
      assert.equal(await run(bomb({ min: 0 }), { limits: { memory: pages * PAGE + PAGE - 1 } }), `exit ${pages}`)
    }
  })

  test('grows to what the module itself allows where that is less', async () => {
    assert.equal(await run(bomb({ min: 1, max: 7 }), { limits: { memory: 100 * PAGE } }), 'exit 7')
  })

  test('that a module needs from the start and may not have is told before it starts', async () => {
    assert.equal(
      await run(bomb({ min: 2_000 }), { limits: { memory: 64 * 1024 * 1024 } }),
      'WasmMemoryExhausted: the job needs 125 MiB of memory to start and may use 64 MiB',
    )
    assert.match(await run(program([]), { limits: { memory: 0 } }), /^WasmMemoryExhausted/)
  })

  test('of every kind is bounded together', async () => {
    const many = buildModule({
      memories: Array.from({ length: 5 }, () => ({ min: 0 })),
      functions: [{ code: [...i32(1), 0x40, 4, DROP], exportAs: '_start' }],
    })
    assert.equal(await run(many, { limits: { memory: 2 * PAGE } }), 'exit 0')
  })
})

describe('the engine’s own heap', () => {
  test('is not filled with table entries', async () => {
    const growTable = [0xd0, 0x70, ...i32(50_000), 0xfc, 15, 0, ...i32(-1), 0x47]
    const bomb = program([0x03, 0x40, ...growTable, 0x0d, 0, 0x0b, 0xfc, 16, 0, ...call(0)], {
      imports: [PROC_EXIT],
      table: { min: 1 },
    })
    assert.equal(await run(bomb), 'exit 150001', 'the fourth time 50000 entries would pass the limit of 200000')
    assert.match(
      await run(program([], { table: { min: 200_001 } })),
      /^WasmTooComplex: the tables of the job have more than 200000/,
    )
    const many = concat([
      Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0),
      ...raw(1, [1, 0x60, 0, 0]),
      ...raw(3, [1, 0]),
      ...raw(4, [...u32(1_001), ...repeat(1_001, [0x70, 0, 0])]),
      ...raw(7, [1, 6, ...Buffer.from('_start'), 0, 0]),
      ...raw(10, [1, 2, 0, 0x0b]),
    ])
    assert.match(await run(many), /^WasmTooComplex: main\.wasm has 1001 entries in its table section/)
  })

  test('is not filled with exceptions that the job holds', async () => {
    const holding = (values: number) => {
      const thrown = [...repeat(values, i64(1n)), 0x08, 0]
      const tags = [[Array.from({ length: values }, () => 'i64' as const), []] as const]
      return program([0x06, 0x40, ...thrown, 0x19, ...call(0), 0x0b], { tags })
    }
    assert.match(await run(holding(16)), /^WasmStackExhausted/)
    assert.equal(await run(holding(17)), 'WasmTooComplex: main.wasm throws exceptions of 17 values')
  })

  test('is not filled with exports', async () => {
    const module = program([], {
      extraExports: Array.from({ length: 100_001 }, (_, i) => ({ name: `e${i}`, kind: 0, index: 0 })),
    })
    assert.match(await run(module), /^WasmTooComplex: main\.wasm has 100003 entries in its export section/)
  })
})

describe('compilation', () => {
  test('of one huge function is refused', async () => {
    const unit = [0x20, 0, ...i32(3), 0x6c, 0x21, 0]
    const huge = buildModule({
      functions: [{ locals: ['i32'], code: repeat(90_000, unit), exportAs: '_start' }],
    })
    assert.match(
      await run(huge),
      /^WasmTooComplex: main\.wasm function 0 is too complex to compile safely: 630004 bytes/,
    )
  })

  test('of very many locals and branches is refused', async () => {
    const branches = repeat(2_000, [0x41, 0, 0x04, 0x40, 0x0b])
    const wide = buildModule({
      functions: [{ locals: Array.from({ length: 3_000 }, () => 'i32' as const), code: branches, exportAs: '_start' }],
    })
    assert.match(await run(wide), /^WasmTooComplex: .*3000 locals, 4001 branches, 0 calls/)
    const calls = program(repeat(6_001, call(1)), { functions: [{ code: [] }] })
    assert.match(await run(calls), /^WasmTooComplex: .*6001 calls/)
  })

  test('of a thousand ordinary functions is not', async () => {
    const functions = Array.from({ length: 1_000 }, (_, index) => ({ code: [...i32(index), DROP] }))
    assert.equal(await run(program(call(1_000), { functions })), 'exit 0')
  })
})

describe('time', () => {
  test('an endless loop is ended from outside', async () => {
    assert.equal(
      await run(program(forever([])), { limits: { time: 100 } }),
      'ExecutionTimeout: the job ran longer than the 0.1 s that it may take',
    )
  })

  test('a start function has no more time than an entry point', async () => {
    const module = program([], { functions: [{ code: forever([]) }], start: 1 })
    assert.match(await run(module, { limits: { time: 100 } }), /^ExecutionTimeout/)
  })

  test('a sleeping job is ended, too', async () => {
    const lines = await arena.probe([['sleep', 3_600_000_000_000]], { limits: { time: 300 } })
    assert.deepEqual(lines, ['ExecutionTimeout'])
  })

  test('without a limit a job takes what it takes', async () => {
    assert.equal(await run(program([]), { limits: { time: 0 } }), 'exit 0')
  })
})

describe('output', () => {
  test('beyond the limit rolls: the beginning and the newest stay, in bounded space', async () => {
    for (const [fd, stream] of [
      [1, 'stdout'],
      [2, 'stderr'],
    ] as const) {
      const { outcome, ...streams } = await arena.run(fixture('probe.wasm'), {
        stdin: `write\t${fd}\t0123456789\t20000\n`,
        limits: { output: 12_345 },
      })
      assert.equal(outcome.kind, 'exited')
      const kept = streams[stream]
      const [head = '', tail = ''] = kept.split(/\n\[… \d+ bytes of output were dropped here …\]\n/)
      assert.equal(head, '0123456789'.repeat(2_000).slice(0, 6_173))
      assert.ok(/^\d+(?:write 0 10\n)?$/.test(tail), tail.slice(-40))
      assert.ok(tail.length <= 6_172 && tail.length > 4_000, `${tail.length} bytes stay of the end`)
    }
  })

  test('that is larger than all of its files goes through in one write', async () => {
    const { outcome, stderr } = await arena.run(fixture('probe.wasm'), {
      stdin: `write\t2\t${'x'.repeat(3_000)}\t1\n`,
      limits: { output: 80 },
    })
    const dropped = '\n[… 2920 bytes of output were dropped here …]\n'
    assert.deepEqual([outcome.kind, stderr], ['exited', `${'x'.repeat(40)}${dropped}${'x'.repeat(40)}`])
  })

  test('within the limit all stays', async () => {
    const result = await arena.run(fixture('probe.wasm'), { stdin: 'write\t2\tabc\t4\n', limits: { output: 18 } })
    assert.deepEqual([verdict(result), result.stderr], ['exit 0', 'abcabcabcabc'])
  })

  test('is told of while it is written, without a flood of notices', async () => {
    let notices = 0
    const result = await arena.run(fixture('probe.wasm'), {
      stdin: 'write\t2\tx\t20000\n',
      onOutput: () => (notices += 1),
    })
    assert.equal(result.stderr.length, 20_000)
    assert.ok(notices > 0 && notices < 20_000, String(notices))
  })
})

describe('disk', () => {
  const limits = { disk: 1_000, files: 10 }
  const probe = (...calls: (string | number | bigint)[][]) => arena.probe(calls, { limits })
  /** What the last call gave, in an empty folder. */
  const last = async (...calls: (string | number | bigint)[][]) => {
    const lines = await probe(...calls)
    clear()
    return lines.at(-1)
  }
  const OVER = 'WasmDiskLimit'
  const open = ['open', 5, 'f', CREATE, ALL]

  test('bytes beyond the limit end the run; the file stays as it was', async () => {
    assert.deepEqual(await probe(open, ['write', 6, 'x'.repeat(900)], ['write', 6, 'y'.repeat(101)], ['close', 6]), [
      'open 0 6',
      'write 0 900',
      OVER,
    ])
    assert.equal(statSync(path.join(arena.outputs, 'f')).size, 900)
  })

  test('holes count like bytes, however they are made', async () => {
    assert.equal(await last(open, ['seek', 6, 1_000_000, 0], ['write', 6, 'x']), OVER)
    assert.equal(await last(open, ['pwrite', 6, 'x', 1_000]), OVER)
    assert.equal(await last(open, ['set_size', 6, 1_001]), OVER)
    assert.equal(await last(open, ['allocate', 6, 500, 501]), OVER)
    assert.equal(await last(open, ['pwrite', 6, 'x', 2n ** 53n]), 'pwrite 61')
    assert.equal(await last(open, ['set_size', 6, 1_000]), 'set_size 0')
  })

  test('overwriting costs nothing', async () => {
    assert.equal(
      await last(open, ...Array.from({ length: 5 }, () => ['pwrite', 6, 'x'.repeat(800), 0])),
      'pwrite 0 800',
    )
  })

  test('what is truncated or removed is given back', async () => {
    assert.equal(
      await last(
        open,
        ['set_size', 6, 1_000],
        ['set_size', 6, 0],
        ['set_size', 6, 1_000],
        ['close', 6],
        ['unlink', 5, 'f'],
        open,
        ['set_size', 6, 1_000],
      ),
      'set_size 0',
    )
    assert.equal(
      await last(open, ['set_size', 6, 1_000], ['open', 5, 'f', 8, READ_WRITE], ['set_size', 6, 1_000]),
      'set_size 0',
    )
    assert.equal(
      await last(
        open,
        ['set_size', 6, 900],
        ['open', 5, 'g', CREATE, ALL],
        ['rename', 5, 'g', 5, 'f'],
        ['set_size', 7, 200],
      ),
      OVER,
      'the old file is open still',
    )
    assert.equal(
      await last(
        open,
        ['set_size', 6, 900],
        ['close', 6],
        ['open', 5, 'g', CREATE, ALL],
        ['rename', 5, 'g', 5, 'f'],
        ['set_size', 6, 900],
      ),
      'set_size 0',
    )
  })

  test('a removed file counts until it is closed', async () => {
    assert.equal(
      await last(open, ['set_size', 6, 900], ['unlink', 5, 'f'], ['open', 5, 'g', CREATE, ALL], ['set_size', 7, 200]),
      OVER,
    )
    assert.equal(
      await last(
        open,
        ['set_size', 6, 900],
        ['unlink', 5, 'f'],
        ['close', 6],
        ['open', 5, 'g', CREATE, ALL],
        ['set_size', 6, 900],
      ),
      'set_size 0',
    )
  })

  test('a second name neither costs the bytes again nor gives them back', async () => {
    assert.equal(
      await last(
        open,
        ['set_size', 6, 900],
        ['close', 6],
        ['link', 5, 'f', 5, 'g'],
        ['unlink', 5, 'f'],
        ['open', 5, 'h', CREATE, ALL],
        ['set_size', 6, 200],
      ),
      OVER,
    )
  })

  test('two descriptors of one file agree on its size', async () => {
    assert.equal(
      await last(
        open,
        ['open', 5, 'f', 0, ALL],
        ['set_size', 6, 600],
        ['set_size', 7, 600],
        ['close', 6],
        ['set_size', 7, 1_000],
        ['set_size', 7, 1_001],
      ),
      OVER,
    )
  })

  test('deleting what was there before earns nothing', async () => {
    writeFileSync(path.join(arena.outputs, 'old'), Buffer.alloc(5_000))
    assert.equal(await last(['unlink', 5, 'old'], open, ['set_size', 6, 1_001]), OVER)
  })

  test('links cost their text', async () => {
    assert.equal(await last(['symlink', 5, 'x'.repeat(600), 'a'], ['symlink', 5, 'x'.repeat(600), 'b']), OVER)
    assert.equal(
      await last(['symlink', 5, 'x'.repeat(600), 'c'], ['unlink', 5, 'c'], ['symlink', 5, 'x'.repeat(600), 'c']),
      'symlink 0',
    )
  })

  test('all writable mounts count together', async () => {
    const mounts = [{ hostPath: arena.folder, guestPath: '/more', readOnly: false }]
    const calls = [open, ['set_size', 6, 600], ['open', 3, 'more/second', CREATE, ALL], ['set_size', 7, 600]]
    assert.equal((await arena.probe(calls, { limits, mounts })).at(-1), OVER)
  })
})

describe('files', () => {
  const limits = { files: 10 }
  const last = async (...calls: (string | number | bigint)[][]) => {
    const lines = await arena.probe(calls, { limits })
    clear()
    return lines.at(-1)
  }
  const make = (name: string) => [
    ['open', 5, name, CREATE, READ_WRITE],
    ['close', 6],
  ]
  const eleven = Array.from({ length: 11 }, (_, index) => `n${index}`)

  test('of every kind count, and more than the limit end the run', async () => {
    assert.equal(await last(...eleven.flatMap(make)), 'WasmFileLimit')
    assert.equal(await last(...eleven.map((name) => ['mkdir', 5, `d${name}`])), 'WasmFileLimit')
    assert.equal(await last(...eleven.map((name) => ['symlink', 5, 'x', `l${name}`])), 'WasmFileLimit')
    assert.equal(
      await last(['open', 5, 'f', CREATE, READ_WRITE], ...eleven.map((name) => ['link', 5, 'f', 5, `h${name}`])),
      'WasmFileLimit',
    )
  })

  test('that are removed make room again', async () => {
    assert.equal(await last(...Array.from({ length: 30 }, () => [...make('f'), ['unlink', 5, 'f']]).flat()), 'unlink 0')
    assert.equal(
      await last(
        ...Array.from({ length: 30 }, () => [
          ['mkdir', 5, 'd'],
          ['rmdir', 5, 'd'],
        ]).flat(),
      ),
      'rmdir 0',
    )
  })

  test('that could not be made cost nothing', async () => {
    assert.equal(await last(...Array.from({ length: 30 }, () => ['mkdir', 5, 'none/d']), ['mkdir', 5, 'd']), 'mkdir 0')
    assert.equal(
      await last(...Array.from({ length: 30 }, () => ['open', 5, 'none/f', CREATE, READ_WRITE]), ['mkdir', 5, 'e']),
      'mkdir 0',
    )
  })

  test('may be open in a bounded number', async () => {
    const many = Array.from({ length: 300 }, () => ['open', 5, '.', 2, DIRECTORY_RIGHTS])
    const lines = await arena.probe([...many, ['close', 6], ['open', 5, '.', 2, DIRECTORY_RIGHTS]])
    assert.equal(lines.filter((line) => line.startsWith('open 0')).length, 250 + 1)
    assert.equal(lines[299], `open ${ERRNO.mfile}`)
    assert.equal(lines.at(-1), 'open 0 6')
  })
})

test('a full disk of the host ends the run as what it is', { skip: process.platform !== 'linux' }, async () => {
  const { executor } = arena
  writeFileSync(
    path.join(arena.folder, 'print.wasm'),
    program([...i32(1), ...i32(0), ...i32(1), ...i32(16), ...call(0), DROP], {
      imports: [wasi('fd_write', 'iiii')],
      data: [{ at: 0, bytes: [32, 0, 0, 0, 4, 0, 0, 0] }],
    }),
  )
  const outcome = await executor.run(
    {
      executionId: 'e-full',
      jobId: 'j-1',
      params: { EntryModule: '/main.wasm' },
      env: {},
      mounts: [{ hostPath: path.join(arena.folder, 'print.wasm'), guestPath: '/main.wasm', readOnly: true }],
      // Writing to it fails as on a full disk.
      stdoutPath: '/dev/full',
      stderrPath: path.join(arena.folder, 'stderr-full'),
      limits: { memory: 1 << 20, time: 10_000, output: 1_000, disk: 0, files: 0 },
    },
    { onOutput: () => {} },
    new AbortController().signal,
  )
  assert.deepEqual(outcome, {
    kind: 'failed',
    code: 'DiskFull',
    message: 'the disk of the node is full; what was written is kept',
  })
})

test('an output file that cannot be made is a fault of the node', async () => {
  const request = {
    executionId: 'e-fault',
    jobId: 'j-1',
    params: { EntryModule: '/main.wasm' },
    env: {},
    mounts: [],
    stdoutPath: path.join(arena.folder, 'none/stdout'),
    stderrPath: path.join(arena.folder, 'stderr-fault'),
    limits: { memory: 1 << 20, time: 10_000, output: 1_000, disk: 0, files: 0 },
  }
  await assert.rejects(arena.executor.run(request, { onOutput: () => {} }, new AbortController().signal), {
    code: 'ENOENT',
  })
})
