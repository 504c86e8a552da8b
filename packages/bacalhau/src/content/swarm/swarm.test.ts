import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import type { Libp2p } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'
import { startTestHosts } from '../../network/fixtures/test-host.ts'
import type { ByteStream } from '../../network/byte-stream.ts'
import { handleProtocol, openStream } from '../../network/protocol.ts'
import { BacalhauError } from '../../runtime/error.ts'
import { LIMITS } from '../../runtime/limits.ts'
import { silentLogger } from '../../runtime/logger.ts'
import { encodeCarHeader, encodeCarSection, readCar } from '../car.ts'
import type { Content } from '../content.ts'
import { rawBlock } from '../testing/blocks.ts'
import { kuboRandomBytes } from '../testing/kubo-random.ts'
import { flow, folderWith, gather, temporaryContent } from '../testing/temporary.ts'
import { BITSWAP_PROTOCOL } from './bitswap-message.ts'
import { ANSWER, CAR_PROTOCOL, encodeCarRequest } from './car-protocol.ts'

interface Node {
  readonly host: Libp2p
  readonly content: Content
  readonly id: string
}

/** Nodes with content, the first of which is connected to all others. */
async function nodes(context: TestContext, count: number): Promise<[Node, ...Node[]]> {
  const [first, ...others] = await startTestHosts(context, count)
  const node = async (host: Libp2p): Promise<Node> => {
    return { host, id: host.peerId.toString(), content: await temporaryContent(context, { host }) }
  }
  return [await node(first), ...(await Promise.all(others.map(node)))]
}

const ref = (cid: CID, ...path: string[]) => ({ cid, path })
const nowhere = rawBlock('nobody has this').cid

/** Sends these bytes as a request and gives what comes back. */
async function request(from: Node, to: Node, bytes: Uint8Array): Promise<Buffer> {
  const stream = await openStream(from.host, to.id, CAR_PROTOCOL)
  await stream.send(bytes)
  await stream.close()
  return gather(stream.receive())
}

