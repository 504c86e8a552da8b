import assert from 'node:assert/strict'
import { lstat, mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { packTar, type TarEntry } from 'modern-tar'
import { copyResults } from './results.ts'

const file = (name: string, body = 'x', mode = 0o644): TarEntry => ({
  header: { name, type: 'file', size: body.length, mode },
  body,
})
const other = (
  name: string,
  type: 'directory' | 'symlink' | 'link' | 'block-device' | 'fifo',
  linkname = '',
): TarEntry => ({
  header: { name, type, linkname, size: 0 },
})

async function copy(t: TestContext, entries: readonly TarEntry[], left = { bytes: 1_000, files: 10 }) {
  const hostPath = await mkdtemp(path.join(tmpdir(), 'results-'))
  t.after(() => rm(hostPath, { recursive: true }))
  const archive = await packTar([...entries])
  const error: unknown = await copyResults(
    (async function* () {
      for (let at = 0; at < archive.length; at += 700) yield archive.subarray(at, at + 700)
    })(),
    { hostPath },
    left,
  ).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  return { hostPath, left, error, names: (await readdir(hostPath, { recursive: true })).toSorted() }
}

describe('results of a container', () => {
  test('are copied with nothing of their rights but "can be executed"', async (t) => {
    const { hostPath, names, left } = await copy(t, [
      other('outputs/', 'directory'),
      file('outputs/plain', 'hello', 0o6666),
      file('outputs/program', '#!', 0o4755),
      other('outputs/deep/', 'directory'),
      other('outputs/deep/link', 'symlink', '../plain'),
      other('outputs/second', 'link', 'outputs/plain'),
    ])
    assert.deepEqual(names, ['deep', 'deep/link', 'plain', 'program', 'second'])
    const mode = async (name: string) => (await lstat(path.join(hostPath, name))).mode & 0o7777
    assert.deepEqual([await mode('plain'), await mode('program'), await mode('deep')], [0o600, 0o700, 0o700])
    assert.equal(await readlink(path.join(hostPath, 'deep/link')), '../plain')
    assert.equal(await readFile(path.join(hostPath, 'second'), 'utf8'), 'hello')
    assert.deepEqual(left, { bytes: 993, files: 5 })
  })

  test('lead nowhere outside, whatever an archive says', async (t) => {
    const { names, error } = await copy(t, [
      other('outputs/', 'directory'),
      other('outputs/absolute', 'symlink', '/etc/passwd'),
      other('outputs/up', 'symlink', '../../x'),
      other('outputs/hard', 'link', '/etc/passwd'),
      other('outputs/disk', 'block-device'),
      other('outputs/pipe', 'fifo'),
    ])
    assert.deepEqual([names, error], [[], undefined])
    for (const name of ['outputs/../../evil', '../evil', 'outputs/a/../../../evil']) {
      const evil = await copy(t, [other('outputs/', 'directory'), file(name)])
      assert.deepEqual([evil.names, (evil.error as { code?: string }).code], [[], 'EngineFailed'])
      await assert.rejects(lstat(path.join(evil.hostPath, '..', 'evil')), { code: 'ENOENT' })
    }
  })

  test('are taken until they are too large or too many; half a file is none', async (t) => {
    const large = await copy(t, [other('o/', 'directory'), file('o/a', 'x'.repeat(600)), file('o/b', 'x'.repeat(600))])
    assert.deepEqual([large.names, (large.error as { code?: string }).code], [['a'], 'DiskLimit'])
    const many = await copy(t, [other('o/', 'directory'), ...['a', 'b', 'c'].map((name) => file(`o/${name}`))], {
      bytes: 9,
      files: 2,
    })
    assert.deepEqual([many.names, (many.error as { code?: string }).code], [['a', 'b'], 'FileLimit'])
  })

  test('keep large and small files apart, and a second name finds its file', async (t) => {
    const body = 'x'.repeat(100_000)
    const entries = [
      other('o/', 'directory'),
      file('o/large', body),
      file('o/small', 'y'),
      other('o/again', 'link', 'o/small'),
    ]
    const { hostPath, names } = await copy(t, entries, { bytes: 200_000, files: 9 })
    assert.deepEqual(names, ['again', 'large', 'small'])
    assert.equal(await readFile(path.join(hostPath, 'large'), 'utf8'), body)
    assert.equal(await readFile(path.join(hostPath, 'again'), 'utf8'), 'y')
    const cut = await copy(t, entries, { bytes: 99_999, files: 9 })
    assert.deepEqual([cut.names, (cut.error as { code?: string }).code], [[], 'DiskLimit'])
  })

  test('may be one file', async (t) => {
    assert.deepEqual((await copy(t, [file('result.txt')])).names, ['result.txt'])
  })

  test('that break off are not taken as complete', async (t) => {
    const hostPath = await mkdtemp(path.join(tmpdir(), 'results-'))
    t.after(() => rm(hostPath, { recursive: true }))
    const archive = await packTar([other('o/', 'directory'), file('o/a', 'x'.repeat(900))])
    const cut = async function* () {
      yield archive.subarray(0, 1_500)
    }
    await assert.rejects(copyResults(cut(), { hostPath }, { bytes: 9_999, files: 9 }), { code: 'EngineFailed' })
    assert.deepEqual(await readdir(hostPath), [])
  })
})
