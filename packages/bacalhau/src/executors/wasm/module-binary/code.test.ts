import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { fixture } from '../fixtures/harness.ts'
import { call, i32, i64, repeat } from '../fixtures/module-builder.ts'
import { checkCost, scanBody } from './code.ts'
import { inspectModule } from './inspect.ts'
import { ModuleError } from './module-error.ts'
import { createReader } from './reader.ts'
import { SECTION } from './sections.ts'

/** Facts of a body without locals. */
const scan = (...code: number[]) => scanBody(Uint8Array.of(0, ...code, 0x0b), 0, code.length + 2)

describe('scanning a function body', () => {
  test('finds where memory grows, and nothing else that looks like it', () => {
    const code = [...i32(0x40), 0x40, 0, 0x1a, ...i64(0x4040n), 0x1a, 0x3f, 0, 0x40, 0x81, 0x00, 0x1a]
    assert.deepEqual(scan(...code).grows, [
      { offset: 4, length: 2, memory: 0 },
      { offset: 14, length: 3, memory: 1 },
    ])
  })

  test('knows what follows each kind of instruction', () => {
    const cases: [string, number[]][] = [
      ['block types', [0x02, 0x40, 0x0b, 0x03, 0x7f, 0x0b, 0x04, 0x83, 0x01, 0x05, 0x0b]],
      ['constants', [0x43, 0x40, 0x40, 0x40, 0x40, 0x44, 0x40, 0x40, 0x40, 0x40, 0x40, 0x40, 0x40, 0x40]],
      ['memory arguments', [0x28, 2, 0x40, 0x36, 0x42, 1, 0x40, 0x3e, 0, 0xc0, 0x40]],
      ['branches', [0x0e, 2, 0, 1, 0x40, 0x0c, 0x40, 0x0d, 0x40]],
      ['calls', [0x10, 0x40, 0x11, 0x40, 0x40, 0x12, 0x40, 0x13, 0x40, 0x40]],
      ['typed select', [0x1c, 1, 0x7f]],
      ['references', [0xd0, 0x70, 0xd1, 0xd2, 0x40, 0x25, 0x40, 0x26, 0x40]],
      [
        'bulk operations',
        [0xfc, 8, 0x40, 0, 0xfc, 9, 0x40, 0xfc, 10, 0, 0, 0xfc, 11, 0, 0xfc, 12, 0x40, 0, 0xfc, 15, 0x40, 0xfc, 0],
      ],
      [
        'vectors',
        [
          0xfd,
          0,
          0,
          0x40,
          0xfd,
          12,
          ...repeat(16, [0x40]),
          0xfd,
          13,
          ...repeat(16, [0x40]),
          0xfd,
          21,
          0x40,
          0xfd,
          84,
          0,
          0x40,
          0x40,
          0xfd,
          92,
          0,
          0x40,
          0xfd,
          0x80,
          0x02,
        ],
      ],
      ['atomics', [0xfe, 3, 0x40, 0xfe, 0x10, 2, 0x40]],
      ['exceptions', [0x06, 0x40, 0x08, 0x40, 0x07, 0x40, 0x09, 0x40, 0x19, 0x18, 0x40]],
      ['catch clauses', [0x1f, 0x40, 2, 0, 0x40, 0, 2, 0x40, 0x0b]],
    ]
    for (const [title, code] of cases) assert.deepEqual(scan(...code).grows, [], title)
  })

  test('counts locals, branches and calls', () => {
    const body = Uint8Array.of(2, 3, 0x7f, 2, 0x63, 0x00, ...call(0), 0x0e, 2, 0, 0, 0, ...call(1), 0x6d, 0x0b)
    const { locals, branches, calls } = scanBody(body, 0, body.length)
    assert.deepEqual({ locals, branches, calls }, { locals: 5, branches: 5, calls: 2 })
  })

  test('counts calls as branches where they can be caught', () => {
    assert.equal(scan(...call(0), ...call(0)).branches, 1)
    assert.equal(scan(0x06, 0x40, ...call(0), ...call(0), 0x19, 0x0b).branches, 7)
  })

  test('refuses what it does not know, and what is cut off', () => {
    for (const code of [[0xfb, 0], [0xff], [0xfc, 18], [0xfd, 0x94, 0x02], [0xfe, 4], [0x1d]])
      assert.throws(() => scan(...code), ModuleError, String(code))
    assert.throws(() => scanBody(Uint8Array.of(0, 0x44, 1, 2), 0, 4), ModuleError)
    assert.throws(() => scanBody(Uint8Array.of(0, 0x0e, 0xff, 0xff, 0xff, 0xff, 0x0f), 0, 7), ModuleError)
  })

  test('ends exactly at the end of every function of a real program', () => {
    const bytes = readFileSync(fixture('program.wasm'))
    const code = inspectModule(bytes).sections.find(({ id }) => id === SECTION.code)
    assert.ok(code)
    const reader = createReader(bytes, code.start, code.end)
    for (let left = reader.u32(); left > 0; left--) {
      const length = reader.u32()
      const start = reader.position()
      assert.equal(bytes[start + length - 1], 0x0b)
      scanBody(bytes, start, start + length)
      reader.skip(length)
    }
    assert.ok(reader.done())
  })
})

describe('the cost of compiling', () => {
  const facts = { locals: 100, branches: 1_000, calls: 100, grows: [] }

  test('of ordinary functions is accepted, also of the largest known ones', () => {
    checkCost(facts, 20_000, 4, 0)
    checkCost({ locals: 153, branches: 8_546, calls: 1_440, grows: [] }, 180_962, 5, 0)
  })

  test('grows with branches times values, bytes, and calls', () => {
    assert.throws(
      () => checkCost({ ...facts, locals: 4_000 }, 20_000, 0, 7),
      /function 7 is too complex to compile safely/,
    )
    assert.throws(() => checkCost({ ...facts, branches: 40_000 }, 20_000, 0, 0), ModuleError)
    assert.throws(() => checkCost(facts, 20_000, 4_000, 0), ModuleError)
    assert.throws(() => checkCost(facts, 524_289, 0, 0), ModuleError)
    assert.throws(() => checkCost({ ...facts, calls: 6_001 }, 20_000, 0, 0), ModuleError)
  })
})
