import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fixtureKey } from '../../network/fixtures/keys.ts'
import { startTestHost } from '../../network/fixtures/test-host.ts'
import { frames } from '../../network/frames.ts'
import { handleProtocol, openStream } from '../../network/protocol.ts'
import { silentLogger } from '../../runtime/logger.ts'
import { systemRandom } from '../../runtime/random.ts'
import { INTRODUCTION_PROTOCOL, knowsToken, serveIntroductions } from './introduction.ts'

const { signal } = new AbortController()

test('an orchestrator shows that it knows the token, and tells nothing of it', async (t) => {
  const [node, orchestrator] = [await startTestHost(t, 0), await startTestHost(t, 1)]
  await serveIntroductions(orchestrator, 'secret', silentLogger)
  await node.dial(orchestrator.getMultiaddrs())
  const { peerId } = fixtureKey(1)
  assert.equal(await knowsToken(node, peerId, 'secret', systemRandom, signal), true)
  assert.equal(await knowsToken(node, peerId, 'another', systemRandom, signal), false)
})

test('nobody can pass the question on to one who knows the token', async (t) => {
  const [node, between, orchestrator] = [
    await startTestHost(t, 0),
    await startTestHost(t, 1),
    await startTestHost(t, 2),
  ]
  await serveIntroductions(orchestrator, 'secret', silentLogger)
  await between.dial(orchestrator.getMultiaddrs())
  const relay = async (stream: Parameters<typeof frames>[0]) => {
    const question = await frames(stream).receive().next()
    const onward = frames(await openStream(between, fixtureKey(2).peerId, INTRODUCTION_PROTOCOL))
    await onward.send(question.value ?? new Uint8Array())
    await frames(stream).send((await onward.receive().next()).value ?? new Uint8Array())
  }
  await handleProtocol(between, INTRODUCTION_PROTOCOL, relay, { logger: silentLogger })
  await node.dial(between.getMultiaddrs())
  assert.equal(await knowsToken(node, fixtureKey(1).peerId, 'secret', systemRandom, signal), false)
})

test('what is no question gets no answer, and no answer is an error', async (t) => {
  const [node, orchestrator] = [await startTestHost(t, 0), await startTestHost(t, 1)]
  await serveIntroductions(orchestrator, 'secret', silentLogger)
  await node.dial(orchestrator.getMultiaddrs())
  const framed = frames(await openStream(node, fixtureKey(1).peerId, INTRODUCTION_PROTOCOL))
  await framed.send(Buffer.from('short'))
  await assert.rejects(framed.receive().next())
  await assert.rejects(knowsToken(orchestrator, fixtureKey(0).peerId, 'secret', systemRandom, signal), {
    code: 'PeerUnreachable',
  })
})
