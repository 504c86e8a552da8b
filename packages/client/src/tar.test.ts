import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { unpackTar } from 'modern-tar'
import { type FolderEntry, tarOf } from './tar.ts'

const pack = async (entries: Iterable<FolderEntry>) => {
  const parts: Uint8Array[] = []
  for await (const part of tarOf(entries)) parts.push(part instanceof Blob ? await part.bytes() : part)
  return Buffer.concat(parts)
}

describe('an archive', () => {
  test('holds what was put in, under names of any length and script', async () => {
    const path = fc.stringMatching(/^[^\0/.][^\0/]{0,150}(\/[^\0/.][^\0/]{0,150}){0,2}$/u)
    const content = fc.oneof(
      fc.string(),
      fc.uint8Array({ maxLength: 2_000 }),
      fc.uint8Array({ maxLength: 2_000 }).map((bytes) => new Blob([bytes])),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(fc.record({ path, content }), { maxLength: 4 }), async (entries) => {
        const archive = await pack(entries)
        assert.equal(archive.length % 512, 0)
        const found = await unpackTar(archive)
        assert.deepEqual(
          found.map(({ header }) => header.name),
          entries.map(({ path }) => path.toWellFormed()),
        )
        for (const [index, { content }] of entries.entries()) {
          const bytes = await new Blob([content]).bytes()
          assert.deepEqual(Buffer.from(found[index]?.data ?? []), Buffer.from(bytes))
        }
      }),
      { numRuns: 50 },
    )
  })

  test('does not hold a stream that is longer or shorter than was said', async () => {
    for (const size of [2, 4]) {
      const content = ReadableStream.from([new Uint8Array(3)])
      await assert.rejects(pack([{ path: 'a', content, size }]), {
        name: 'TypeError',
        message: /a is not the \d bytes/,
      })
    }
    const exact = await unpackTar(
      await pack([{ path: 'a', content: ReadableStream.from([new Uint8Array(3)]), size: 3 }]),
    )
    assert.equal(exact[0]?.data?.length, 3)
  })

  test('says sizes that have no room in the older header', async () => {
    // Only the header is looked at: nobody sends eight gigabytes here.
    const huge = 8 ** 11 + 5
    const archive = tarOf([{ path: 'huge', content: ReadableStream.from([]), size: huge }])
    const { value } = await archive.next()
    assert.match(Buffer.from(value as Uint8Array).toString('latin1'), new RegExp(`\\d+ size=${huge}\n`))
  })
})
