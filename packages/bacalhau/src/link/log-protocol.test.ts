import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { frames } from '../network/frames.ts'
import { memoryStreamPair } from '../network/fixtures/memory-stream.ts'
import { BacalhauError, isBacalhauError } from '../runtime/error.ts'
import { LIMITS } from '../runtime/limits.ts'
import { answerLogs, askForLogs, type LogRequest } from './log-protocol.ts'
import type { LogChunk, LogOptions, LogReader } from './logs.ts'

const REQUEST: LogRequest = { executionId: 'e-1', follow: false, tail: false }
const never = () => new AbortController().signal
const chunk = (stream: LogChunk['stream'], text: string): LogChunk => ({ stream, bytes: Buffer.from(text) })

/** Asks a node whose output `reader` has. `served` settles when the answering side is done. */
function ask(reader: LogReader, request = REQUEST, signal = never()) {
  const [near, far] = memoryStreamPair('QmOrchestrator', 'QmNode')
  return { served: answerLogs(far, reader), chunks: askForLogs(near, request, signal), near, far }
}

const read = async (chunks: AsyncIterable<LogChunk>) => {
  const text = { stdout: '', stderr: '' }
  for await (const { stream, bytes } of chunks) text[stream] += Buffer.from(bytes).toString('latin1')
  return text
}
const failsWith = (code: string, text: RegExp) => (error: unknown) =>
  isBacalhauError(error) && error.code === code && text.test(error.message)

describe('output over a stream', () => {
  test('point 29: any chunks come through whole and in the order of their stream', async () => {
    const some = fc.record({
      stream: fc.constantFrom('stdout' as const, 'stderr' as const),
      bytes: fc.uint8Array({ maxLength: 300 }),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(some, { maxLength: 20 }), async (chunks) => {
        const { served, chunks: arrived } = ask(async function* () {
          yield* chunks
        })
        const expected = { stdout: '', stderr: '' }
        for (const { stream, bytes } of chunks) expected[stream] += Buffer.from(bytes).toString('latin1')
        assert.deepEqual(await read(arrived), expected)
        await served
      }),
      { numRuns: 50 },
    )
  })

  test('a chunk larger than a frame is cut and arrives whole', async () => {
    const bytes = Buffer.alloc(LIMITS.frame * 2 + 17, 'x')
    const { chunks } = ask(async function* () {
      yield { stream: 'stdout', bytes }
    })
    assert.equal((await read(chunks)).stdout.length, bytes.length)
  })

  test('the reader of the node learns what is asked for, and by whom', async () => {
    const seen: [string, LogOptions][] = []
    const part = { follow: true, tail: true, lines: 3, offset: { stdout: 1, stderr: 2 } }
    const request = { executionId: 'e-7', ...part }
    const { chunks } = ask(async function* (executionId, options) {
      seen.push([executionId, options])
      yield chunk('stdout', '')
    }, request)
    await read(chunks)
    assert.deepEqual(seen, [['e-7', { ...part, reader: 'QmOrchestrator' }]])
  })

  test('a slow reader slows the node down', async () => {
    let produced = 0
    const { chunks } = ask(async function* () {
      for (; produced < 100; produced++) yield { stream: 'stdout', bytes: Buffer.alloc(LIMITS.frame / 2) }
    })
    await chunks.next()
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
    assert.ok(produced < 10, `${produced} chunks`)
    await chunks.return(undefined)
  })
})

describe('when the log cannot be read', () => {
  test('the words of the node are told, those of a fault of its program are not', async () => {
    const refusing = ask(() => {
      throw new BacalhauError('NotFound', 'this node holds no output of execution e-1')
    })
    await assert.rejects(read(refusing.chunks), failsWith('NotFound', /holds no output of execution e-1/))
    const faulty = ask(async function* () {
      yield chunk('stdout', 'some')
      throw new Error('/home/node/secret: permission denied')
    })
    await assert.rejects(read(faulty.chunks), failsWith('NotFound', /^the log cannot be read$/))
    await Promise.all([refusing.served, faulty.served])
  })

  test('a node that leaves in good order before the end is not taken for the end', async () => {
    const [near, far] = memoryStreamPair('QmOrchestrator', 'QmNode')
    const chunks = askForLogs(near, REQUEST, never())
    await frames(far).send(Uint8Array.of(1, 120))
    await far.close()
    assert.deepEqual(await chunks.next(), { value: { stream: 'stdout', bytes: Buffer.from('x') }, done: false })
    await assert.rejects(chunks.next(), failsWith('PeerUnreachable', /QmNode went away/))
  })

  test('requests that are none get an answer, not a crash', async () => {
    for (const request of ['', 'no JSON', '{}', '{"executionId":"","follow":true,"tail":true}', '[1]']) {
      const [near, far] = memoryStreamPair()
      const served = answerLogs(far, () => assert.fail('must not be read'))
      const asking = frames(near)
      await asking.send(Buffer.from(request))
      const { value } = await asking.receive().next()
      assert.equal(value?.[0], 0)
      await served
    }
  })

  test('a request that is going to be long is not waited for', async () => {
    const [near, far] = memoryStreamPair('QmOrchestrator', 'QmNode')
    const served = answerLogs(far, () => assert.fail('nothing is asked for'))
    const head = Buffer.alloc(4)
    head.writeUInt32BE(LIMITS.frame)
    await near.send(head)
    await assert.rejects(served, { code: 'PayloadTooLarge' })
  })

  test('a peer that closes without asking gets an answer as well', async () => {
    const [near, far] = memoryStreamPair()
    await near.close()
    await answerLogs(far, () => assert.fail('must not be read'))
  })
})

describe('when the asking side leaves', () => {
  /** Output that never ends, and whether the node has stopped producing it. */
  function endless() {
    const { promise: stopped, resolve } = Promise.withResolvers<void>()
    const reader: LogReader = async function* (_, __, signal) {
      yield chunk('stdout', 'first')
      await new Promise<void>((wake) => signal.addEventListener('abort', () => wake(), { once: true }))
      resolve()
    }
    return { reader, stopped }
  }

  test('by leaving its loop, the node stops following', async () => {
    const { reader, stopped } = endless()
    const { chunks, served } = ask(reader, { ...REQUEST, follow: true })
    for await (const _ of chunks) break
    await stopped
    await served.catch(() => undefined)
  })

  test('by its signal, its own read ends with an error and the node stops following', async () => {
    const { reader, stopped } = endless()
    const abort = new AbortController()
    const { chunks, served } = ask(reader, { ...REQUEST, follow: true }, abort.signal)
    await chunks.next()
    const next = chunks.next()
    abort.abort(new Error('enough'))
    await assert.rejects(next)
    await stopped
    await served.catch(() => undefined)
  })

  test('before it began, nothing is asked', async () => {
    const [near, far] = memoryStreamPair()
    const chunks = askForLogs(near, REQUEST, AbortSignal.abort(new Error('enough')))
    await assert.rejects(chunks.next())
    await assert.rejects(frames(far).receive().next())
  })

  test('chatter after the request changes nothing', async () => {
    const { reader, stopped } = endless()
    const [near, far] = memoryStreamPair()
    const served = answerLogs(far, reader)
    const asking = frames(near)
    await asking.send(Buffer.from(JSON.stringify({ ...REQUEST, follow: true })))
    for (let count = 0; count < 5; count++) await asking.send(Buffer.from('more'))
    const { value } = await asking.receive().next()
    assert.equal(Buffer.from(value ?? []).toString(), '\u0001first')
    near.abort(new Error('gone'))
    await stopped
    await served.catch(() => undefined)
  })
})
