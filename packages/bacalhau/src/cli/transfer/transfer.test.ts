import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import fc from 'fast-check'
import { createTarPacker, packTar, type TarEntry } from 'modern-tar'
import { silentProgress } from '../terminal/progress.ts'
import { download } from './download.ts'
import { mergeInto } from './merge.ts'
import { measure, packFolder } from './pack-folder.ts'
import { unpack } from './unpack.ts'
import { createMeter } from './upload.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'transfer-'))
})
afterEach(() => rm(folder, { recursive: true }))

const { signal } = new AbortController()
const at = (...parts: string[]) => path.join(folder, ...parts)

/** Writes files below the test's folder; a name that ends in a slash is a folder. */
async function write(files: Record<string, string>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(path.dirname(at(name)), { recursive: true })
    if (name.endsWith('/')) await mkdir(at(name), { recursive: true })
    else await writeFile(at(name), content)
  }
}

/** Every file below, with its content; links with an arrow, folders with a slash. */
async function read(root: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const entry of await readdir(root, { withFileTypes: true, recursive: true })) {
    const file = path.join(entry.parentPath, entry.name)
    const name = path.relative(root, file)
    if (entry.isDirectory()) found[`${name}/`] = ''
    else found[name] = entry.isSymbolicLink() ? `→ ${await readlink(file)}` : await readFile(file, 'utf8')
  }
  return found
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for await (const chunk of chunks) parts.push(Uint8Array.from(chunk))
  return Buffer.concat(parts)
}

describe('packing', () => {
  test('a folder comes out of the archive as it went in', async () => {
    await write({ 'src/a.txt': 'A', 'src/sub/b': 'B'.repeat(100_000), 'src/empty/': '', 'src/none': '' })
    await symlink('a.txt', at('src/link'))
    await symlink('../a.txt', at('src/sub/up'))
    let bytes = 0
    const archive = await collect(packFolder(at('src'), (count) => (bytes += count)))
    await mkdir(at('out'))
    await unpack(chunksOf(archive, 1_000), at('out'), signal)
    assert.deepEqual(await read(at('out')), await read(at('src')))
    assert.equal(bytes, 100_001)
    assert.equal(await measure(at('src')), 100_001)
    assert.equal(await measure(at('src/a.txt')), 1)
  })

  test('the same folder gives the same archive', async () => {
    await write({ 'src/b': '2', 'src/a': '1' })
    const first = await collect(packFolder(at('src')))
    await write({ 'src/a': '1' })
    assert.deepEqual(await collect(packFolder(at('src'))), first)
  })

  test('long and foreign names survive', async () => {
    const name = `src/${'ö'.repeat(60)}/${'x'.repeat(200)} 日本.txt`
    await write({ [name]: 'deep' })
    await mkdir(at('out'))
    await unpack(packFolder(at('src')), at('out'), signal)
    assert.deepEqual(await read(at('out')), await read(at('src')))
  })

  test('a socket cannot be sent', async () => {
    await mkdir(at('src'))
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(at('src/sock'), resolve))
    await assert.rejects(collect(packFolder(at('src'))), { code: 'InputFailed', message: /sock is neither a file/ })
    server.close()
  })

  test('a file that shrinks while it is read is noticed', async () => {
    await write({ 'src/large': 'x'.repeat(3_000_000) })
    const packed = async () => {
      for await (const chunk of packFolder(at('src'))) if (chunk.length > 512) await truncate(at('src/large'), 10)
    }
    await assert.rejects(packed(), { code: 'InputFailed', message: /changed while it was read/ })
  })

  test('a reader that leaves early ends the packing', async () => {
    await write({ 'src/large': 'x'.repeat(3_000_000) })
    for await (const chunk of packFolder(at('src'))) {
      assert.ok(chunk.length > 0)
      break
    }
  })
})

async function* chunksOf(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size)
}

