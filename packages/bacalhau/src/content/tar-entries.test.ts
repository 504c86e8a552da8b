import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { packTar, type TarEntry, type TarHeader } from 'modern-tar'
import { tarEntries } from './tar-entries.ts'

async function* inPieces(bytes: Uint8Array, size = bytes.length): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

/** What comes out, with the contents read. */
async function read(bytes: Uint8Array, size?: number) {
  const found: [path: string, what: string][] = []
  for await (const { path, content, link } of tarEntries(inPieces(bytes, size))) {
    if (link !== undefined) found.push([path, `-> ${link}`])
    else if (content === undefined) found.push([path, 'folder'])
    else found.push([path, Buffer.concat(await Array.fromAsync(content)).toString()])
  }
  return found
}

const file = (name: string, body: string, header: Partial<TarHeader> = {}): TarEntry => ({
  header: { name, size: Buffer.byteLength(body), type: 'file', ...header },
  body,
})
const bodyless = (name: string, type: NonNullable<TarHeader['type']>, linkname?: string): TarEntry => ({
  header: { name, size: 0, type, ...(linkname === undefined ? {} : { linkname }) },
})

describe('tar upload', () => {
  test('gives files, folders and links, however the bytes arrive', async () => {
    const long = `${'directory/'.repeat(30)}file`
    const archive = await packTar([
      file('./a.txt', 'hello'),
      bodyless('sub/', 'directory'),
      file('sub/b', 'x'.repeat(2_000)),
      file('sub/empty', ''),
      bodyless('./sub/link', 'symlink', '../a.txt'),
      file(long, 'deep'),
      file('näme', 'utf-8'),
    ])
    const expected = [
      ['./a.txt', 'hello'],
      ['sub/', 'folder'],
      ['sub/b', 'x'.repeat(2_000)],
      ['sub/empty', ''],
      ['./sub/link', '-> ../a.txt'],
      [long, 'deep'],
      ['näme', 'utf-8'],
    ]
    for (const size of [archive.length, 512, 100, 7]) assert.deepEqual(await read(archive, size), expected)
  })

  test('goes on when a content is not read', async () => {
    const archive = await packTar([file('a', 'x'.repeat(5_000)), file('b', 'y')])
    const paths: string[] = []
    for await (const { path } of tarEntries(inPieces(archive, 600))) paths.push(path)
    assert.deepEqual(paths, ['a', 'b'])
  })

  const REFUSED: readonly [name: string, entry: TarEntry, message: RegExp][] = [
    ['a link to an absolute path', bodyless('a', 'symlink', '/etc'), /leads out/],
    ['a link out', bodyless('a/b', 'symlink', '../../x'), /leads out/],
    ['a link out that hides its depth', bodyless('./././a', 'symlink', '../x'), /leads out/],
    ['a link out that hides its depth further in', bodyless('a/././/b', 'symlink', '../../x'), /leads out/],
    ['a link out and in again', bodyless('a', 'symlink', '../a'), /leads out/],
    ['a link to nothing', bodyless('a', 'symlink', ''), /leads out/],
    ['an endless path', file('a/'.repeat(1_000_000), 'x'), /too long a path/],
    ['a hard link', bodyless('a', 'link', 'b'), /of the kind 'link'/],
    ['a device', bodyless('a', 'character-device'), /of the kind 'character-device'/],
    ['a pipe', bodyless('a', 'fifo'), /of the kind 'fifo'/],
  ]
  for (const [name, entry, message] of REFUSED) {
    test(`refuses ${name}`, async () => {
      const archive = await packTar([file('fine', 'x'), entry])
      await assert.rejects(read(archive), { code: 'BadRequest', message })
    })
  }

  test('refuses what is no archive, and what breaks off', async () => {
    const archive = await packTar([file('a', 'x'.repeat(3_000))])
    const broken = archive.slice()
    broken[0] = 0x7a
    const cases = [Buffer.from('no tar at all'), Buffer.alloc(600, 1), broken, archive.subarray(0, 2_000)]
    for (const bytes of cases) {
      await assert.rejects(read(bytes), { code: 'BadRequest', message: /the archive cannot be read/ })
    }
  })

  test('passes on why the bytes broke off', async () => {
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(100)
      throw new Error('the caller hung up')
    }
    await assert.rejects(Array.fromAsync(tarEntries(failing())), /the caller hung up/)
  })
})
