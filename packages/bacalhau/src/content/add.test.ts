import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, test } from 'node:test'
import type { AddOptions } from './add.ts'
import type { Content } from './content.ts'
import { kuboRandomBytes, kuboRandomNames } from './testing/kubo-random.ts'
import { flow, folderWith, temporaryContent, temporaryFolder, temporaryStore } from './testing/temporary.ts'
import { buildDirectory } from './unixfs/directory-builder.ts'
import { buildFile, type CidVersion } from './unixfs/file-builder.ts'

const added = async (content: Content, source: string | AsyncIterable<Uint8Array>, options?: AddOptions) =>
  (await content.add(source, options)).cid.toString()

describe('CIDs of files are those of `ipfs add`', () => {
  // Known from Kubo's documentation and tests; the random ones from ipfs/kubo, test/cli/cid_profiles_test.go.
  const chunk = (length: number) => kuboRandomBytes(length, 'chunk-v0-seed')
  const node = (length: number) => kuboRandomBytes(length, 'v0-seed')
  const empty1 = 'bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku'
  const hello1 = 'bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e'
  const vectors: [name: string, data: Uint8Array, v0: string, v1?: string][] = [
    ['empty', Buffer.alloc(0), 'QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQH', empty1],
    ['hello world', Buffer.from('hello world'), 'Qmf412jQZiuVUtdgnB36FXFX7xg5V6KEbSJ4dpQuhkLyfD', hello1],
    ['a line', Buffer.from('hello world\n'), 'QmT78zSuBmuS4z925WZfrqQ1qHaJ56DQaTfyMUF7F8ff5o'],
    ['one chunk', chunk(262_144), 'QmWmRj3dFDZdb6ABvbmKhEL6TmPbAfBZ1t5BxsEyJrcZhE'],
    ['one chunk and a byte', chunk(262_145), 'QmYyLxtzZyW22zpoVAtKANLRHpDjZtNeDjQdJrcQNWoRkJ'],
    ['one full node', node(174 * 262_144), 'QmUbBALi174SnogsUzLpYbD4xPiBSFANF4iztWCsHbMKh2'],
    ['one full node and a byte', node(174 * 262_144 + 1), 'QmV81WL765sC8DXsRhE5fJv2rwhS4icHRaf3J9Zk5FdRnW'],
  ]
  for (const [name, data, v0, v1] of vectors) {
    test(name, async (context) => {
      const content = await temporaryContent(context)
      const file = path.join(await temporaryFolder(context), 'file')
      await writeFile(file, data)
      assert.equal(await added(content, file), v0)
      assert.equal(await added(content, flow(data)), v0)
      if (v1 !== undefined) assert.equal(await added(content, file, { cidVersion: 1 }), v1)
    })
  }
})

describe('CIDs of folders are those of `ipfs add -r`', () => {
  test('empty', async (context) => {
    const [content, folder] = [await temporaryContent(context), await folderWith(context, {})]
    assert.equal(await added(content, folder), 'QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn')
    const v1 = 'bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354'
    assert.equal(await added(content, folder, { cidVersion: 1 }), v1)
  })

  test('100 files', async (context) => {
    const content = await temporaryContent(context)
    // ipfs/kubo, test/sharness/t0260-sharding.sh
    const folder = await folderWith(context, Object.fromEntries(numbered(100, sixDigits)))
    assert.equal(await added(content, folder), 'QmdBXmm4HRpUhyzzctbFvi2tLai3XFL1YjmE1qfpJe61NX')
  })

  const large: [name: string, files: Files, version: CidVersion, cid: string][] = [
    // ipfs/kubo, test/sharness/t0260-sharding.sh
    ['2000 files', numbered(2_000, (index) => `file${index}`), 0, 'QmavrTrQG4VhoJmantURAYuw3bowq3E2WcvP36NRQDAC1N'],
    ['sharded', numbered(5_960, sixDigits), 0, 'QmWfjnRWRvdvYezQWnfbvrvY7JjrpevsE9cato1x76UqGr'],
    ['sharded v1', numbered(5_960, sixDigits), 1, 'bafybeiglv7wdwjqaqxjs4nk3uo4vvldhmmod5vkinvgwihyrv6bdzuzbbm'],
    // ipfs/kubo, test/cli/cid_profiles_test.go: names and CIDs of 262144 bytes, and of one more.
    ['just not sharded', oneLetterFiles(4_096, 30), 0, 'QmX5GtRk3TSSEHtdrykgqm4eqMEn3n2XhfkFAis5fjyZmN'],
    ['just sharded', oneLetterFiles(4_033, 31), 0, 'QmeMiJzmhpJAUgynAcxTQYek5PPKgdv3qEvFsdV3XpVnvP'],
  ]
  for (const [name, files, version, cid] of large) {
    test(name, async (context) => {
      const batch = (await temporaryStore(context)).begin()
      const links = []
      for (const [name, data] of files) {
        links.push({ name, ...(await buildFile([Buffer.from(data)], version, batch)) })
      }
      assert.equal((await buildDirectory(links, version, batch)).cid.toString(), cid)
      await batch.discard()
    })
  }
})

