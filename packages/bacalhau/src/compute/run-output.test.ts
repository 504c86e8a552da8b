import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { runOutputSchema } from '@bacalhau/models'
import fc from 'fast-check'
import { LIMITS } from '../runtime/limits.ts'
import { executionFolder } from './execution-folder.ts'
import { OWNER, tempFolder } from './fixtures/bench.ts'
import { summarise } from './run-output.ts'

test('the head of any output is a clean beginning of it, and fits into the record', async (t) => {
  const folder = executionFolder(await tempFolder(t), { orchestrator: OWNER, executionId: 'e-1' })
  await mkdir(folder.results, { recursive: true })
  const unit = fc.constantFrom('a', '\n', 'ü', '€', '\u{1F600}')
  await fc.assert(
    fc.asyncProperty(fc.string({ unit, maxLength: 1_200 }), fc.nat({ max: 3 }), async (text, shift) => {
      const whole = 'x'.repeat(shift) + text
      await writeFile(folder.stdout, whole)
      const output = await summarise(folder, 0, '')
      assert.ok(whole.startsWith(output.Stdout))
      const bytes = Buffer.byteLength(whole)
      assert.equal(output.StdoutTruncated, bytes > LIMITS.outputSummary)
      // Only a character that the cut went through may be missing.
      const missing = Math.min(bytes, LIMITS.outputSummary) - Buffer.byteLength(output.Stdout)
      assert.ok(missing >= 0 && missing <= 3, `${missing} bytes`)
      runOutputSchema.parse(output)
    }),
    { numRuns: 50 },
  )
})

test('output that is no text is shown as well as it can be', async (t) => {
  const folder = executionFolder(await tempFolder(t), { orchestrator: OWNER, executionId: 'e-1' })
  await mkdir(folder.results, { recursive: true })
  await writeFile(folder.stderr, Buffer.alloc(5_000, 0xff))
  const output = runOutputSchema.parse(await summarise(folder, 7, 'why'))
  assert.deepEqual([output.ExitCode, output.ErrorMsg, output.Stdout], [7, 'why', ''])
  assert.match(output.stderr, /^\uFFFD+$/)
  assert.deepEqual([output.StdoutTruncated, output.StderrTruncated], [false, true])
})
