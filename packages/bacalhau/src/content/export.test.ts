import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, readlink, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import fc from 'fast-check'
import type { CID } from 'multiformats/cid'
import { systemRandom } from '../runtime/random.ts'
import type { BlockBatch } from './blocks/block-batch.ts'
import { exportTo, leadsInside } from './export.ts'
import { flow, folderWith, temporaryContent, temporaryFolder, temporaryStore } from './testing/temporary.ts'
import { buildDirectory, buildSymlink } from './unixfs/directory-builder.ts'
import { type Added, buildFile } from './unixfs/file-builder.ts'

/** Every file, folder and link below `folder`, with what is in it. */
async function snapshot(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const described = entries.map(async (entry) => {
    const file = path.join(entry.parentPath, entry.name)
    const what = entry.isSymbolicLink()
      ? `-> ${await readlink(file)}`
      : entry.isFile()
        ? (await readFile(file)).toString('hex')
        : 'folder'
    return [path.relative(folder, file), what] as const
  })
  return Object.fromEntries(await Promise.all(described))
}

describe('what was added', () => {
  test('comes out the same', async (context) => {
    const content = await temporaryContent(context)
    const name = fc
      .string({ minLength: 1, maxLength: 10, unit: 'grapheme' })
      .filter((text) => !/[/\0]|^\.\.?$/.test(text))
    const tree = fc.dictionary(
      fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join('/')),
      fc.uint8Array({ maxLength: 400 }),
      { maxKeys: 8 },
    )
    await fc.assert(
      fc.asyncProperty(tree, fc.constantFrom(0 as const, 1 as const), async (files, cidVersion) => {
        const source = await folderOf(context, files)
        const { cid } = await content.add(source, { cidVersion })
        const target = path.join(await temporaryFolder(context), 'out')
        await content.export({ cid, path: [] }, target)
        assert.deepEqual(await snapshot(target), await snapshot(source))
      }),
      { numRuns: 25 },
    )
  })

  test('keeps links that stay inside, and names the others', async (context) => {
    const content = await temporaryContent(context)
    const source = await folderWith(context, { 'a/b/file': 'x' })
    await symlink('b/file', path.join(source, 'a/inside'))
    await symlink('../..', path.join(source, 'a/b/top'))
    await symlink('../../..', path.join(source, 'a/b/out'))
    await symlink('/etc/passwd', path.join(source, 'absolute'))
    const { cid } = await content.add(source)
    const target = path.join(await temporaryFolder(context), 'out')
    const { skippedLinks, files } = await content.export({ cid, path: [] }, target)
    assert.deepEqual(skippedLinks.toSorted(), ['a/b/out', 'absolute'])
    assert.equal(files, 5)
    assert.deepEqual(await snapshot(target), {
      a: 'folder',
      'a/b': 'folder',
      'a/b/file': Buffer.from('x').toString('hex'),
      'a/b/top': '-> ../..',
      'a/inside': '-> b/file',
    })
  })

  test('may be a file, or lie below a path', async (context) => {
    const content = await temporaryContent(context)
    const { cid } = await content.add(await folderWith(context, { 'a/b': 'bytes' }))
    const folder = await temporaryFolder(context)
    const exported = await content.export({ cid, path: ['a', 'b'] }, path.join(folder, 'file'))
    assert.deepEqual(exported, { kind: 'file', bytes: 5, files: 1, skippedLinks: [] })
    assert.equal(await readFile(path.join(folder, 'file'), 'utf8'), 'bytes')
  })

  test('never replaces what is there', async (context) => {
    const content = await temporaryContent(context)
    const [file, tree] = [await content.add(flow('new')), await content.add(await folderWith(context, { x: 'new' }))]
    const folder = await folderWith(context, { file: 'old', 'full/x': 'old' })
    for (const { cid } of [file, tree]) {
      for (const name of ['file', 'full']) {
        await assert.rejects(content.export({ cid, path: [] }, path.join(folder, name)), { code: 'Conflict' })
      }
    }
    assert.deepEqual(Object.keys(await snapshot(folder)).toSorted(), ['file', 'full', 'full/x'])
  })
})

async function folderOf(context: TestContext, files: Readonly<Record<string, Uint8Array>>): Promise<string> {
  const folder = await temporaryFolder(context)
  for (const [name, data] of Object.entries(files)) {
    // Where one name is a file already, what would lie below it is left out.
    await mkdir(path.dirname(path.join(folder, name)), { recursive: true })
      .then(() => writeFile(path.join(folder, name), data))
      .catch(() => undefined)
  }
  return folder
}

