import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { afterEach, beforeEach, describe, test } from 'node:test'
import fc from 'fast-check'
import { unpackTar } from 'modern-tar/fs'
import { createVirtualClock } from '../../runtime/virtual-clock.ts'
import { readTree } from '../fixtures/read-tree.ts'
import { recordedIo } from '../fixtures/recorded-io.ts'
import { terminalPicture } from '../fixtures/terminal-picture.ts'
import { createProgress } from '../terminal/progress.ts'
import { styleFor } from '../terminal/style.ts'
import { displayWidth } from '../terminal/width.ts'
import { mergeInto } from './merge.ts'
import { measure, packFolder } from '../../content/pack-folder.ts'
import { createMeter, meterText } from './meter.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'transfer-'))
})
afterEach(() => rm(folder, { recursive: true }))

const at = (...parts: string[]) => path.join(folder, ...parts)

/** Writes files below the test's folder; a name that ends in a slash is a folder. */
async function write(files: Record<string, string>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(path.dirname(at(name)), { recursive: true })
    if (name.endsWith('/')) await mkdir(at(name), { recursive: true })
    else await writeFile(at(name), content)
  }
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
    const archive = await collect(packFolder(at('src'), { onBytes: (count) => (bytes += count) }))
    await mkdir(at('out'))
    await pipeline(Readable.from(chunksOf(archive, 1_000)), unpackTar(at('out')))
    assert.deepEqual(await readTree(at('out')), await readTree(at('src')))
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
    await pipeline(Readable.from(packFolder(at('src'))), unpackTar(at('out')))
    assert.deepEqual(await readTree(at('out')), await readTree(at('src')))
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

describe('the meter', () => {
  const moment = { what: 'fetching QmA', done: 45e6, total: 120e6, speed: 12e6 }

  test('shows as much as there is room for', () => {
    assert.equal(meterText(moment, 80), 'fetching QmA ███████████▎░░░░░░░░░░░░░░░░░░ 37 % of 120 MB, 12 MB/s, 7s left')
    assert.equal(meterText(moment, 57), 'fetching QmA ████▏░░░░░░ 37 % of 120 MB, 12 MB/s, 7s left')
    assert.equal(meterText(moment, 40), 'fetching QmA: 37 % of 120 MB, 12 MB/s, 7s left')
    assert.equal(meterText({ ...moment, total: undefined }, 80), 'fetching QmA: 45 MB, 12 MB/s')
    assert.equal(
      meterText({ ...moment, done: 130e6 }, 60),
      'fetching QmA ██████████████████████ 100 % of 120 MB, 12 MB/s',
    )
    assert.equal(meterText({ ...moment, done: 0, speed: 0 }, 40), 'fetching QmA ░░░░░░░░░░░░░ 0 % of 120 MB')
  })

  test('never takes more than its columns when there is a bar', () => {
    const numbers = fc.record({ done: fc.nat(), total: fc.nat(), speed: fc.nat() })
    fc.assert(
      fc.property(numbers, fc.integer({ min: 60, max: 200 }), (moment, columns) => {
        assert.ok(displayWidth(meterText({ what: 'fetching', ...moment }, columns)) <= columns)
      }),
    )
  })

  test('says one line where nothing moves, and none of what is small', async () => {
    const clock = createVirtualClock()
    for (const [total, known, expected] of [
      [100e6, 0, 'up (100 MB)\n'],
      [100e6, 2e6, 'up (100 MB), going on after 2 MB that are there already\n'],
      [100, 0, ''],
    ] as const) {
      const io = recordedIo()
      const progress = createProgress(io.err, styleFor(io.err, {}), clock)
      const meter = createMeter({ what: 'up', total, progress, clock })
      await meter.start(known)
      for (let count = 0; count < 10; count++) meter.add(1_000_000)
      assert.equal(io.errText(), expected)
    }
  })

  test('moves on a terminal, and what was there before does not count for the speed', async () => {
    const clock = createVirtualClock()
    const io = recordedIo({ terminal: 70 })
    const progress = createProgress(io.err, styleFor(io.err, { NO_COLOR: '1' }), clock)
    const meter = createMeter({ what: 'up', total: 100e6, progress, clock })
    await meter.start(50e6)
    meter.add(10e6)
    await clock.advance(1_000)
    assert.match(
      terminalPicture(io.errText(), 70).join('\n'),
      /^. up [█▉▊▋▌▍▎▏░]{30} 60 % of 100 MB, 10 MB\/s, 4s left$/,
    )
    await progress.clear()
  })
})

describe('merging', () => {
  test('moves what is not there', async () => {
    await write({ 'from/a': '1', 'from/sub/b': '2' })
    await mergeInto(at('from'), at('new/place'))
    assert.deepEqual(await readTree(at('new/place')), { a: '1', 'sub/': '', 'sub/b': '2' })
  })

  test('leaves equal files alone and adds the others', async () => {
    await write({ 'from/a': '1', 'from/sub/b': '2', 'to/a': '1', 'to/sub/c': '3' })
    await mergeInto(at('from'), at('to'))
    assert.deepEqual(await readTree(at('to')), { a: '1', 'sub/': '', 'sub/b': '2', 'sub/c': '3' })
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
      const before = await readTree(folder)
      await assert.rejects(mergeInto(at('from'), at('to')), {
        code: 'Conflict',
        message: /exists already and is different/,
      })
      assert.deepEqual(await readTree(folder), before)
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
