import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { multiaddr } from '@multiformats/multiaddr'
import { peerIdFromString } from '@libp2p/peer-id'
import { BacalhauError } from '../../../runtime/error.ts'
import { systemClock } from '../../../runtime/clock.ts'
import { LIMITS } from '../../../runtime/limits.ts'
import { silentLogger } from '../../../runtime/logger.ts'
import { Journal } from '../../../store/journal.ts'
import { createMemoryStore } from '../../../store/memory.ts'
import type { LogChunk, LogReader } from '../../logs.ts'
import { arriving, connect, goCall, goStream, loopbackHost } from '../fixtures/go-host.ts'
import { GO_PROTOCOLS } from '../wire/protocols.ts'
import { entries, handleLogs } from './logs.ts'
import { frameOf, handleLogsB } from './logs-b.ts'
import type { Taken } from './taken.ts'
import { TakenTable } from './taken-table.ts'

async function* of(chunks: readonly LogChunk[]): AsyncGenerator<LogChunk> {
  yield* chunks
}
const out = (text: string): LogChunk => ({ stream: 'stdout', bytes: Buffer.from(text) })

describe('output as entries', () => {
  const collect = async (chunks: readonly LogChunk[]) => {
    const collected: { Type: 1 | 2; Line: string }[] = []
    for await (const entry of entries(of(chunks))) collected.push(entry)
    return collected
  }

  test('is all there, wherever it was cut, and no entry is long', async () => {
    const chunk = fc.tuple(
      fc.constantFrom('stdout' as const, 'stderr' as const),
      fc.string({ unit: 'grapheme', maxLength: 300 }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(chunk), fc.integer({ min: 1, max: 7 }), fc.nat(4), async (written, size, repeat) => {
        const chunks = written.flatMap(([stream, text]) => {
          const bytes = Buffer.from(text.repeat(1 + repeat * 20))
          return Array.from({ length: Math.ceil(bytes.length / (size * 100)) }, (_, index) => ({
            stream,
            bytes: bytes.subarray(index * size * 100, (index + 1) * size * 100),
          }))
        })
        const collected = await collect(chunks)
        for (const [index, stream] of (['stdout', 'stderr'] as const).entries()) {
          const all = Buffer.concat(chunks.filter((one) => one.stream === stream).map(({ bytes }) => bytes))
          const lines = collected.filter(({ Type }) => Type === index + 1).map(({ Line }) => Line)
          assert.equal(lines.join(''), all.toString())
        }
        assert.ok(collected.every(({ Line }) => Line !== '' && Buffer.byteLength(Line) <= LIMITS.goLogEntry + 4))
      }),
      { numRuns: 50 },
    )
  })

  test('that is no text is shown as far as it can be', async () => {
    assert.deepEqual(await collect([{ stream: 'stderr', bytes: Buffer.of(0x61, 0xff, 0xe2) }]), [
      { Type: 2, Line: 'a\ufffd' },
      { Type: 2, Line: '\ufffd' },
    ])
  })
})

/** A node with one execution of the requester, whose output the test gives. */
async function open(t: TestContext, readLogs: LogReader) {
  const [us, go] = await Promise.all([loopbackHost(t), loopbackHost(t)])
  await connect(go, us)
  const [node, requester] = [us.peerId.toString(), go.peerId.toString()]
  const journal = new Journal({ store: createMemoryStore(), clock: systemClock, logger: silentLogger })
  t.after(() => journal.stop())
  const table = new TakenTable(journal)
  const taken: Taken = {
    requester,
    addresses: [],
    jobId: 'j',
    generation: 'b',
    phase: 'held',
    approval: true,
    since: 0,
  }
  const entry = table.add('e-1', taken)
  const options = { host: us, clock: systemClock, logger: silentLogger, readLogs, admits: () => true }
  await handleLogs(options, table)
  await handleLogsB(options, table)
  const about = { SourcePeerID: requester, TargetPeerID: node, ExecutionID: 'e-1' }
  const follow = async (request: object) => {
    const stream = await goStream(go, node, GO_PROTOCOLS.executionLogs)
    const arrived = arriving(stream)
    stream.send(Buffer.from(JSON.stringify({ ...about, ...request })))
    return { stream, arrived }
  }
  return { us, go, node, table, entry, about, follow }
}

const missing = () => new BacalhauError('NotFound', 'this node holds no output of execution e-1')