type Files = readonly (readonly [name: string, data: string])[]

function numbered(count: number, name: (index: number) => string): Files {
  return Array.from({ length: count }, (_, index) => [name(index + 1), `${index + 1}\n`] as const)
}

function sixDigits(index: number): string {
  return `file${String(index).padStart(6, '0')}`
}

function oneLetterFiles(count: number, nameLength: number): Files {
  return kuboRandomNames(count, nameLength, 'hamt-unixfs-v0-2015').map((name) => [name, 'x'] as const)
}

describe('what is added', () => {
  test('counts bytes and files, hidden ones too', async (context) => {
    const content = await temporaryContent(context)
    const folder = await folderWith(context, { a: 'one', '.hidden': 'two', 'deep/er/b': 'three', 'deep/c': '' })
    const { bytes, files } = await content.add(folder)
    assert.deepEqual({ bytes, files }, { bytes: 11, files: 4 })
  })

  test('is pinned', async (context) => {
    const content = await temporaryContent(context)
    const { cid } = await content.add(flow('kept'))
    assert.deepEqual(content.pins(), [cid.toString()])
  })

  test('may be wrapped, as by `ipfs add -w`', async (context) => {
    const content = await temporaryContent(context)
    const { cid } = await content.add(flow('hello world'), { wrap: 'name' })
    const entries = await Array.fromAsync(content.list({ cid, path: [] }))
    assert.deepEqual(
      entries.map((entry) => [entry.name, entry.cid.toString()]),
      [['name', 'Qmf412jQZiuVUtdgnB36FXFX7xg5V6KEbSJ4dpQuhkLyfD']],
    )
  })

  for (const wrap of ['', '.', '..', 'a/b', 'a\0']) {
    test(`is not wrapped under the name ${JSON.stringify(wrap)}`, async (context) => {
      const content = await temporaryContent(context)
      await assert.rejects(content.add(flow('x'), { wrap }), { code: 'BadRequest' })
    })
  }

  test('does not depend on how the bytes are cut', async (context) => {
    const content = await temporaryContent(context)
    const data = kuboRandomBytes(600_000, 'cuts')
    const pieces = Array.from({ length: 61 }, (_, index) => data.subarray(index * 10_000, (index + 1) * 10_000))
    assert.equal(await added(content, flow(...pieces)), await added(content, flow(data)))
  })
})

describe('links and special files', () => {
  test('a link in a folder is recorded as a link, wherever it leads', async (context) => {
    const content = await temporaryContent(context)
    const folder = await folderWith(context, { file: 'x' })
    await symlink('/etc/passwd', path.join(folder, 'absolute'))
    await symlink('nowhere', path.join(folder, 'dangling'))
    await symlink('..', path.join(folder, 'up'))
    const { cid } = await content.add(folder)
    const entries = await Array.fromAsync(content.list({ cid, path: [] }))
    assert.deepEqual(
      entries.map(({ name, kind, target }) => [name, kind, target]),
      [
        ['absolute', 'symlink', '/etc/passwd'],
        ['dangling', 'symlink', 'nowhere'],
        ['file', 'file', undefined],
        ['up', 'symlink', '..'],
      ],
    )
  })

  test('the path itself may be a link', async (context) => {
    const content = await temporaryContent(context)
    const folder = await folderWith(context, { file: 'x' })
    await symlink(folder, `${folder}-link`)
    assert.equal(await added(content, `${folder}-link`), await added(content, folder))
  })

  test('a pipe is refused, and nothing is kept', async (context) => {
    const content = await temporaryContent(context)
    const folder = await folderWith(context, { file: 'x' })
    assert.equal(spawnSync('mkfifo', [path.join(folder, 'pipe')]).status, 0)
    await assert.rejects(content.add(folder), { code: 'BadRequest', message: /pipe is a pipe, which cannot be added/ })
    assert.deepEqual(content.usage(), { blocks: 0, bytes: 0 })
  })

  test('what is not there is named', async (context) => {
    const content = await temporaryContent(context)
    await assert.rejects(content.add('/no/such/file'), {
      code: 'BadRequest',
      message: /\/no\/such\/file cannot be read/,
    })
  })
})

test('an aborted add leaves nothing behind', async (context) => {
  const content = await temporaryContent(context)
  const controller = new AbortController()
  async function* endless() {
    for (;;) {
      yield Buffer.alloc(1_000_000)
      controller.abort(new Error('enough'))
    }
  }
  await assert.rejects(content.add(endless(), { signal: controller.signal }), /enough/)
  assert.deepEqual(content.usage(), { blocks: 0, bytes: 0 })
  assert.deepEqual(content.pins(), [])
})
