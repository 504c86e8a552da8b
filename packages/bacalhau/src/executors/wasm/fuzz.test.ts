import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { CATALOGUE } from '../../runtime/error-catalogue.ts'
import { createArena, fixture, type RunResult, verdict } from './fixtures/harness.ts'
import { call, DROP, i32, i64, program, wasi } from './fixtures/module-builder.ts'
import { systemCalls } from './worker/wasi/host.ts'

const arena = createArena()
const LIMITS = { time: 500, memory: 4 << 20, output: 1_000, disk: 1_000, files: 10 }

/** Whatever a module is, a run ends as one of the known ends, in plain words. */
function checkEnd(result: RunResult): void {
  const { outcome } = result
  if (outcome.kind === 'exited') return assert.ok(Number.isInteger(outcome.exitCode))
  assert.ok(outcome.code in CATALOGUE, outcome.code)
  assert.notEqual(outcome.code, 'SandboxCrashed', outcome.message)
  assert.notEqual(outcome.code, 'InternalError', outcome.message)
  assert.ok(outcome.message.length < 2_000)
  assert.doesNotMatch(outcome.message, /\p{Cc}/u)
}

test('a module with changed bytes never brings the node down', async () => {
  const seeds = [
    readFileSync(fixture('program.wasm')),
    program([...i32(0), ...i32(64), ...call(0), DROP, ...call(2)], {
      imports: [wasi('random_get', 'ii'), wasi('sched_yield', '')],
      functions: [{ code: [...i32(1), 0x40, 0, DROP] }],
      table: { min: 2 },
      elements: [2, 3],
      tags: [[['i32'], []]],
      globals: [7],
      data: [{ at: 5, bytes: [1, 2, 3] }],
    }),
  ]
  const edits = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 })
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...seeds), edits, async (seed, changes) => {
      const bytes = Uint8Array.from(seed)
      for (const [at, value] of changes) bytes[at % bytes.length] = value
      checkEnd(await arena.run(bytes, { limits: LIMITS, stdin: '' }))
    }),
    { numRuns: 120 },
  )
  assert.equal(verdict(await arena.run(program([]))), 'exit 0')
})

test('bytes made up after a header never bring the node down', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 80 }), async (tail) => {
      checkEnd(await arena.run(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...tail), { limits: LIMITS }))
    }),
    { numRuns: 200 },
  )
})

test('system calls with made-up arguments fail or succeed, and never end the run', async () => {
  const names = [
    'open',
    'read',
    'pread',
    'write',
    'pwrite',
    'seek',
    'close',
    'allocate',
    'set_size',
    'set_times',
    'set_flags',
  ]
  const more = [
    'set_rights',
    'renumber',
    'fd_stat',
    'rights',
    'list',
    'stat',
    'path_times',
    'mkdir',
    'rmdir',
    'unlink',
    'rename',
  ]
  const last = ['symlink', 'link', 'readlink', 'poll', 'clock', 'advise', 'preopen']
  const place = fc.array(fc.constantFrom('a', 'b', '..', '.', ''), { maxLength: 4 }).map((parts) => parts.join('/'))
  const argument = fc.oneof(fc.nat(8), fc.nat(20), place, fc.constantFrom('18446744073709551615', '4294967295', '900'))
  const line = fc.tuple(
    fc.constantFrom(...names, ...more, ...last),
    fc.constantFrom(5, 5, 5, 6, 7, 3, 4, 0, 9),
    fc.array(argument, { maxLength: 7 }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(line, { minLength: 5, maxLength: 60 }), async (lines) => {
      // A third word would repeat the writing that often.
      const calls = lines.map(([name, fd, rest]) => [name, fd, ...rest.slice(0, name === 'write' ? 1 : 7)])
      const results = await arena.probe(calls, { limits: { ...LIMITS, disk: 1e9, files: 1e6 } })
      for (const result of results) assert.match(result, /^[a-z_]+ \d|^Wasm(?:DiskLimit|Trap)|^ExecutionTimeout/)
    }),
    { numRuns: 60 },
  )
})

test('every system call, with whatever numbers, gives an errno or ends the run in a known way', async () => {
  const calls = Object.entries(systemCalls({} as never)).filter(
    ([name]) => !['proc_exit', 'poll_oneoff'].includes(name),
  )
  assert.ok(calls.length >= 43, String(calls.length))
  const edges = [
    0n,
    1n,
    2n,
    3n,
    4n,
    8n,
    64n,
    65_528n,
    65_535n,
    65_536n,
    0x7fff_ffffn,
    0xffff_ffffn,
    1n << 32n,
    1n << 53n,
    (1n << 64n) - 1n,
  ]
  const number = fc.oneof(
    { weight: 2, arbitrary: fc.constantFrom(...edges) },
    fc.bigInt({ min: 0n, max: 100n }),
    fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
  )
  const argument = (letter: string, value: bigint) =>
    letter === 'I' ? i64(BigInt.asIntN(64, value)) : i32(Number(BigInt.asIntN(32, value)))
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...calls),
      fc.array(number, { minLength: 9, maxLength: 9 }),
      async ([name, { params, returns }], values) => {
        const args = Array.from(params, (letter, index) => argument(letter, values[index] ?? 0n)).flat()
        const module = program([...args, ...call(0), ...call(1)], {
          imports: [wasi(name, params, returns), wasi('proc_exit', 'i', '')],
          data: [{ at: 64, bytes: [...Buffer.from('a/../b')] }],
        })
        const result = await arena.run(module, { limits: { ...LIMITS, time: 5_000, disk: 1e6 } })
        checkEnd(result)
        assert.match(verdict(result), /^exit \d+$|^Wasm(?:Disk|File|Output)Limit/, name)
      },
    ),
    { numRuns: 200 },
  )
  assert.equal(verdict(await arena.run(program([]))), 'exit 0')
})
