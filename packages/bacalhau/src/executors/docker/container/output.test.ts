import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { joinSegments } from '../../rolling-output.ts'
import { FrameDecoder, openOutput } from './output.ts'

function frame(kind: number, bytes: Uint8Array): Buffer {
  const header = Buffer.alloc(8)
  header[0] = kind
  header.writeUInt32BE(bytes.length, 4)
  return Buffer.concat([header, bytes])
}

describe('frames of output', () => {
  test('give each stream back in order, however they are cut', () => {
    const frames = fc.array(fc.record({ kind: fc.constantFrom(1, 2), bytes: fc.uint8Array({ maxLength: 40 }) }))
    fc.assert(
      fc.property(frames, fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }), (list, cuts) => {
        const whole = Buffer.concat(list.map(({ kind, bytes }) => frame(kind, bytes)))
        const decoder = new FrameDecoder()
        const got = { stdout: '', stderr: '' }
        for (let at = 0, turn = 0; at < whole.length; turn += 1) {
          const end = at + (cuts[turn % cuts.length] ?? 1)
          for (const { stream, bytes } of decoder.decode(whole.subarray(at, end)))
            got[stream] += bytes.toString('latin1')
          at = end
        }
        const expected = (wanted: number) =>
          list
            .filter(({ kind }) => kind === wanted)
            .map(({ bytes }) => Buffer.from(bytes).toString('latin1'))
            .join('')
        assert.deepEqual(got, { stdout: expected(1), stderr: expected(2) })
      }),
    )
  })

  test('that are none are refused', () => {
    assert.throws(() => new FrameDecoder().decode(Buffer.from('plain text')), /not in its format/)
    assert.throws(() => new FrameDecoder().decode(frame(3, Buffer.from('x'))), /not in its format/)
  })
})

describe('the output files', () => {
  test('keep the beginning and the newest of each stream, however much comes', async (t) => {
    const folder = await mkdtemp(path.join(tmpdir(), 'output-'))
    t.after(() => rm(folder, { recursive: true }))
    const [stdoutPath, stderrPath] = [path.join(folder, 'out'), path.join(folder, 'err')]
    const sink = await openOutput({ stdoutPath, stderrPath, limit: 80 })
    let told = 0
    const source = async function* () {
      for (let line = 1; line <= 100; line += 1) yield frame(1, Buffer.from(`line ${String(line).padStart(4)}\n`))
      yield frame(2, Buffer.from('short'))
    }
    await sink.follow(source(), () => (told += 1))
    await sink.close()
    assert.ok(told > 0 && told <= 101)
    assert.equal(sink.truncated, true)
    await joinSegments(stdoutPath)
    const kept = await readFile(stdoutPath, 'utf8')
    assert.match(kept, /^line {4}1\nline {4}2\n.*\n\[… \d+ bytes of output were dropped here …\]\n.*\nline {2}100\n$/s)
    assert.equal(await readFile(stderrPath, 'utf8'), 'short')
    assert.deepEqual((await readdir(folder)).toSorted(), ['err', 'out'])
  })

  test('have all that came when it breaks off, and what cannot be written is told', async (t) => {
    const folder = await mkdtemp(path.join(tmpdir(), 'output-'))
    t.after(() => rm(folder, { recursive: true }))
    const [stdoutPath, stderrPath] = [path.join(folder, 'out'), path.join(folder, 'err')]
    const broken = async function* () {
      for (let line = 0; line < 3; line += 1) yield frame(1, Buffer.alloc(700_000, String(line)))
      throw new Error('cut')
    }
    const sink = await openOutput({ stdoutPath, stderrPath, limit: 10_000_000 })
    await assert.rejects(
      sink.follow(broken(), () => undefined),
      /cut/,
    )
    await sink.close()
    assert.equal((await readFile(stdoutPath)).length, 2_100_000)
    const closed = await openOutput({ stdoutPath, stderrPath, limit: 100 })
    await closed.close()
    await assert.rejects(
      closed.follow(broken(), () => undefined),
      { code: 'EBADF' },
    )
  })
})
