import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { handClock } from '../../../network/fixtures/hand-clock.ts'
import { BacalhauError } from '../../../runtime/error.ts'
import type { LogChunk, LogSelection } from '../../logs.ts'
import { startGoComputeNode } from '../fixtures/go-compute-node.ts'
import { arriving, loopbackHost } from '../fixtures/go-host.ts'
import { recording, textOf } from '../fixtures/recordings.ts'
import { nodeHost, requesterBench } from '../fixtures/requester-bench.ts'
import { GO_PROTOCOLS } from '../wire/protocols.ts'
import { mend, readGoLogs, toFrames } from './logs.ts'
import { selectLogs } from './select-logs.ts'

const { signal } = new AbortController()
const ALL = { executionId: 'e-1', follow: true, tail: false }

async function read(chunks: AsyncIterable<LogChunk>): Promise<Record<LogChunk['stream'], string>> {
  const texts = { stdout: '', stderr: '' }
  for await (const { stream, bytes } of chunks) texts[stream] += Buffer.from(bytes).toString()
  return texts
}

/** A node whose log streams say this. */
async function nodeThatLogs(t: TestContext, entries: readonly string[], reset = false) {
  const bench = await requesterBench(t)
  const script = { logs: { entries, reset } }
  const node = await startGoComputeNode(await nodeHost(t, bench), bench.ours.peerId.toString(), script)
  return { ...bench, node, logs: (request = ALL) => readGoLogs(bench.ours, node.peer, 'c', request, signal) }
}

const entry = (Type: number, Line: string) => JSON.stringify({ value: { Type, Line } })

describe('output on a Go node', () => {
  test('is read until the node closes the stream', async (t) => {
    const { logs, node, ours } = await nodeThatLogs(t, [entry(1, 'one\n'), entry(2, 'bad\n'), entry(1, 'é<two>\n')])
    assert.deepEqual(await read(logs({ ...ALL, tail: true })), { stdout: 'one\né<two>\n', stderr: 'bad\n' })
    const routing = { SourcePeerID: ours.peerId.toString(), TargetPeerID: node.peer }
    assert.deepEqual(node.requests[0]?.json, { ...routing, ExecutionID: 'e-1', Tail: true, Follow: true })
  })

  test('ends with a reset, too', async (t) => {
    const { logs } = await nodeThatLogs(t, [entry(1, 'one\n')], true)
    assert.equal((await read(logs())).stdout, 'one\n')
  })

  test('that the node refuses to give is an error in its words, although a reset follows', async (t) => {
    const refusal = recording('b12-execution-logs-go-wasm').messages.at(-1)
    assert.ok(refusal)
    const { logs } = await nodeThatLogs(t, [textOf(refusal)], true)
    await assert.rejects(
      read(logs({ ...ALL, follow: false })),
      (error) =>
        error instanceof BacalhauError && error.code === 'NotFound' && /failed to get log stream/.test(error.message),
    )
  })

  test('is waited for by those who follow it, until the run has begun', async (t) => {
    const refusal = recording('b12-execution-logs-go-wasm').messages.at(-1)
    assert.ok(refusal)
    const bench = await requesterBench(t)
    const host = await nodeHost(t, bench)
    let asked = 0
    await host.handle(GO_PROTOCOLS.executionLogs, async (stream) => {
      asked += 1
      await arriving(stream).first
      stream.send(Buffer.from(asked < 3 ? textOf(refusal) : entry(1, 'begun\n')))
      await stream.close()
    })
    const clock = handClock()
    const reading = read(readGoLogs(bench.ours, host.peerId.toString(), 'c', ALL, signal, clock))
    const done = reading.then(() => true)
    while (!(await Promise.race([done, new Promise((resolve) => setTimeout(resolve, 5))]))) await clock.advance(1_000)
    assert.deepEqual([(await reading).stdout, asked], ['begun\n', 3])
  })

  test('that is no output ends the reading with an error', async (t) => {
    const { logs } = await nodeThatLogs(t, ['[]'])
    await assert.rejects(read(logs()), { code: 'BadRequest' })
  })

  test('is not read any more when the reader leaves', async (t) => {
    const ours = await requesterBench(t)
    const host = await nodeHost(t, ours)
    const ended = Promise.withResolvers<string>()
    await host.handle(GO_PROTOCOLS.executionLogs, (stream) => {
      void arriving(stream).end.then(ended.resolve)
      stream.send(Buffer.from(entry(1, 'first\n')))
    })
    for await (const { bytes } of readGoLogs(ours.ours, host.peerId.toString(), 'c', ALL, signal)) {
      assert.equal(Buffer.from(bytes).toString(), 'first\n')
      break
    }
    assert.equal(await ended.promise, 'reset')
  })

  test('cannot be read from a node that is not there', async (t) => {
    const ours = await loopbackHost(t)
    const other = await loopbackHost(t)
    await assert.rejects(read(readGoLogs(ours, other.peerId.toString(), 'c', ALL, signal)), { code: 'PeerUnreachable' })
  })
})

