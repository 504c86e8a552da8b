import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { fail, printable, RunEnded, size } from './failure.ts'

test('names of a job become harmless, whatever is in them (property)', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 500 }), (text) => {
      const shown = printable(text)
      assert.ok(Array.from(shown).length <= 121)
      assert.doesNotMatch(shown, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
    }),
  )
})

test('ordinary names stay as they are', () => {
  assert.equal(printable('Größe_7 é 漢'), 'Größe_7 é 漢')
  assert.equal(printable('a\u001b[31mb\n\u202ec'), 'a\ufffd[31mb\ufffd\ufffdc')
  assert.equal(printable('😀'.repeat(200)), `${'😀'.repeat(120)}…`)
})

test('sizes are told in a fitting unit', () => {
  assert.deepEqual([0, 1023, 1024, 1536, 64 << 20, 2 ** 50].map(size), [
    '0 bytes',
    '1023 bytes',
    '1 KiB',
    '1.5 KiB',
    '64 MiB',
    '1024 TiB',
  ])
})

test('a failure is thrown as the end of the run', () => {
  assert.throws(
    () => fail('WasmTrap', 'why', 'what to do'),
    (error) => {
      assert.ok(error instanceof RunEnded)
      assert.deepEqual(error.ending, { kind: 'failed', code: 'WasmTrap', message: 'why', hint: 'what to do' })
      return true
    },
  )
})