describe('content of a peer', () => {
  for (const protocol of [CAR_PROTOCOL, BITSWAP_PROTOCOL]) {
    test(`is fetched by ${protocol} and stays`, async (context) => {
      const [reader, holder] = await nodes(context, 2)
      await holder!.host.unhandle([CAR_PROTOCOL, BITSWAP_PROTOCOL].filter((other) => other !== protocol))
      const data = kuboRandomBytes(12_000_000, 'fetched')
      const { cid } = await holder!.content.add(flow(data))
      assert.equal(Buffer.compare(await gather(reader.content.cat(ref(cid))), data), 0)
      await holder!.host.stop()
      assert.ok(await reader.content.has(ref(cid)))
    })
  }

  test('is fetched once for all who want it', async (context) => {
    const [reader, holder] = await nodes(context, 2)
    const { cid } = await holder!.content.add(flow(kuboRandomBytes(2_000_000, 'shared')))
    let streams = 0
    for (const connection of reader.host.getConnections()) {
      const newStream = connection.newStream.bind(connection)
      connection.newStream = (...parameters) => {
        streams += 1
        return newStream(...parameters)
      }
    }
    await Promise.all([1, 2, 3].map(() => gather(reader.content.cat(ref(cid)))))
    assert.equal(streams, 2) // a question and a download
  })

  test('is fetched only as far as it is needed', async (context) => {
    const [reader, holder] = await nodes(context, 2)
    const folder = await folderWith(context, { 'a/big': Buffer.alloc(600_000, 1), 'b/c': 'wanted', 'b/d': 'not' })
    const { cid } = await holder!.content.add(folder, { cidVersion: 1 })
    assert.deepEqual((await reader.content.stat(ref(cid))).kind, 'folder')
    assert.equal(reader.content.usage().blocks, 1)
    const listed = await Array.fromAsync(reader.content.list(ref(cid, 'b')))
    assert.deepEqual(
      listed.map(({ name, bytes }) => [name, bytes]),
      [
        ['c', 6],
        ['d', 3],
      ],
    )
    assert.equal(reader.content.usage().blocks, 2)
    assert.equal(String(await gather(reader.content.cat(ref(cid, 'b', 'c')))), 'wanted')
    assert.equal(reader.content.usage().blocks, 3)
    assert.ok(!(await reader.content.has(ref(cid))))
  })

  test('can be pinned, and then survives garbage collection', async (context) => {
    const [reader, holder] = await nodes(context, 2)
    const { cid } = await holder!.content.add(flow(kuboRandomBytes(2_000_000, 'pinned')))
    await reader.content.pin(cid)
    await reader.content.collect()
    assert.ok(await reader.content.has(ref(cid)))
    reader.content.unpin(cid)
    await reader.content.collect()
    assert.equal(reader.content.usage().blocks, 0)
  })

  test('is found with a peer that is only hinted at', async (context) => {
    const [middle, reader, holder] = await nodes(context, 3)
    const { cid } = await holder!.content.add(flow('far away'))
    await assert.rejects(gather(reader!.content.cat(ref(cid))), { code: 'ContentNotFound' })
    await reader!.host.peerStore.merge(holder!.host.peerId, { multiaddrs: holder!.host.getMultiaddrs() })
    assert.equal(String(await gather(reader!.content.cat(ref(cid), { hints: [holder!.id] }))), 'far away')
    assert.equal(middle.content.usage().blocks, 0)
  })

  test('that a path does not lead to is missed for certain', async (context) => {
    const [reader, holder] = await nodes(context, 2)
    const { cid } = await holder!.content.add(await folderWith(context, { here: 'x' }))
    await assert.rejects(gather(reader.content.cat(ref(cid, 'there'))), { code: 'NotFound' })
  })

  test('is not fetched when it is more than allowed', async (context) => {
    const [reader, holder] = await nodes(context, 2)
    const { cid } = await holder!.content.add(flow(kuboRandomBytes(1_000_000, 'too much')))
    const limited = gather(reader.content.cat(ref(cid), { maxBytes: 500_000 }))
    await assert.rejects(limited, { code: 'ContentTooLarge' })
    assert.equal(reader.content.usage().blocks, 0)
  })

  test('is not fetched offline', async (context) => {
    const [reader, holder] = await nodes(context, 2)
    const { cid } = await holder!.content.add(flow('there'))
    await assert.rejects(gather(reader.content.cat(ref(cid), { offline: true })), { code: 'ContentNotFound' })
  })
})

describe('content that cannot be had', () => {
  test('is reported with who was asked', async (context) => {
    const [reader, other] = await nodes(context, 2)
    await assert.rejects(gather(reader.content.cat(ref(nowhere))), (error) => {
      assert.ok(error instanceof BacalhauError && error.code === 'ContentNotFound')
      assert.match(
        error.message,
        new RegExp(`${nowhere.toString()} .* no one has it; asked 1 peers \\(${other!.id}\\)`),
      )
      return true
    })
  })

  test('is reported at once when there is nobody to ask', async (context) => {
    const [alone] = await nodes(context, 1)
    const message = /there is no peer to ask/
    await assert.rejects(gather(alone.content.cat(ref(nowhere))), { code: 'ContentNotFound', message })
  })

  test('may be given up', async (context) => {
    const [reader, silent] = await nodes(context, 2)
    await silent!.host.unhandle(CAR_PROTOCOL)
    const { promise: asked, resolve: ask } = Promise.withResolvers<void>()
    const never = async () => {
      ask()
      await new Promise(() => {})
    }
    await silent!.host.handle(CAR_PROTOCOL, never)
    const controller = new AbortController()
    const reading = gather(reader.content.cat(ref(nowhere), { signal: controller.signal }))
    const outcome = assert.rejects(reading, /enough/)
    await asked
    controller.abort(new Error('enough'))
    await outcome
  })
})