describe('output on a node of v1.0.3', () => {
  const frame = (kind: number, text: string) => {
    const header = Buffer.from([kind, 0, 0, 0, 0, 0, 0, 0])
    header.writeUInt32BE(Buffer.byteLength(text), 4)
    return Buffer.concat([header, Buffer.from(text)])
  }

  async function nodeB(t: TestContext, pieces: readonly Uint8Array[]) {
    const { ours } = await requesterBench(t)
    const host = await nodeHost(t, { ours })
    const wishes: unknown[] = []
    await host.handle(GO_PROTOCOLS.logAddress, async (stream) => {
      wishes.push(await arriving(stream).first)
      const Response = { Address: '/ip4/127.0.0.1/tcp/1/p2p/Qm', ExecutionFinished: false }
      stream.send(Buffer.from(`${JSON.stringify({ Response, Error: '' })}\n`))
      await stream.close()
    })
    await host.handle(GO_PROTOCOLS.logStream, async (stream) => {
      wishes.push(await arriving(stream).first)
      for (const piece of pieces) stream.send(piece)
      await stream.close()
    })
    return { wishes, logs: () => readGoLogs(ours, host.peerId.toString(), 'b', ALL, signal) }
  }

  test('is read in its frames, however they are cut', async (t) => {
    const all = Buffer.concat([frame(1, 'one\n'), frame(2, 'bad\n'), frame(1, 'two\n')])
    const { logs, wishes } = await nodeB(t, [all.subarray(0, 3), all.subarray(3, 14), all.subarray(14)])
    assert.deepEqual(await read(logs()), { stdout: 'one\ntwo\n', stderr: 'bad\n' })
    const wish = { ExecutionID: 'e-1', WithHistory: true, Follow: true }
    assert.deepEqual(wishes[1], wish)
  })

  test('in a frame that claims to be huge is not waited for', async (t) => {
    const { logs } = await nodeB(t, [Buffer.from([1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff])])
    await assert.rejects(read(logs()), { code: 'PayloadTooLarge' })
  })
})

describe('a line of the WebAssembly engine of Go nodes', () => {
  test('loses the header, and nothing else loses anything', () => {
    assert.equal(mend('\u0001\u0000\u0000\u0000\u0000\u0000\u0000\u0005hello'), 'hello\n')
    assert.equal(mend('\u0002\u0000\u0000\u0000\u0000\u0000\u0000\u0006hello\n'), 'hello\n')
    for (const line of ['hello', 'hello\n', '\u0001', '\u0001\u0000\u0000x', '']) assert.equal(mend(line), line)
  })
})

describe('a part of output', () => {
  const chunks = async function* (...texts: readonly string[]): AsyncGenerator<LogChunk> {
    for (const text of texts) yield { stream: text.startsWith('!') ? 'stderr' : 'stdout', bytes: Buffer.from(text) }
  }
  const select = (selection: Partial<LogSelection>, ...texts: string[]) =>
    read(selectLogs(chunks(...texts), { follow: false, tail: false, ...selection }))

  test('is what lies beyond a place, of each stream', async () => {
    const offset = { stdout: 5, stderr: 1 }
    assert.deepEqual(await select({ offset }, 'abc', '!x', 'defg', 'h'), { stdout: 'fgh', stderr: 'x' })
    assert.deepEqual(await select({ offset: { stdout: 99, stderr: 0 } }, 'abc'), { stdout: '', stderr: '' })
  })

  test('is the last lines of each stream, however they are cut', async () => {
    assert.deepEqual(await select({ lines: 2 }, 'one\ntw', 'o\nthr', '!a\n!b\n!c\n', 'ee\n'), {
      stdout: 'two\nthree\n',
      stderr: '!b\n!c\n',
    })
    assert.deepEqual(await select({ lines: 2 }, 'one\ntwo\nthree'), { stdout: 'two\nthree', stderr: '' })
    assert.deepEqual(await select({ lines: 0 }, 'one\n'), { stdout: '', stderr: '' })
    assert.deepEqual(await select({ lines: 9 }, 'one\ntwo'), { stdout: 'one\ntwo', stderr: '' })
  })

  test('is all of it while the output goes on', async () => {
    assert.deepEqual(await select({ lines: 1, follow: true }, 'one\n', 'two\n'), { stdout: 'one\ntwo\n', stderr: '' })
  })
})

test('output that comes byte by byte costs no more than its length', { timeout: 20_000 }, async () => {
  const size = 128 * 1024
  const head = Buffer.from([2, 0, 0, 0, 0, 0, 0, 0])
  head.writeUInt32BE(size, 4)
  const sent = Buffer.concat([head, Buffer.alloc(size, 'x'), Buffer.from([1, 0, 0, 0, 0, 0, 0, 1, 0x79])])
  const receive = async function* () {
    for (let at = 0; at < sent.length; at++) yield sent.subarray(at, at + 1)
  }
  const chunks = await Array.fromAsync(toFrames({ receive }))
  assert.deepEqual(
    chunks.map(({ stream, bytes }) => [stream, bytes.length]),
    [
      ['stderr', size],
      ['stdout', 1],
    ],
  )
})
