import assert from 'node:assert/strict'
import { mkdir, realpath, stat, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import type { SpecConfig } from '@bacalhau/models'
import { temporaryFolder } from '../../content/testing/temporary.ts'
import { describeSource } from '../compliance.ts'
import { createAllowList } from './allow-list.ts'
import { createLocalSource } from './local.ts'

const spec = (SourcePath: unknown, more: object = {}): SpecConfig => ({
  Type: 'local',
  Params: { SourcePath, ...more },
})
const { signal } = new AbortController()

/** allowed/{file,deep/file}, secret/file, and links between them. */
async function setUp(context: TestContext): Promise<string> {
  const root = await realpath(await temporaryFolder(context))
  for (const folder of ['allowed/deep', 'allowed-not', 'secret']) {
    await mkdir(path.join(root, folder), { recursive: true })
    await writeFile(path.join(root, folder, 'file'), folder)
  }
  await writeFile(path.join(root, 'allowed/file'), 'allowed')
  await symlink('../secret', path.join(root, 'allowed/way-out'))
  await symlink('../secret/file', path.join(root, 'allowed/file-out'))
  await symlink('deep', path.join(root, 'allowed/way-on'))
  await symlink('allowed', path.join(root, 'alias'))
  return root
}

describeSource('local', async (context) => {
  const root = await setUp(context)
  return {
    source: createLocalSource([path.join(root, 'allowed')]),
    good: [
      { spec: spec(path.join(root, 'allowed/file')), holds: 'allowed' },
      { spec: spec(path.join(root, 'allowed/deep'), { ReadWrite: false }), holds: { file: 'allowed/deep' } },
      { spec: { ...spec(path.join(root, 'allowed/way-on')), Type: 'localDirectory' }, holds: { file: 'allowed/deep' } },
      { spec: spec(path.join(root, 'allowed/deep/file'), { CreateAs: 'noCreate' }), holds: 'allowed/deep' },
    ],
    invalid: [
      spec(undefined),
      spec(''),
      spec('relative/path'),
      spec('/nul\0'),
      spec(root, { ReadWrite: 'perhaps' }),
      spec(root, { CreateAs: 'dir' }),
      spec(root, { CreateAs: 'pipe', ReadWrite: true }),
      spec(`${root}/allowed/../new`, { CreateAs: 'dir', ReadWrite: true }),
      { Type: 'local' },
    ],
    missing: spec(path.join(root, 'allowed/nothing')),
  }
})

describe('local paths, point 17', () => {
  for (const [entry, allowed, refused] of [
    ['allowed', ['allowed', 'allowed/file', 'allowed/deep/file', 'alias/file'], ['allowed-not', 'secret/file', '.']],
    ['allowed/', ['allowed', 'allowed/file'], ['allowed-not']],
    ['allowed/**:ro', ['allowed', 'allowed/file', 'allowed/deep/file'], ['allowed-not', 'secret']],
    ['allowed/*:rw', ['allowed/file', 'allowed/deep'], ['allowed', 'allowed/deep/file', 'secret']],
    ['alias/deep', ['allowed/deep', 'allowed/deep/file'], ['allowed', 'allowed/file']],
    ['*/file', ['allowed/file', 'secret/file'], ['allowed/deep/file', 'secret']],
  ] as const) {
    test(`that "${entry}" allows`, async (context) => {
      const root = await setUp(context)
      const source = createLocalSource([path.join(root, entry)])
      for (const file of allowed) {
        const { hostPath } = await source.prepare(spec(path.join(root, file)), root, signal)
        assert.equal(hostPath, await realpath(path.join(root, file)))
      }
      for (const file of refused) {
        const preparing = source.prepare(spec(path.join(root, file)), root, signal)
        await assert.rejects(preparing, { code: 'InputFailed', message: /is not allowlisted/ }, file)
      }
    })
  }

  for (const way of [
    'allowed/way-out/file',
    'allowed/file-out',
    'allowed/../secret/file',
    'allowed/way-on/../../secret',
  ]) {
    test(`that leave by ${way} are refused`, async (context) => {
      const root = await setUp(context)
      const source = createLocalSource([path.join(root, 'allowed/**')])
      const outside = spec(path.join(root, 'allowed').slice(0, -'allowed'.length) + way)
      await assert.rejects(source.prepare(outside, root, signal), { code: 'InputFailed' })
      await assert.rejects(source.measure(outside, signal), { code: 'InputFailed' })
    })
  }

  test('that are missing and that are forbidden get the same answer', async (context) => {
    const root = await setUp(context)
    const source = createLocalSource([path.join(root, 'allowed')])
    const answer = async (file: string) =>
      String(await source.prepare(spec(path.join(root, file)), root, signal).catch((error: unknown) => error)).replace(
        file,
        '…',
      )
    assert.equal(await answer('secret/file'), await answer('secret/nothing'))
  })

  test('point 19: are never deleted, neither a file nor an empty folder', async (context) => {
    const root = await setUp(context)
    const empty = path.join(root, 'allowed/empty')
    await mkdir(empty)
    const source = createLocalSource([path.join(root, 'allowed/**')])
    for (const place of [empty, path.join(root, 'allowed/file')]) {
      await (await source.prepare(spec(place), root, signal)).release()
      assert.ok(await stat(place), place)
    }
  })

  test('are not available where none is allowed', async () => {
    assert.equal(await createLocalSource([]).available(), false)
  })

  describe('that may be written', () => {
    const writing = async (context: TestContext, entries: readonly string[]) => {
      const root = await setUp(context)
      const source = createLocalSource(entries.map((entry) => path.join(root, entry)))
      const prepare = (file: string, more: object = { ReadWrite: true }) =>
        source.prepare(spec(path.join(root, file), more), root, signal)
      return { root, prepare }
    }

    test('are those that the operator has granted for it', async (context) => {
      const { prepare } = await writing(context, ['allowed:ro', 'allowed/deep:rw', 'secret'])
      assert.equal((await prepare('allowed/deep/file')).writable, true)
      assert.equal((await prepare('allowed/way-on', { ReadWrite: 'true' })).writable, true)
      assert.equal((await prepare('allowed/deep/file', {})).writable, undefined)
      for (const file of ['allowed/file', 'allowed', 'secret', 'allowed/way-out/file']) {
        await assert.rejects(prepare(file), { code: 'InputFailed', message: /not granted write access/ }, file)
      }
    })

    test('are made where they are missing', async (context) => {
      const { root, prepare } = await writing(context, ['allowed/**:rw'])
      const made = await prepare('allowed/new/folder', { ReadWrite: true, CreateAs: 'dir' })
      assert.deepEqual([made.hostPath, made.kind], [path.join(root, 'allowed/new/folder'), 'folder'])
      assert.equal((await stat(made.hostPath)).mode & 0o777, 0o700)
      const file = await prepare('allowed/new/file', { ReadWrite: true, CreateAs: 'file' })
      assert.deepEqual([file.kind, (await stat(file.hostPath)).size], ['file', 0])
      assert.equal((await prepare('allowed/deep', { ReadWrite: true, CreateAs: 'dir' })).kind, 'folder')
    })

    for (const [entry, file] of [
      ['allowed/**:ro', 'allowed/new'],
      ['allowed/**:rw', 'secret/new'],
      ['allowed/**:rw', 'allowed/way-out/new'],
      ['allowed/*:rw', 'allowed/new/deeper'],
    ] as const) {
      test(`are not made as ${file} by ${entry}`, async (context) => {
        const { root, prepare } = await writing(context, [entry])
        for (const CreateAs of ['dir', 'file']) {
          await assert.rejects(prepare(file, { ReadWrite: true, CreateAs }), { code: 'InputFailed' })
        }
        await assert.rejects(stat(path.join(root, file)), { code: 'ENOENT' })
      })
    }
  })

  for (const entry of ['relative', '', '../up', '/data/../etc', ':ro']) {
    test(`the entry ${JSON.stringify(entry)} is refused`, () => {
      assert.throws(() => createAllowList([entry]), { code: 'ConfigurationError' })
    })
  }
})
