import assert from 'node:assert/strict'
import { appendFile, mkdir, rm, writeFile } from 'node:fs/promises'
import { describe, type TestContext, test } from 'node:test'
import fc from 'fast-check'
import type { LogChunk } from '../link/logs.ts'
import { RollingFile } from '../executors/rolling-output.ts'
import { type ExecutionFolder, executionFolder, joinOutput } from './execution-folder.ts'
import { OWNER, tempFolder } from './fixtures/bench.ts'
import { finishedLog, OutputLog, readOutput } from './output-log.ts'

const never = () => new AbortController().signal
const FOLLOW = { follow: true, tail: false }
const ONCE = { follow: false, tail: false }
const turn = () => new Promise((resolve) => setImmediate(resolve))

async function freshFolder(base: string, id: string): Promise<ExecutionFolder> {
  const folder = executionFolder(base, { orchestrator: OWNER, executionId: id })
  await mkdir(folder.results, { recursive: true })
  return folder
}
const one = async (t: TestContext) => freshFolder(await tempFolder(t), 'e-1')

async function read(chunks: AsyncIterable<LogChunk>): Promise<{ stdout: string; stderr: string }> {
  const text = { stdout: '', stderr: '' }
  for await (const { stream, bytes } of chunks) text[stream] += Buffer.from(bytes).toString('latin1')
  return text
}

