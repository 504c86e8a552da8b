import assert from 'node:assert/strict'
import { open, readFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { temporaryFolder } from './testing/temporary.ts'
import { createWriteBehind } from './write-behind.ts'

describe('writing behind', () => {
  test('writes all of it, in order', async (context) => {
    const folder = await temporaryFolder(context)
    let round = 0
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(0, 1, 7, 300_000, 1_100_000), { maxLength: 12 }), async (lengths) => {
        const file = path.join(folder, String((round += 1)))
        const handle = await open(file, 'wx')
        const writing = createWriteBehind(handle)
        const chunks = lengths.map((length, index) => Buffer.alloc(length, index + 1))
        for (const chunk of chunks) await writing.add(chunk)
        await writing.finish()
        await handle.close()
        assert.equal(Buffer.compare(await readFile(file), Buffer.concat(chunks)), 0)
      }),
      { numRuns: 20 },
    )
  })

  test('goes on after a write that took only a part', async (context) => {
    const file = path.join(await temporaryFolder(context), 'file')
    const handle = await open(file, 'wx')
    const writev = ([first, second]: readonly Uint8Array[]) =>
      handle.writev([first ?? new Uint8Array(), second?.subarray(0, 2) ?? new Uint8Array()])
    const writing = createWriteBehind({ writev, appendFile: (bytes) => handle.appendFile(bytes) })
    for (const text of ['abc', 'defg', 'hi']) await writing.add(Buffer.from(text))
    await writing.finish()
    await handle.close()
    assert.equal(await readFile(file, 'utf8'), 'abcdefghi')
  })

  test('tells of a failure at the next piece, and at the end', async () => {
    const full = () => Promise.reject(new Error('no space'))
    const piece = Buffer.alloc(1024 * 1024)
    const writing = createWriteBehind({ writev: full, appendFile: full })
    await writing.add(piece)
    await assert.rejects(writing.add(piece), /no space/)
    await assert.rejects(writing.finish(), /no space/)
  })
})