describe('hostile folders', () => {
  /** Exports a folder with these entries; nothing may be left behind when it is refused. */
  async function exporting(
    context: TestContext,
    build: (batch: BlockBatch) => Promise<{ cid: CID }>,
    options: { maxBytes?: number; maxFiles?: number; signal?: AbortSignal } = {},
  ): Promise<unknown> {
    const batch = (await temporaryStore(context)).begin()
    const folder = await temporaryFolder(context)
    const { cid } = await build(batch)
    const outcome = await exportTo(path.join(folder, 'out'), cid, batch, systemRandom, options).catch(
      (error: unknown) => error,
    )
    if (outcome instanceof Error) assert.deepEqual(await readdir(folder), [])
    await batch.discard()
    return outcome
  }

  const file = (batch: BlockBatch) => buildFile([Buffer.from('data')], 0, batch)

  for (const name of ['', '.', '..', 'a/b', '/etc/passwd', '../x', 'nul\0', 'x'.repeat(256), 'é'.repeat(128)]) {
    test(`a name that is none: ${JSON.stringify(name.slice(0, 20))}`, async (context) => {
      const outcome = await exporting(context, async (batch) =>
        buildDirectory([{ name, ...(await file(batch)) }], 0, batch),
      )
      assert.equal(Object(outcome).code, 'ContentInvalid')
    })
  }

  test('two entries of one name', async (context) => {
    const outcome = await exporting(context, async (batch) => {
      const leaf = await file(batch)
      const link = await buildSymlink('b', 0, batch)
      return buildDirectory(
        [
          { name: 'a', ...leaf },
          { name: 'a', ...link },
        ],
        0,
        batch,
      )
    })
    assert.equal(Object(outcome).code, 'ContentInvalid')
  })

  test('a link and a folder of one name, to write through the link', async (context) => {
    const outcome = await exporting(context, async (batch) => {
      const folder = await buildDirectory([{ name: 'x', ...(await file(batch)) }], 0, batch)
      const link = await buildSymlink('b', 0, batch)
      return buildDirectory(
        [
          { name: 'a', ...link },
          { name: 'a', ...folder },
          { name: 'b', ...folder },
        ],
        0,
        batch,
      )
    })
    assert.equal(Object(outcome).code, 'ContentInvalid')
  })

  test('a bomb: few blocks, endless files', async (context) => {
    const outcome = await exporting(
      context,
      async (batch) => {
        let folder: Added = await file(batch)
        for (let level = 0; level < 10; level += 1) {
          const entry = folder
          folder = await buildDirectory(
            Array.from({ length: 10 }, (_, index) => ({ name: String(index), ...entry })),
            0,
            batch,
          )
        }
        return folder
      },
      { maxFiles: 50 },
    )
    assert.equal(Object(outcome).code, 'ContentTooLarge')
  })

  test('more bytes than allowed', async (context) => {
    const build = (batch: BlockBatch) => buildFile([Buffer.alloc(1_000_001)], 0, batch)
    assert.equal(Object(await exporting(context, build, { maxBytes: 1_000_000 })).code, 'ContentTooLarge')
    assert.equal(Object(await exporting(context, build, { maxBytes: 1_000_001 })).bytes, 1_000_001)
  })

  test('deeper than a path may be', async (context) => {
    const outcome = await exporting(context, async (batch) => {
      let folder: Added = await file(batch)
      for (let level = 0; level < 30; level += 1) {
        folder = await buildDirectory([{ name: 'x'.repeat(255), ...folder }], 0, batch)
      }
      return folder
    })
    assert.equal(Object(outcome).code, 'ContentInvalid')
  })

  test('a link in place of a folder', async (context) => {
    const outcome = await exporting(context, (batch) => buildSymlink('/etc', 0, batch))
    assert.equal(Object(outcome).code, 'BadRequest')
  })

  test('an abort leaves nothing', async (context) => {
    const build = async (batch: BlockBatch) => buildDirectory([{ name: 'a', ...(await file(batch)) }], 0, batch)
    const outcome = await exporting(context, build, { signal: AbortSignal.abort(new Error('stopped')) })
    assert.match(String(outcome), /stopped/)
  })
})

describe('links', () => {
  for (const [target, at, inside] of [
    ['x', 'link', true],
    ['./x/y', 'link', true],
    ['.', 'link', true],
    ['../x', 'a/link', true],
    ['..', 'a/link', true],
    ['../..', 'a/link', false],
    ['..', 'link', false],
    ['x/..', 'link', false],
    ['x/../../y', 'a/link', false],
    ['/x', 'link', false],
    ['', 'link', false],
    ['x\0y', 'link', false],
    ['x\\..\\..', 'link', false],
    ['y'.repeat(2_000), 'link', false],
  ] as const) {
    test(`${JSON.stringify(target.slice(0, 20))} at ${at}: ${inside ? 'inside' : 'left out'}`, () => {
      assert.equal(leadsInside(target, at), inside)
    })
  }
})