describe('a peer that fails', () => {
  const data = kuboRandomBytes(12_000_000, 'in the middle')

  /** Makes `node` a peer that has everything, and dies after the first megabyte. */
  async function breakOff({ host, content }: Node, cid: CID): Promise<{ broke: Promise<void> }> {
    const { promise: broke, resolve } = Promise.withResolvers<void>()
    await host.unhandle([CAR_PROTOCOL, BITSWAP_PROTOCOL])
    const serve = async (stream: ByteStream) => {
      const request = JSON.parse(String(await gather(stream.receive())))
      await stream.send(Uint8Array.of(ANSWER.found))
      if (request.want === 'have') return
      let sent = 0
      for await (const chunk of content.car(ref(cid))) {
        await stream.send(chunk)
        sent += chunk.length
        if (sent > 1_000_000) break
      }
      resolve()
      await host.stop()
    }
    await handleProtocol(host, CAR_PROTOCOL, serve, { logger: silentLogger })
    return { broke }
  }

  test('in the middle is replaced by the next one, which sends only the rest', async (context) => {
    const [reader, dying, healthy] = await nodes(context, 3)
    const { cid } = await dying!.content.add(flow(data))
    await healthy!.content.add(flow(data))
    const { broke } = await breakOff(dying!, cid)
    const skips: number[] = []
    await healthy!.host.unhandle(CAR_PROTOCOL)
    const serve = async (stream: ByteStream) => {
      const { want, skip } = JSON.parse(String(await gather(stream.receive())))
      await stream.send(Uint8Array.of(ANSWER.found))
      if (want === 'have') return
      skips.push(skip)
      const blocks = readCar(healthy!.content.car(ref(cid)))
      await stream.send(encodeCarHeader(cid))
      let index = 0
      for await (const { cid, block } of blocks) {
        if (index >= skip) await stream.send(Buffer.concat([encodeCarSection(cid, block.length), block]))
        index += 1
      }
    }
    await handleProtocol(healthy!.host, CAR_PROTOCOL, serve, { logger: silentLogger })
    const read = await gather(reader.content.cat(ref(cid), { hints: [dying!.id] }))
    await broke
    assert.equal(Buffer.compare(read, data), 0)
    assert.equal(skips.length, 1)
    assert.ok(skips[0]! > 0, 'what came before is kept')
  })

  test('in the middle, alone, is reported; what came is kept for the next try', async (context) => {
    const [reader, dying, asker] = await nodes(context, 3)
    const { cid } = await dying!.content.add(flow(data))
    await breakOff(dying!, cid)
    await assert.rejects(gather(reader.content.cat(ref(cid))), {
      code: 'ContentNotFound',
      message: new RegExp(`could not be fetched: asked 2 peers .*${dying!.id}: `),
    })
    assert.ok(reader.content.usage().blocks > 1)
    for (const want of ['have', 'blocks'] as const) {
      const bytes = encodeCarRequest({ want, selection: { cid, path: [], scope: 'all' }, skip: 0 })
      assert.deepEqual([...(await request(asker!, reader, bytes))], [ANSWER.missing], 'a part is not served')
    }
    await reader.content.collect()
    assert.equal(reader.content.usage().blocks, 0)
  })
})

describe('serving', () => {
  test('does not take nonsense, and goes on', async (context) => {
    const [asker, server] = await nodes(context, 2)
    for (const bytes of [Buffer.from('nonsense'), Buffer.alloc(100_000, '{'), Buffer.alloc(0)]) {
      await assert.rejects(request(asker, server!, bytes))
    }
    const selection = { cid: nowhere, path: [], scope: 'all' } as const
    const answer = await request(asker, server!, encodeCarRequest({ want: 'have', selection, skip: 0 }))
    assert.deepEqual([...answer], [ANSWER.missing])
  })

  test('is busy when a peer takes too much at a time', async (context) => {
    const [asker, server] = await nodes(context, 2)
    const { cid } = await server!.content.add(flow(kuboRandomBytes(12_000_000, 'busy')))
    const bytes = encodeCarRequest({ want: 'blocks', selection: { cid, path: [], scope: 'all' }, skip: 0 })
    const streams = []
    for (let index = 0; index < LIMITS.contentStreamsPerPeer; index += 1) {
      const stream = await openStream(asker.host, server!.id, CAR_PROTOCOL)
      await stream.send(bytes)
      await stream.close()
      const reading = stream.receive()
      await reading.next() // being served; the rest waits for us
      streams.push(stream)
    }
    assert.deepEqual([...(await request(asker, server!, bytes))], [ANSWER.busy])
    for (const stream of streams) stream.abort(new Error('enough'))
    for (;;) {
      const [answer] = await request(asker, server!, bytes)
      if (answer === ANSWER.found) break
      await turn()
    }
  })
})
