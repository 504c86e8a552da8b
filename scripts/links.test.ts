import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { anchorsOf, checkLinks, linksOf, pagesOf } from './links.ts'

async function folderOf(context: TestContext, files: Readonly<Record<string, string>>): Promise<string> {
  const root = await mkdtemp(path.join(tmpdir(), 'links-'))
  context.after(() => rm(root, { recursive: true }))
  for (const [file, text] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(root, file)), { recursive: true })
    await writeFile(path.join(root, file), text)
  }
  return root
}

test('every link of the documentation leads somewhere', async () => {
  const root = path.join(import.meta.dirname, '..')
  assert.ok((await pagesOf(root)).length > 15)
  assert.deepEqual(await checkLinks(root), [])
})

describe('links', () => {
  test('are found in text, tables, images and references, not in code', () => {
    const text = [
      'See [one](one.md) and ![two](<two.png> "Title").',
      '| [three](#three) | `[no](no.md)` |',
      '```md',
      '[no](no.md)',
      '```',
      '[four]: four.md',
    ]
    assert.deepEqual(linksOf(text.join('\n')), ['one.md', 'two.png', '#three', 'four.md'])
  })

  test('that lead nowhere are told, with their page', async (context) => {
    const root = await folderOf(context, {
      'README.md':
        '# Top\n[a](docs/a.md) [b](docs/b.md) [c](docs/a.md#here) [d](docs/a.md#there) [e](#top) [f](#bottom) [g](docs)',
      'docs/a.md':
        '## Here\n[up](../README.md#top) [out](../../x.md) [root](/README.md) [web](https://example.org/x#y)',
      'node_modules/x/README.md': '[no](nowhere.md)',
    })
    assert.deepEqual(await checkLinks(root), [
      'README.md: docs/b.md does not exist',
      'README.md: docs/a.md#there names no heading there',
      'README.md: #bottom names no heading there',
      'docs/a.md: ../../x.md leads out of the checkout',
      'docs/a.md: /README.md leads out of the checkout',
    ])
  })
})

test('headings are named as GitHub names them', () => {
  const text = '# A `code`, and more!\n## Two\n```sh\n# no heading\n```\n## Two\n### With [a link](x.md) ##\n'
  assert.deepEqual([...anchorsOf(text)], ['a-code-and-more', 'two', 'two-1', 'with-a-link'])
})