describe('the output of an execution', () => {
  test('point 29: reaches every follower once, whole and in order, whenever it joins and however it is written', async (t) => {
    const base = await tempFolder(t)
    let run = 0
    const step = fc.oneof(
      fc.record({
        stream: fc.constantFrom('stdout' as const, 'stderr' as const),
        text: fc.string({ unit: 'binary-ascii' }),
      }),
      fc.record({ join: fc.constantFrom('follow' as const, 'tail' as const) }),
      fc.constant('pause' as const),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const folder = await freshFolder(base, `e-${run++}`)
        const log = new OutputLog()
        const written = { stdout: '', stderr: '' }
        const readers: { from: typeof written; reading: Promise<typeof written> }[] = []
        for (const action of steps) {
          if (action === 'pause') await turn()
          else if ('join' in action) {
            const chunks = readOutput(folder, log, { follow: true, tail: action.join === 'tail' }, never())
            // A tail begins where the files end when its reader first asks; so nothing may be written in that moment.
            const first = chunks.next()
            if (action.join === 'tail') while (log.waiting <= readers.length) await turn()
            const reading = first.then(async (result) => {
              const rest = await read(chunks)
              if (result.done === true) return rest
              const { stream, bytes } = result.value
              return { ...rest, [stream]: Buffer.from(bytes).toString('latin1') + rest[stream] }
            })
            readers.push({ from: action.join === 'tail' ? { ...written } : { stdout: '', stderr: '' }, reading })
          } else {
            await appendFile(folder[action.stream], action.text, 'latin1')
            written[action.stream] += action.text
            log.notify()
          }
        }
        log.finish()
        for (const { from, reading } of readers) {
          const seen = await reading
          assert.deepEqual({ stdout: from.stdout + seen.stdout, stderr: from.stderr + seen.stderr }, written)
        }
        assert.deepEqual(await read(readOutput(folder, log, ONCE, never())), written)
      }),
      { numRuns: 40 },
    )
  })

  test('is read in bounded chunks, however large it is', async (t) => {
    const folder = await one(t)
    await writeFile(folder.stdout, Buffer.alloc(1_000_000, 'x'))
    let bytes = 0
    for await (const chunk of readOutput(folder, finishedLog(), ONCE, never())) {
      assert.ok(chunk.bytes.length <= 64 * 1024)
      bytes += chunk.bytes.length
    }
    assert.equal(bytes, 1_000_000)
  })

  test('keeps what was handed out, whatever is read later', async (t) => {
    const folder = await one(t)
    await writeFile(folder.stdout, Buffer.concat([Buffer.alloc(65_536, 'a'), Buffer.alloc(65_536, 'b')]))
    const chunks = await Array.fromAsync(readOutput(folder, finishedLog(), ONCE, never()))
    assert.deepEqual(
      chunks.map(({ bytes }) => String.fromCharCode(bytes[0] ?? 0)),
      ['a', 'b'],
    )
  })

  test('without following ends with what is there', async (t) => {
    const folder = await one(t)
    const log = new OutputLog()
    assert.deepEqual(await read(readOutput(folder, log, ONCE, never())), { stdout: '', stderr: '' })
    await writeFile(folder.stderr, 'half')
    assert.deepEqual(await read(readOutput(folder, log, ONCE, never())), { stdout: '', stderr: 'half' })
    assert.equal(log.waiting, 0)
  })

  test('the tail of what has ended is empty', async (t) => {
    const folder = await one(t)
    await writeFile(folder.stdout, 'all of it')
    assert.deepEqual(await read(readOutput(folder, finishedLog(), { follow: true, tail: true }, never())), {
      stdout: '',
      stderr: '',
    })
  })

  test('point 29: ends with as many lines as are wanted, however long they are and however the last one ends', async (t) => {
    const base = await tempFolder(t)
    let run = 0
    const line = fc.oneof(
      { weight: 5, arbitrary: fc.stringMatching(/^[a-z]{0,6}$/) },
      { weight: 1, arbitrary: fc.integer({ min: 65_000, max: 70_000 }).map((length) => 'x'.repeat(length)) },
    )
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 8 }), fc.boolean(), fc.nat(10), async (lines, open, wanted) => {
        const folder = await freshFolder(base, `l-${run++}`)
        const whole = lines.map((text) => `${text}\n`)
        if (open) whole.push('unfinished')
        await writeFile(folder.stdout, whole.join(''))
        const seen = await read(readOutput(folder, finishedLog(), { ...ONCE, lines: wanted }, never()))
        assert.equal(seen.stdout, wanted === 0 ? '' : whole.slice(-wanted).join(''))
      }),
      { numRuns: 40 },
    )
  })

  test('begins at a byte of each stream, and goes on from there', async (t) => {
    const folder = await one(t)
    await writeFile(folder.stdout, '0123456789')
    await writeFile(folder.stderr, 'abc')
    const log = new OutputLog()
    const offset = { stdout: 7, stderr: 100 }
    const chunks = readOutput(folder, log, { ...FOLLOW, offset }, never())
    const { value } = await chunks.next()
    assert.deepEqual([value?.stream, Buffer.from(value?.bytes ?? []).toString()], ['stdout', '789'])
    await appendFile(folder.stderr, '.'.repeat(97) + 'new')
    log.finish()
    assert.deepEqual(await read(chunks), { stdout: '', stderr: 'new' })
    const last = { ...ONCE, lines: 1, offset }
    assert.equal((await read(readOutput(folder, log, last, never()))).stdout, '789')
  })

  test('of an execution whose files were removed is empty, not an error', async (t) => {
    const folder = await one(t)
    await rm(folder.root, { recursive: true })
    assert.deepEqual(await read(readOutput(folder, finishedLog(), FOLLOW, never())), { stdout: '', stderr: '' })
  })

  test('goes on for who reads it while the files are removed', async (t) => {
    const folder = await one(t)
    await writeFile(folder.stdout, 'before')
    const log = new OutputLog()
    const chunks = readOutput(folder, log, FOLLOW, never())
    const { value } = await chunks.next()
    assert.equal(Buffer.from(value?.bytes ?? []).toString(), 'before')
    await rm(folder.root, { recursive: true })
    log.finish()
    assert.deepEqual(await read(chunks), { stdout: '', stderr: '' })
  })
})

