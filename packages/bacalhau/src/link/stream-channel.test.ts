import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ByteStream } from '../network/byte-stream.ts'
import { frames } from '../network/frames.ts'
import { memoryStreamPair } from '../network/fixtures/memory-stream.ts'
import { isBacalhauError } from '../runtime/error.ts'
import { LIMITS } from '../runtime/limits.ts'
import { createVirtualClock, settle } from '../runtime/virtual-clock.ts'
import { channelCompliance, listen, type Notice, notice, type NoticeChannel } from './compliance.ts'
import { type StreamChannelOptions, streamChannel } from './stream-channel.ts'

const over = (stream: ByteStream, options?: StreamChannelOptions): NoticeChannel =>
  streamChannel<Notice, typeof notice>(stream, notice, options)

/** A channel on one end of a stream, and the bare stream of a peer that may do as it likes. */
function withStranger(options?: StreamChannelOptions) {
  const [near, far] = memoryStreamPair('QmNear', 'QmFar')
  return { listener: listen(over(near, options)), far }
}

/** Reads and forgets, so that the other side can send. */
const swallow = async (stream: ByteStream) => {
  for await (const _ of stream.receive());
}

channelCompliance('a channel over a stream', async () => {
  const [left, right] = memoryStreamPair()
  return [over(left), over(right)]
})

test('the peer is the one that the stream has proven', () => {
  const [near] = memoryStreamPair('QmNear', 'QmFar')
  assert.equal(over(near).peer, 'QmFar')
})

test('only an address of loopback, reached directly, is the same machine', () => {
  const at = (remoteAddress: string) => over({ ...memoryStreamPair()[0], remoteAddress }).sameMachine
  assert.equal(at('/ip4/127.0.0.1/tcp/4001'), true)
  assert.equal(at('/ip4/127.8.9.1/tcp/4001'), true)
  assert.equal(at('/ip6/::1/tcp/4001'), true)
  assert.equal(at('/ip4/192.168.0.7/tcp/4001'), false)
  assert.equal(at('/ip4/12.7.0.1/tcp/127'), false)
  assert.equal(at('/ip4/127.0.0.1/tcp/4001/p2p/QmRelay/p2p-circuit'), false)
})

test('messages of one turn travel in one frame', async () => {
  const { listener, far } = withStranger()
  const incoming = frames(far).receive()
  listener.say('a', 'b', 'c')
  const { value } = await incoming.next()
  assert.equal(Buffer.from(value ?? []).toString(), '{"text":"a"}\n{"text":"b"}\n{"text":"c"}\n')
  far.abort(new Error('done'))
  await listener.closed
})

test('a message larger than any frame arrives in one piece', async () => {
  const [left, right] = memoryStreamPair()
  const [speaker, reader] = [listen(over(left)), listen(over(right))]
  const long = 'ü'.repeat(2 * LIMITS.frame)
  speaker.say(long, 'short')
  await reader.arrived(2)
  assert.deepEqual(reader.received, [long, 'short'])
  speaker.channel.close()
  await reader.closed
})

test('a message that takes long to come is a sign of life from its first part on', async () => {
  const [near, far] = memoryStreamPair()
  let signs = 0
  over(near).start({ onMessage: () => assert.fail('incomplete'), onSign: () => (signs += 1), onClose: () => undefined })
  const stranger = frames(far)
  await stranger.send(Buffer.from('{"text":'))
  await stranger.send(Buffer.from('"half'))
  await settle()
  assert.equal(signs, 2)
  far.abort(new Error('done'))
})

test('what the schema does not know, too large a message and broken frames end the link with a typed error', async () => {
  const attacks: [Uint8Array, string][] = [
    [Buffer.from('{"text":1}\n'), 'BadRequest'],
    [Buffer.from('no JSON\n'), 'BadRequest'],
    [Buffer.from('{"text":"' + 'x'.repeat(200)), 'PayloadTooLarge'],
  ]
  for (const [bytes, code] of attacks) {
    const { listener, far } = withStranger({ maxMessage: 100 })
    const ended = assert.rejects(swallow(far))
    await frames(far).send(bytes)
    const error = await listener.closed
    assert.ok(isBacalhauError(error) && error.code === code, String(error))
    assert.deepEqual(listener.received, [])
    await ended
  }
})

test('a frame beyond the bound ends the link before it is read', async () => {
  const { listener, far } = withStranger()
  await far.send(Uint8Array.of(0xff, 0xff, 0xff, 0xff))
  const error = await listener.closed
  assert.ok(isBacalhauError(error) && error.code === 'PayloadTooLarge', String(error))
})

test('a peer that vanishes is an error; one that closes is not, and is closed to in return', async () => {
  const vanished = withStranger()
  vanished.far.abort(new Error('power cut'))
  assert.match(String(await vanished.listener.closed), /power cut/)

  const polite = withStranger()
  await polite.far.close()
  assert.equal(await polite.listener.closed, undefined)
  await swallow(polite.far)
})

test('a peer that does not close its side after we closed ours is cut off, and that is no error', async () => {
  const clock = createVirtualClock()
  const { listener, far } = withStranger({ clock })
  listener.say('last words')
  listener.channel.close()
  const heard: string[] = []
  for await (const bytes of frames(far).receive()) heard.push(Buffer.from(bytes).toString())
  await clock.advance(LIMITS.handshake - 1)
  assert.deepEqual([heard, listener.closings], [['{"text":"last words"}\n'], []])
  await clock.advance(1)
  assert.equal(await listener.closed, undefined)
  assert.equal(clock.pending, 0)
})

test('a peer that reads nothing costs itself the link, not us our memory', async () => {
  const { listener } = withStranger()
  const megabyte = 'x'.repeat(1024 * 1024)
  let sent = 0
  for (; listener.closings.length === 0 && sent < 100; sent++) {
    listener.say(megabyte)
    await settle(2)
  }
  const error = await listener.closed
  assert.ok(isBacalhauError(error) && error.code === 'TooManyRequests', String(error))
  assert.ok(sent <= LIMITS.linkBacklog / megabyte.length + 2, `${sent} MiB`)
})

test('a peer that reads slowly gets everything as long as it keeps up', async () => {
  const [left, right] = memoryStreamPair()
  const [speaker, reader] = [listen(over(left)), listen(over(right))]
  const megabyte = 'x'.repeat(1024 * 1024)
  for (let count = 1; count <= 80; count++) {
    speaker.say(megabyte)
    await reader.arrived(count)
  }
  assert.deepEqual(speaker.closings, [])
  speaker.channel.close()
  assert.equal(await reader.closed, undefined)
})

test('the end of the stream is told after the end of the channel', async () => {
  const [near, far] = memoryStreamPair()
  const order: string[] = []
  const { promise, resolve } = Promise.withResolvers<void>()
  const onEnd = () => {
    order.push('stream')
    resolve()
  }
  over(near, { onEnd }).start({ onMessage: () => undefined, onClose: () => order.push('channel') })
  await far.close()
  await promise
  assert.deepEqual(order, ['channel', 'stream'])
})
