import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { unpackTar } from 'modern-tar'
import { padding, tarEnd, tarHeader } from './tar-header.ts'

const archive = (...parts: readonly Uint8Array[]): Uint8Array => Buffer.concat([...parts, tarEnd()])

describe('headers of tar archives', () => {
  test('are read by another program as they were written', async () => {
    const names = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 300 })
      .filter((name) => !/[/\0]/.test(name.normalize()))
    await fc.assert(
      fc.asyncProperty(names, fc.uint8Array({ maxLength: 2_000 }), async (name, data) => {
        // A name of dots and the like is a reader's business.
        const path = `folder/x${name.toWellFormed()}y`
        const head = tarHeader({ name: path, type: 'file', size: data.length })
        const [entry] = await unpackTar(archive(head, data, padding(data.length)))
        assert.equal(entry?.header.name, path)
        assert.deepEqual([entry.header.size, Buffer.from(entry.data ?? [])], [data.length, Buffer.from(data)])
      }),
      { numRuns: 50 },
    )
  })

  test('tell files, folders and links apart, however long', async () => {
    const long = 'ä'.repeat(120)
    const entries = await unpackTar(
      archive(
        tarHeader({ name: `${long}/`, type: 'folder', size: 0 }),
        tarHeader({ name: 'link', type: 'link', size: 0, target: `${long}/${long}` }),
        tarHeader({ name: 'short', type: 'link', size: 0, target: 'link' }),
      ),
    )
    assert.deepEqual(
      entries.map(({ header }) => [header.name, header.type, header.linkname || '']),
      [
        [`${long}/`, 'directory', ''],
        ['link', 'symlink', `${long}/${long}`],
        ['short', 'symlink', 'link'],
      ],
    )
  })

  test('have room for any size', () => {
    const header = tarHeader({ name: 'x', type: 'file', size: 2 ** 40 })
    assert.match(header.toString('latin1'), /22 size=1099511627776\n/)
    assert.equal(header.length % 512, 0)
  })

  test('count their own length where that makes it longer', () => {
    for (const length of [87, 88, 89, 90, 91, 985, 986, 987, 988, 989, 990]) {
      const text = tarHeader({ name: 'x'.repeat(length + 100), type: 'file', size: 0 }).toString('latin1')
      const [record = '', told] = /(\d+) path=x+\n/.exec(text) ?? []
      assert.equal(record.length, Number(told))
    }
  })
})