describe('a reader that leaves', () => {
  test('by its signal gets the reason, and nothing of it stays behind', async (t) => {
    const folder = await one(t)
    const log = new OutputLog()
    const abort = new AbortController()
    const reading = read(readOutput(folder, log, FOLLOW, abort.signal))
    while (log.waiting === 0) await turn()
    abort.abort(new Error('enough'))
    await assert.rejects(reading, /enough/)
    assert.equal(log.waiting, 0)
    await assert.rejects(read(readOutput(folder, log, ONCE, AbortSignal.abort(new Error('too late')))), /too late/)
  })

  test('in the middle of a chunk leaves nothing behind either', async (t) => {
    const folder = await one(t)
    await writeFile(folder.stdout, 'x')
    const log = new OutputLog()
    for await (const _ of readOutput(folder, log, FOLLOW, never())) break
    assert.equal(log.waiting, 0)
  })
})

describe('output that rolls', () => {
  const LIMIT = 160
  const line = (index: number) => `line ${String(index).padStart(4)}\n`

  /** A stream that is written line by line. */
  async function rolling(t: TestContext) {
    const folder = await one(t)
    const log = new OutputLog()
    const file = await RollingFile.create(folder.stdout, LIMIT)
    let lines = 0
    const write = async (count: number) => {
      for (let index = 0; index < count; index++) await file.write(Buffer.from(line((lines += 1))))
      log.notify()
    }
    const end = async () => {
      await file.close()
      log.join(await joinOutput(folder))
    }
    return { folder, log, write, end }
  }

  test('reaches a follower that keeps up whole, also over the end', async (t) => {
    const { folder, log, write, end } = await rolling(t)
    const reading = read(readOutput(folder, log, FOLLOW, never()))
    let expected = ''
    for (let index = 1; index <= 60; index++) {
      await write(1)
      expected += line(index)
      while (log.waiting === 0) await turn()
    }
    await end()
    log.finish()
    assert.equal((await reading).stdout, expected)
  })

  test('tells who comes late what is missing, the same while it runs and after its end', async (t) => {
    const { folder, log, write, end } = await rolling(t)
    await write(100)
    const during = (await read(readOutput(folder, log, ONCE, never()))).stdout
    assert.match(during, /^line {4}1\n.*dropped here.*line {2}100\n$/s)
    assert.ok(during.length < LIMIT + 60)
    await end()
    assert.equal((await read(readOutput(folder, log, ONCE, never()))).stdout, during)
  })

  test('goes on, after the end, for who was in the middle of it', async (t) => {
    const { folder, log, write, end } = await rolling(t)
    await write(14)
    const chunks = readOutput(folder, log, FOLLOW, never())
    let seen = ''
    while (!seen.includes(line(14))) seen += Buffer.from((await chunks.next()).value?.bytes ?? []).toString('latin1')
    // Its segment is dropped meanwhile.
    await write(86)
    await end()
    log.finish()
    seen += (await read(chunks)).stdout
    assert.match(seen, /^line {4}1\n(.*\n)line {3}14\n.*dropped here.*line {2}100\n$/s)
    assert.equal(seen.split(line(14)).length, 2)
    assert.equal(seen.split(line(100)).length, 2)
  })

  test('ends with as many lines as are wanted, as far as they were kept', async (t) => {
    const { folder, log, write } = await rolling(t)
    await write(100)
    const last = async (lines: number) => (await read(readOutput(folder, log, { ...ONCE, lines }, never()))).stdout
    assert.equal(await last(0), '')
    assert.equal(await last(1), line(100))
    assert.equal(await last(5), [96, 97, 98, 99, 100].map(line).join(''))
    const most = await last(50)
    assert.ok(most.endsWith(line(100)) && most.length <= LIMIT / 2 && most.length > LIMIT / 4)
  })

  test('is found by the place that it had, and what was dropped is said', async (t) => {
    const { folder, log, write } = await rolling(t)
    await write(100)
    const from = async (stdout: number) =>
      (await read(readOutput(folder, log, { ...ONCE, offset: { stdout, stderr: 0 } }, never()))).stdout
    assert.equal(await from(990), line(100))
    assert.match(await from(300), /^\n\[.* bytes of output were dropped here .*line {2}100\n$/s)
    assert.equal(await from(5_000), '')
  })
})
