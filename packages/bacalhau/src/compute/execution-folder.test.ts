import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { createExecutionFolder, executionFolder, leftovers, shrinkExecutionFolder } from './execution-folder.ts'
import { OWNER, tempFolder } from './fixtures/bench.ts'

const named = (executionId: string) => ({ orchestrator: OWNER, executionId })

describe('the folder of an execution', () => {
  test('lies below that of its orchestrator, whatever their ids; other ids are none', () => {
    const id = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom('.', '/', '\\', 'e', '-', '\0') }))
    fc.assert(
      fc.property(id, id, (executionId, orchestrator) => {
        let root: string
        try {
          ;({ root } = executionFolder('/base', { executionId, orchestrator }))
        } catch (error) {
          assert.match(String(error), /unsafe execution id/)
          return
        }
        assert.deepEqual(path.relative('/base', root).split(path.sep), [orchestrator, executionId])
      }),
    )
    for (const bad of ['', '.', '..', 'a/b', 'a\\b', 'a b', 'e\n', 'x'.repeat(129)]) {
      assert.throws(() => executionFolder('/base', named(bad)), /unsafe/)
      assert.throws(() => executionFolder('/base', { orchestrator: bad, executionId: 'e-1' }), /unsafe/)
    }
    assert.equal(executionFolder('/base', named('e-1')).root, path.join('/base', OWNER, 'e-1'))
  })

  test('is made anew, for the eyes of its user only', async (t) => {
    const folder = executionFolder(await tempFolder(t), named('e-1'))
    await createExecutionFolder(folder, ['outputs', 'more'])
    await mkdir(`${folder.inputs}-0`)
    await writeFile(path.join(folder.results, 'outputs', 'old'), 'x')
    await createExecutionFolder(folder, ['outputs'])
    assert.deepEqual(await readdir(folder.root), ['results'])
    assert.deepEqual(await readdir(folder.results, { recursive: true }), ['outputs'])
    for (const inner of [path.dirname(folder.root), folder.results, path.join(folder.results, 'outputs')]) {
      assert.equal((await stat(inner)).mode & 0o777, 0o700)
    }
  })

  test('shrinks to the output that can still be read, and follows no link out', async (t) => {
    const base = await tempFolder(t)
    const outside = path.join(base, 'outside')
    await mkdir(outside)
    await writeFile(path.join(outside, 'precious'), 'x')
    const folder = executionFolder(base, named('e-1'))
    await createExecutionFolder(folder, ['outputs'])
    await mkdir(`${folder.inputs}-0`)
    await writeFile(folder.stdout, 'text')
    await writeFile(path.join(`${folder.inputs}-0`, 'large'), 'x')
    await symlink(outside, path.join(folder.results, 'outputs', 'link'))
    await symlink(outside, path.join(folder.results, 'planted'))
    assert.equal(await shrinkExecutionFolder(folder), 4)
    assert.deepEqual(await readdir(folder.root, { recursive: true }), ['results', path.join('results', 'stdout')])
    assert.equal(await readFile(path.join(outside, 'precious'), 'utf8'), 'x')
  })

  test('goes altogether when the execution said nothing; what was never made is nobody’s fault', async (t) => {
    const base = await tempFolder(t)
    const folder = executionFolder(base, named('e-1'))
    assert.equal(await shrinkExecutionFolder(folder), 0)
    await createExecutionFolder(folder, ['outputs'])
    await writeFile(folder.stdout, '')
    await writeFile(path.join(folder.results, 'outputs', 'large'), 'x')
    assert.equal(await shrinkExecutionFolder(folder), 0)
    assert.deepEqual(await readdir(path.join(base, OWNER)), [])
  })
})

describe('what a former process left', () => {
  test('is named, the oldest first, and what is none of ours is removed', async (t) => {
    const base = path.join(await tempFolder(t), 'executions')
    assert.deepEqual(await leftovers(base), [])
    for (const [name, seconds] of [
      [`${OWNER}/e-new`, 2_000],
      [`${OWNER}/e-old`, 1_000],
      [`${OWNER}/not an id`, 1],
      ['Qm.bad/e-1', 1],
    ] as const) {
      await mkdir(path.join(base, name, 'deep'), { recursive: true })
      await utimes(path.join(base, name), seconds, seconds)
    }
    await mkdir(path.join(base, 'empty'))
    await writeFile(path.join(base, 'stray'), 'x')
    assert.deepEqual(
      (await leftovers(base)).map(({ orchestrator, executionId, changed }) => [orchestrator, executionId, changed]),
      [
        [OWNER, 'e-old', 1_000_000],
        [OWNER, 'e-new', 2_000_000],
      ],
    )
    assert.deepEqual((await readdir(base)).toSorted(), [OWNER, 'stray'])
  })
})
