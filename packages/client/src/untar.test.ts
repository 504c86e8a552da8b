import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { packTar, type TarEntry } from 'modern-tar'
import { type FolderEntry, tarOf } from './tar.ts'
import { untar } from './untar.ts'

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

/** What comes out: files with their text, folders, and where links lead. */
async function read(bytes: Uint8Array, size = 512) {
  const found: [path: string, what: string][] = []
  for await (const entry of untar(inPieces(bytes, size))) {
    if (entry.kind === 'directory') found.push([entry.path, '/'])
    else if (entry.kind === 'symlink') found.push([entry.path, `-> ${entry.target}`])
    else found.push([entry.path, Buffer.concat(await Array.fromAsync(entry.content())).toString('latin1')])
  }
  return found
}

const file = (name: string, body: string): TarEntry => ({
  header: { name, size: Buffer.byteLength(body), type: 'file' },
  body,
})
const packed = async (entries: Iterable<FolderEntry>) =>
  Buffer.concat((await Array.fromAsync(tarOf(entries))) as Uint8Array[])

describe('reading an archive', () => {
  test('gives files, folders and links, however the bytes arrive', async () => {
    const long = `${'directory/'.repeat(30)}file`
    const archive = await packTar([
      file('./a', 'one'),
      { header: { name: 'sub/', size: 0, type: 'directory' } },
      { header: { name: 'sub/link', size: 0, type: 'symlink', linkname: '../a' } },
      file(long, 'deep'),
      file('empty', ''),
      file('large', 'x'.repeat(3_000)),
    ])
    const expected = [
      ['a', 'one'],
      ['sub', '/'],
      ['sub/link', '-> ../a'],
      [long, 'deep'],
      ['empty', ''],
      ['large', 'x'.repeat(3_000)],
    ]
    for (const size of [archive.length, 512, 100, 7]) assert.deepEqual(await read(archive, size), expected)
  })

  test('gives what was packed here, whatever the names', async () => {
    const path = fc.stringMatching(/^[^\0/.][^\0/]{0,150}(\/[^\0/.][^\0/]{0,150}){0,2}$/u)
    const entry = fc.record({ path, content: fc.uint8Array({ maxLength: 2_000 }) })
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { maxLength: 4 }), fc.integer({ min: 1, max: 2_000 }), async (entries, size) => {
        assert.deepEqual(
          await read(await packed(entries), size),
          entries.map(({ path, content }) => [path.toWellFormed(), Buffer.from(content).toString('latin1')]),
        )
      }),
      { numRuns: 50 },
    )
  })

  test('goes on when a content is not read', async () => {
    const paths: string[] = []
    const archive = await packed([
      { path: 'a', content: 'x'.repeat(5_000) },
      { path: 'b', content: 'y' },
    ])
    for await (const { path } of untar(inPieces(archive, 600))) paths.push(path)
    assert.deepEqual(paths, ['a', 'b'])
  })

  test('refuses what leads out, is damaged, or ends too early', async () => {
    const archive = await packed([{ path: 'a', content: 'x'.repeat(3_000) }])
    const broken = archive.slice()
    broken[0] = 0x7a
    for (const bytes of [
      await packTar([file('../evil', 'x')]),
      await packTar([file('/etc/evil', 'x')]),
      Buffer.alloc(600, 1),
      Buffer.from('no tar at all'),
      broken,
      archive.subarray(0, 2_000),
      archive.subarray(0, archive.length - 1_024),
    ]) {
      await assert.rejects(read(bytes), /the archive is damaged/)
    }
  })

  test('of any bytes ends', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 2_000 }), async (bytes) => {
        await read(bytes).catch((error: unknown) => assert.ok(error instanceof Error))
      }),
      { numRuns: 50 },
    )
  })
})