describe('unpacking', () => {
  const entry = (header: Partial<TarEntry['header']>, body = ''): TarEntry => ({
    header: { name: 'x', size: body.length, ...header },
    body,
  })

  const hostile: readonly [what: string, entries: TarEntry[]][] = [
    ['a path that leads out', [entry({ name: '../evil' }, 'x')]],
    ['a path that leads out of a folder', [entry({ name: 'a/../../evil' }, 'x')]],
    ['a link that points out', [entry({ name: 'link', type: 'symlink', linkname: '../..' })]],
    ['a link to an absolute path', [entry({ name: 'link', type: 'symlink', linkname: '/etc/passwd' })]],
    [
      'a file through a link that points out',
      [entry({ name: 'l', type: 'symlink', linkname: '..' }), entry({ name: 'l/evil' }, 'x')],
    ],
    ['a hard link', [entry({ name: 'hard', type: 'link', linkname: '/etc/passwd' })]],
    ['a device', [entry({ name: 'null', type: 'character-device' })]],
    ['a pipe', [entry({ name: 'pipe', type: 'fifo' })]],
  ]
  for (const [what, entries] of hostile) {
    test(`${what} is refused`, async () => {
      await mkdir(at('in/out'), { recursive: true })
      const archive = await packTar(entries)
      await assert.rejects(unpack(chunksOf(archive, 512), at('in/out'), signal), { code: 'ContentInvalid' })
      assert.deepEqual(
        Object.keys(await read(folder)).filter((name) => !name.startsWith('in/out')),
        ['in/'],
      )
    })
  }

  test('an absolute path stays inside', async () => {
    await mkdir(at('out'))
    await unpack(chunksOf(await packTar([entry({ name: '/tmp-evil' }, 'x')]), 512), at('out'), signal)
    assert.deepEqual(await read(at('out')), { 'tmp-evil': 'x' })
  })

  test('an archive that is cut off or damaged is refused', async () => {
    await write({ 'src/a': 'x'.repeat(10_000), 'out/': '' })
    const archive = await collect(packFolder(at('src')))
    await assert.rejects(unpack(chunksOf(archive.subarray(0, 5_000), 512), at('out'), signal), {
      code: 'ContentInvalid',
    })
    await assert.rejects(unpack(chunksOf(Buffer.from('no archive at all'.repeat(99)), 512), at('out'), signal), {
      code: 'ContentInvalid',
    })
  })

  test('an interruption is passed on as it is', async () => {
    const controller = new AbortController()
    const reason = new Error('stop')
    async function* endless() {
      controller.abort(reason)
      yield Buffer.alloc(512)
    }
    await assert.rejects(unpack(endless(), folder, controller.signal), reason)
  })
})

describe('the meter', () => {
  test('tells now and then how far it is, and minds no failure of the terminal', () => {
    const told: string[] = []
    const detail = async (text: string) => {
      told.push(text)
      throw new Error('the terminal is gone')
    }
    const meter = createMeter('uploading x', 10_000_000, { ...silentProgress, detail })
    for (let count = 0; count < 10; count++) meter(1_000_000)
    assert.deepEqual(told, ['uploading x: 4 MB of 10 MB', 'uploading x: 8 MB of 10 MB'])
  })
})

describe('merging', () => {
  test('moves what is not there', async () => {
    await write({ 'from/a': '1', 'from/sub/b': '2' })
    await mergeInto(at('from'), at('new/place'))
    assert.deepEqual(await read(at('new/place')), { a: '1', 'sub/': '', 'sub/b': '2' })
  })

  test('leaves equal files alone and adds the others', async () => {
    await write({ 'from/a': '1', 'from/sub/b': '2', 'to/a': '1', 'to/sub/c': '3' })
    await mergeInto(at('from'), at('to'))
    assert.deepEqual(await read(at('to')), { a: '1', 'sub/': '', 'sub/b': '2', 'sub/c': '3' })
  })

  const conflicts: readonly [what: string, files: Record<string, string>][] = [
    ['another content', { 'to/a': '2' }],
    ['another length', { 'to/a': '11' }],
    ['a folder where a file goes', { 'to/a/': '' }],
    ['a file where the folder goes', { to: 'file' }],
  ]
  for (const [what, files] of conflicts) {
    test(`changes nothing when there is ${what}`, async () => {
      await write({ 'from/a': '1', 'from/b': 'new', ...files })
      const before = await read(folder)
      await assert.rejects(mergeInto(at('from'), at('to')), {
        code: 'Conflict',
        message: /exists already and is different/,
      })
      assert.deepEqual(await read(folder), before)
    })
  }

  test('never follows a link that is in the way', async () => {
    await write({ 'from/a': 'same', 'outside/a': 'same' })
    await mkdir(at('to'))
    await symlink(at('outside/a'), at('to/a'))
    await assert.rejects(mergeInto(at('from'), at('to')), { code: 'Conflict' })
    await symlink('here', at('to/link'))
    await symlink('there', at('from/link'))
    await assert.rejects(mergeInto(at('from'), at('to')), { code: 'Conflict', message: /and 1 more/ })
  })

  test('compares whole files, at any place of a difference', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 199_999 }), fc.boolean(), async (place, differ) => {
        const content = Buffer.alloc(200_000, 'x')
        await write({ 'from/': '', 'to/': '' })
        await writeFile(at('to/a'), content)
        if (differ) content[place] = 0
        await writeFile(at('from/a'), content)
        const merged = mergeInto(at('from'), at('to'))
        await (differ ? assert.rejects(merged, { code: 'Conflict' }) : merged)
      }),
      { numRuns: 20 },
    )
  })
})

