import assert from 'node:assert/strict'
import { access, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  createExecutionFolder,
  executionFolder,
  removeUnknownFolders,
  shrinkExecutionFolder,
} from './execution-folder.ts'
import { tempFolder } from './fixtures/bench.ts'

describe('the folder of an execution', () => {
  test('lies directly in the folder of executions, whatever the id; other ids are none', () => {
    const id = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom('.', '/', '\\', 'e', '-', '\0') }))
    fc.assert(
      fc.property(id, (executionId) => {
        let root: string
        try {
          ;({ root } = executionFolder('/base', executionId))
        } catch (error) {
          assert.match(String(error), /unsafe execution id/)
          return
        }
        assert.equal(path.dirname(root), '/base')
        assert.equal(path.basename(root), executionId)
      }),
    )
    for (const bad of ['', '.', '..', 'a/b', 'a\\b', 'a b', 'e\n', 'x'.repeat(129)]) {
      assert.throws(() => executionFolder('/base', bad), /unsafe/)
    }
    assert.equal(executionFolder('/base', 'e-1').root, path.join('/base', 'e-1'))
  })

  test('is made anew, for the eyes of its user only', async (t) => {
    const folder = executionFolder(await tempFolder(t), 'e-1')
    await createExecutionFolder(folder, ['outputs', 'more'])
    await writeFile(path.join(folder.results, 'outputs', 'old'), 'x')
    await createExecutionFolder(folder, ['outputs'])
    assert.deepEqual(await readdir(folder.root), ['inputs', 'results'])
    assert.deepEqual(await readdir(folder.results, { recursive: true }), ['outputs'])
    for (const inner of [folder.inputs, folder.results, path.join(folder.results, 'outputs')]) {
      assert.equal((await stat(inner)).mode & 0o777, 0o700)
    }
  })

  test('shrinks to the output that can still be read, and follows no link out', async (t) => {
    const base = await tempFolder(t)
    const outside = path.join(base, 'outside')
    await mkdir(outside)
    await writeFile(path.join(outside, 'precious'), 'x')
    const folder = executionFolder(base, 'e-1')
    await createExecutionFolder(folder, ['outputs'])
    await writeFile(folder.stdout, 'text')
    await writeFile(path.join(folder.inputs, 'large'), 'x')
    await symlink(outside, path.join(folder.results, 'outputs', 'link'))
    await symlink(outside, path.join(folder.results, 'planted'))
    await shrinkExecutionFolder(folder)
    assert.deepEqual(await readdir(folder.root, { recursive: true }), ['results', path.join('results', 'stdout')])
    assert.equal(await readFile(path.join(outside, 'precious'), 'utf8'), 'x')
  })

  test('shrinking what was never made is nobody’s fault', async (t) => {
    await shrinkExecutionFolder(executionFolder(await tempFolder(t), 'e-1'))
  })
})

test('folders that belong to no execution are removed at the start', async (t) => {
  const base = path.join(await tempFolder(t), 'executions')
  await removeUnknownFolders(base, new Set())
  for (const name of ['e-1', 'e-2', 'stray']) await mkdir(path.join(base, name, 'deep'), { recursive: true })
  await removeUnknownFolders(base, new Set(['e-1', 'e-gone']))
  assert.deepEqual(await readdir(base), ['e-1'])
  await access(path.join(base, 'e-1', 'deep'))
})
