import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { createArena, fixture, verdict } from './fixtures/harness.ts'

const arena = createArena()
const PROGRAM = fixture('conformance.wasm')

describe('what the public test suite of WASI preview 1 asserts', async () => {
  const { stdout } = await arena.run(PROGRAM)
  const themes = stdout.trim().split('\n')
  test('is all there', () => assert.equal(themes.length, 16))
  for (const theme of themes) {
    test(theme, async () => {
      const limits = { files: 2_000 }
      const result = await arena.run(PROGRAM, { params: { Parameters: [theme] }, limits })
      assert.equal(`${result.stdout}${verdict(result)}`, 'exit 0')
      assert.deepEqual(readdirSync(path.join(arena.outputs, theme)), [], 'it leaves nothing behind')
    })
  }
})