describe('downloading', () => {
  /** A node that answers with these trees, each a list of names and contents under the name of its CID. */
  const nodeWith = (trees: Record<string, Record<string, string> | string>) => ({
    data: {
      async get(source: string) {
        const tree = trees[source]
        if (tree === undefined)
          throw Object.assign(new Error(`nobody has ${source}`), { code: 'ContentNotFound', hint: 'h' })
        const { readable, controller } = createTarPacker()
        const root = source.replaceAll('/', '-')
        const files =
          typeof tree === 'string'
            ? { [root]: tree }
            : Object.fromEntries(Object.entries(tree).map(([name, content]) => [`${root}/${name}`, content]))
        const pack = async () => {
          if (typeof tree !== 'string') await controller.add({ name: `${root}/`, type: 'directory', size: 0 }).close()
          for (const [name, content] of Object.entries(files)) {
            const writer = controller.add({ name, size: content.length }).getWriter()
            await writer.write(Buffer.from(content))
            await writer.close()
          }
          controller.finalize()
        }
        void pack()
        return readable
      },
    },
  })
  const options = { progress: silentProgress, signal }

  test('a folder, into a place that is made', async () => {
    const node = nodeWith({ QmA: { stdout: 'hi', 'outputs/x': '1' } })
    const places = await download(node, [{ source: 'QmA', target: at('deep/er/dir') }], options)
    assert.deepEqual(places, [at('deep/er/dir')])
    assert.deepEqual(await read(at('deep/er/dir')), { stdout: 'hi', 'outputs/': '', 'outputs/x': '1' })
    assert.deepEqual(await readdir(folder), ['deep'])
  })

  test('a second time changes nothing and is no error', async () => {
    const node = nodeWith({ QmA: { stdout: 'hi' } })
    for (let round = 0; round < 2; round++) await download(node, [{ source: 'QmA', target: at('dir') }], options)
    assert.deepEqual(await read(folder), { 'dir/': '', 'dir/stdout': 'hi' })
  })

  test('a file, under its name in a folder or as the name that was given', async () => {
    const node = nodeWith({ 'QmA/stdout': 'hi' })
    await mkdir(at('dir'))
    const places = await download(
      node,
      [
        { source: 'QmA/stdout', target: at('dir') },
        { source: 'QmA/stdout', target: at('other.txt') },
      ],
      options,
    )
    assert.deepEqual(places, [at('dir/stdout'), at('other.txt')])
    assert.deepEqual(await read(folder), { 'dir/': '', 'dir/stdout': 'hi', 'other.txt': 'hi' })
  })

  test('when one of several fails nothing is left behind', async () => {
    const node = nodeWith({ QmA: { a: '1' } })
    const items = [
      { source: 'QmA', target: at('out/0') },
      { source: 'QmB', target: at('out/1') },
    ]
    await assert.rejects(download(node, items, options), { code: 'ContentNotFound' })
    assert.deepEqual(await readdir(folder), [])
  })

  test('what is in the way is not touched', async () => {
    await write({ 'dir/stdout': 'mine' })
    const node = nodeWith({ QmA: { stdout: 'hi', more: '1' } })
    await assert.rejects(download(node, [{ source: 'QmA', target: at('dir') }], options), { code: 'Conflict' })
    await assert.rejects(download(node, [{ source: 'QmA', target: at('dir/stdout/x') }], options), { code: 'Conflict' })
    assert.deepEqual(await read(folder), { 'dir/': '', 'dir/stdout': 'mine' })
  })

  test('an empty answer is no content', async () => {
    const empty = { data: { get: async () => ReadableStream.from([new Uint8Array(1_024)]) } }
    await assert.rejects(download(empty, [{ source: 'QmA', target: at('dir') }], options), { code: 'ContentInvalid' })
    assert.deepEqual(await readdir(folder), [])
  })
})