describe('the stream of release 1.2', () => {
  test('is what is there, then the end', async (t) => {
    const { follow } = await open(t, (_, options) => of([out(JSON.stringify(options.tail)), out('<é>\n')]))
    const { arrived } = await follow({ Tail: true, Follow: false })
    assert.equal(await arrived.end, 'closed')
    assert.deepEqual(arrived.texts, [
      '{"value":{"Type":1,"Line":"true"}}\n',
      '{"value":{"Type":1,"Line":"\\u003cé\\u003e\\n"}}\n',
    ])
  })

  test('waits for an execution that has not begun; of one that is unknown it says so', async (t) => {
    let begun = false
    const { follow } = await open(t, () => {
      if (!begun) throw missing()
      return of([out('now')])
    })
    const early = await follow({ Follow: false })
    assert.equal(await early.arrived.end, 'closed')
    assert.match(
      early.arrived.texts.join(''),
      /^\{"error":"failed to get log stream for execution: e-1: this node holds no output.*","value":\{"Type":0,"Line":""\}\}\n$/,
    )
    const { arrived } = await follow({ Follow: true })
    begun = true
    assert.equal(await arrived.end, 'closed')
    assert.deepEqual(arrived.texts, ['{"value":{"Type":1,"Line":"now"}}\n'])
    const stranger = await follow({ Follow: true, SourcePeerID: 'QmOther' })
    assert.equal(await stranger.arrived.end, 'reset')
  })

  test('ends for this node, too, when the reader leaves', async (t) => {
    const left = Promise.withResolvers<void>()
    const { follow } = await open(t, async function* (_, __, signal) {
      yield out('first')
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
      left.resolve()
    })
    const { stream, arrived } = await follow({ Follow: true })
    await arrived.first
    await stream.close()
    await left.promise
  })

  test('a fault of this program is not told in detail', async (t) => {
    const { follow } = await open(t, () => {
      throw new TypeError('secret')
    })
    const { arrived } = await follow({})
    await arrived.end
    assert.match(arrived.texts.join(''), /the log cannot be read/)
  })
})

describe('the address of release 1.0', () => {
  const output: LogReader = (_, { reader, tail }) => of([out(`${reader} ${String(tail)}`)])

  test('leads a stranger with the name of the execution to its output, once', async (t) => {
    const { go, node, about } = await open(t, output)
    const { value } = await goCall(go, node, GO_PROTOCOLS.logAddress, { ...about, WithHistory: true, Follow: true })
    const { Response } = value as { Response: { Address: string; ExecutionFinished: boolean } }
    assert.equal(Response.ExecutionFinished, false)
    assert.equal(multiaddr(Response.Address).getComponents().at(-1)?.value, node)

    const stranger = await loopbackHost(t)
    await stranger.dial(multiaddr(Response.Address))
    const read = async (ExecutionID: string) => {
      const stream = await goStream(stranger, node, GO_PROTOCOLS.logStream)
      const arrived: Buffer[] = []
      const end = Promise.withResolvers<string>()
      stream.addEventListener('message', ({ data }) => arrived.push(Buffer.from(data.subarray())))
      stream.addEventListener('remoteCloseWrite', () => setTimeout(() => end.resolve('closed'), 0))
      stream.addEventListener('close', ({ error }) => end.resolve(error === undefined ? 'closed' : 'reset'))
      stream.send(Buffer.from(`${JSON.stringify({ ExecutionID, WithHistory: true, Follow: true })}\n`))
      const how = await end.promise
      return { how, bytes: Buffer.concat(arrived) }
    }
    assert.equal((await read('e-2')).how, 'reset')
    const { how, bytes } = await read('e-1')
    const text = `${about.SourcePeerID} false`
    assert.equal(how, 'closed')
    assert.deepEqual([...bytes.subarray(0, 8)], [1, 0, 0, 0, 0, 0, 0, text.length])
    assert.equal(bytes.subarray(8).toString(), text)
    const again = await goStream(stranger, node, GO_PROTOCOLS.logStream).then(
      async (stream) => arriving(stream).end,
      () => 'reset',
    )
    assert.equal(again, 'reset')
  })

  test('is given only for executions of the one who asks', async (t) => {
    const { go, node, about, table, entry } = await open(t, output)
    const ask = async (ExecutionID: string) =>
      (await goCall(go, node, GO_PROTOCOLS.logAddress, { ...about, ExecutionID })).text
    assert.equal(
      await ask('e-2'),
      '{"Response":{"Address":"","ExecutionFinished":false},"Error":"execution not found: e-2"}\n',
    )
    table.end(entry, 'Completed')
    assert.match(await ask('e-1'), /"ExecutionFinished":true/)
    const stranger = await loopbackHost(t)
    await stranger.dial(go.getConnections(peerIdFromString(node)).map(({ remoteAddr }) => remoteAddr))
    await assert.rejects(goCall(stranger, node, GO_PROTOCOLS.logAddress, about), /reset/)
  })

  test('frames are those of Docker', () => {
    const long = { stream: 'stderr', bytes: Buffer.alloc(70_000, 'x') } as const
    assert.deepEqual([...frameOf(long).subarray(0, 9)], [2, 0, 0, 0, 0, 1, 0x11, 0x70, 0x78])
  })
})
