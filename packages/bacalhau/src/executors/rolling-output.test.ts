import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { gapLine, joinSegments, RollingFile, segmentPath, segmentsOf } from './rolling-output.ts'

async function tempFile(t: TestContext): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'bacalhau-rolling-'))
  t.after(() => rm(folder, { recursive: true }))
  return path.join(folder, 'stdout')
}

const bytesIn = async (folder: string) => {
  const sizes = (await readdir(folder)).map(async (name) => (await stat(path.join(folder, name))).size)
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
}

describe('output that rolls', () => {
  test('keeps its beginning and its end within the space, and says what is missing', async (t) => {
    const folder = path.dirname(await tempFile(t))
    let run = 0
    const writes = fc.array(fc.string({ unit: 'binary-ascii', maxLength: 30 }), { maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(writes, fc.integer({ min: 8, max: 120 }), async (texts, limit) => {
        const own = path.join(folder, String((run += 1)))
        await mkdir(own)
        const file = path.join(own, 'stdout')
        const rolling = await RollingFile.create(file, limit)
        for (const text of texts) {
          const [bytes, half] = [Buffer.from(text, 'latin1'), text.length / 2]
          if (text.length % 2 === 0) await rolling.writeAll([bytes.subarray(0, half), bytes.subarray(half)])
          else await rolling.write(bytes)
          assert.ok((await bytesIn(own)) <= limit)
        }
        await rolling.close()
        const whole = texts.join('')
        const joined = await joinSegments(file)
        const kept = await readFile(file, 'latin1')
        assert.deepEqual(await readdir(own), ['stdout'])
        assert.equal(rolling.truncated, kept !== whole)
        if (!rolling.truncated) return
        assert.ok(joined !== undefined && whole.length > limit / 2)
        const head = whole.slice(0, Math.ceil(limit / 2))
        const lost = whole.length - head.length - (kept.length - head.length - gapLength(kept, head))
        assert.equal(kept, head + gapLine(lost).toString('latin1') + whole.slice(head.length + lost))
        // What is kept is found by the place that it had.
        assert.equal(kept.at(whole.length - 1 + joined.shift), whole.at(-1))
        assert.equal(kept.length, whole.length + joined.shift)
      }),
      { numRuns: 60 },
    )
  })

  test('is joined once; what does not roll stays as it is', async (t) => {
    const file = await tempFile(t)
    assert.equal(await joinSegments(file), undefined)
    await writeFile(file, 'plain')
    assert.equal(await joinSegments(file), undefined)
    await writeFile(segmentPath(file, 5), ' and more')
    assert.deepEqual(await joinSegments(file), { head: 5, shift: 0 })
    assert.equal(await joinSegments(file), undefined)
    assert.equal(await readFile(file, 'utf8'), 'plain and more')
  })

  test('takes for a segment only what is one', async (t) => {
    const file = await tempFile(t)
    await mkdir(`${file}.from-7`)
    await writeFile(`${file}.from-x`, '')
    await writeFile(`${file}.from-30`, '')
    await writeFile(`${file}.from-4`, '')
    assert.deepEqual(
      (await segmentsOf(file)).map(({ start }) => start),
      [4, 30],
    )
    assert.deepEqual(await segmentsOf('/nowhere/stdout'), [])
  })
})

/** Bytes of the line that says what is missing. */
function gapLength(kept: string, head: string): number {
  const line = /^\n\[.{3} \d+ bytes of output were dropped here .{3}\]\n/.exec(kept.slice(head.length))?.[0]
  assert.ok(line !== undefined)
  return line.length
}
