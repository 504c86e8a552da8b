import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TreeEntry } from './add-tree.ts'
import { flow, folderWith, temporaryContent } from './testing/temporary.ts'

async function* tree(...entries: TreeEntry[]): AsyncGenerator<TreeEntry> {
  yield* entries
}

test('a tree has the CID of the same folder on disk, in whatever order it comes', async (context) => {
  const content = await temporaryContent(context)
  const folder = await folderWith(context, { a: 'one', 'deep/er/b': 'two', 'deep/c': '' })
  const { cid } = await content.add(folder)
  const entries = [
    { path: 'deep/er/b', content: flow('tw', 'o') },
    { path: './deep/' },
    { path: 'a', content: flow('one') },
    { path: 'deep//c', content: flow() },
  ]
  const added = await content.addTree(tree(...entries))
  assert.deepEqual(added, { cid, bytes: 6, files: 3 })
})

test('folders without files and links are kept', async (context) => {
  const content = await temporaryContent(context)
  const { cid } = await content.addTree(tree({ path: 'empty' }, { path: 'link', link: 'empty' }))
  const entries = await Array.fromAsync(content.list({ cid, path: [] }))
  assert.deepEqual(
    entries.map(({ name, kind, target }) => [name, kind, target]),
    [
      ['empty', 'folder', undefined],
      ['link', 'symlink', 'empty'],
    ],
  )
})

for (const [why, entries] of [
  ['leaves the folder', [{ path: '../x', content: flow() }]],
  ['leaves the folder', [{ path: '/etc/x', content: flow() }]],
  ['leaves the folder', [{ path: 'a\0b', content: flow() }]],
  ['has no name', [{ path: './', content: flow() }]],
  [
    'is there twice',
    [
      { path: 'a', content: flow() },
      { path: 'a', link: 'x' },
    ],
  ],
  [
    'is there twice',
    [
      { path: 'a/b', content: flow() },
      { path: 'a', content: flow() },
    ],
  ],
  [
    'needs "a" to be a folder',
    [
      { path: 'a', content: flow() },
      { path: 'a/b', content: flow() },
    ],
  ],
] as const) {
  test(`refused: ${entries.map(({ path }) => JSON.stringify(path)).join(' and ')} ${why}`, async (context) => {
    const content = await temporaryContent(context)
    await assert.rejects(content.addTree(tree(...entries)), { code: 'BadRequest', message: new RegExp(why) })
    assert.equal(content.usage().blocks, 0)
  })
}
