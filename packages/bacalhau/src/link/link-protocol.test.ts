import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type ComputeMessage,
  computeMessageV1Schema,
  computeMessageV2Schema,
  orchestratorMessageV1Schema,
  orchestratorMessageV2Schema,
} from '@bacalhau/models'
import { startTestHosts } from '../network/fixtures/test-host.ts'
import { handleProtocol, openStream } from '../network/protocol.ts'
import { isBacalhauError } from '../runtime/error.ts'
import { silentLogger } from '../runtime/logger.ts'
import { sampleNode } from './fixtures/samples.ts'
import { acceptLinks, LINK_PROTOCOLS, openLink, type OrchestratorChannel } from './link-protocol.ts'
import { streamChannel } from './stream-channel.ts'

const never = () => new AbortController().signal
const heartbeat: ComputeMessage = { type: 'heartbeat' }

/** Starts `channel`; gives its end and the types of what it heard. */
function follow(channel: Pick<OrchestratorChannel, 'start'> | { start: OrchestratorChannel['start'] }) {
  const heard: string[] = []
  const { promise: closed, resolve } = Promise.withResolvers<Error | undefined>()
  channel.start({ onMessage: ({ type }) => heard.push(type), onClose: resolve })
  return { heard, closed }
}

test('a compute node opens the link; both know who the other is', async (t) => {
  const [orchestrator, compute] = await startTestHosts(t, 2)
  assert.ok(compute !== undefined)
  const { promise: arrived, resolve } = Promise.withResolvers<OrchestratorChannel>()
  const accepting = await acceptLinks(orchestrator, resolve, silentLogger)
  t.after(() => accepting.stop())
  const link = await openLink(compute, orchestrator.peerId.toString(), never())
  link.send(heartbeat)
  const { promise: welcomed, resolve: onWelcome } = Promise.withResolvers<string>()
  link.start({ onMessage: ({ type }) => onWelcome(type), onClose: () => undefined })
  const there = await arrived
  const { heard, closed } = follow(there)
  assert.deepEqual([link.peer, there.peer], [orchestrator.peerId.toString(), compute.peerId.toString()])
  assert.deepEqual([link.sameMachine, there.sameMachine], [true, true])
  there.send({ type: 'welcome', membership: 'PENDING', message: '', storeGeneration: 'g' })
  assert.equal(await welcomed, 'welcome')
  link.close()
  assert.equal(await closed, undefined)
  assert.deepEqual(heard, ['heartbeat'])
})

test('links may be closed and opened again without end, by either side', async (t) => {
  const [orchestrator, compute] = await startTestHosts(t, 2)
  assert.ok(compute !== undefined)
  const links: OrchestratorChannel[] = []
  let wake = () => undefined as void
  const accepting = await acceptLinks(
    orchestrator,
    (channel) => {
      links.push(channel)
      wake()
    },
    silentLogger,
  )
  t.after(() => accepting.stop())
  for (let count = 0; count < 20; count++) {
    const arrived = new Promise<void>((resolve) => (wake = resolve))
    const link = await openLink(compute, orchestrator.peerId.toString(), never())
    link.send(heartbeat)
    const here = new Promise<Error | undefined>((resolve) =>
      link.start({ onMessage: () => undefined, onClose: resolve }),
    )
    await arrived
    const there = links[count]
    assert.ok(there !== undefined)
    const { closed } = follow(there)
    ;(count % 2 === 0 ? link : there).close()
    assert.deepEqual(await Promise.all([here, closed]), [undefined, undefined])
  }
})

test('an orchestrator that stops accepting ends its links', async (t) => {
  const [orchestrator, compute] = await startTestHosts(t, 2)
  assert.ok(compute !== undefined)
  const accepting = await acceptLinks(orchestrator, (channel) => follow(channel), silentLogger)
  const link = await openLink(compute, orchestrator.peerId.toString(), never())
  link.send(heartbeat)
  const ended = new Promise<Error | undefined>((resolve) =>
    link.start({ onMessage: () => undefined, onClose: resolve }),
  )
  await accepting.stop()
  assert.ok((await ended) instanceof Error)
})

test('a peer that is no orchestrator is a clear error', async (t) => {
  const [other, compute] = await startTestHosts(t, 2)
  assert.ok(compute !== undefined)
  await assert.rejects(
    openLink(compute, other.peerId.toString(), never()),
    (error) => isBacalhauError(error) && error.code === 'PeerUnreachable' && /link/.test(error.message),
  )
})

test('a node and an orchestrator of version 1 are spoken to in their own words', async (t) => {
  const [host, older] = await startTestHosts(t, 2)
  assert.ok(older !== undefined)

  const { promise: arrived, resolve } = Promise.withResolvers<OrchestratorChannel>()
  const accepting = await acceptLinks(host, resolve, silentLogger)
  t.after(() => accepting.stop())
  const stream = await openStream(older, host.peerId.toString(), LINK_PROTOCOLS[1])
  const node = streamChannel(stream, orchestratorMessageV1Schema)
  const { promise: welcomed, resolve: onWelcome } = Promise.withResolvers<unknown>()
  node.start({ onMessage: onWelcome, onClose: () => undefined })
  const hello = { type: 'hello', node: sampleNode('QmOld'), storeGeneration: 'g', held: [] }
  node.send({ ...hello, versions: [1] })
  const { promise: greeted, resolve: onHello } = Promise.withResolvers<ComputeMessage>()
  const there = await arrived
  there.start({ onMessage: onHello, onClose: () => undefined })
  assert.deepEqual(await greeted, hello)
  there.send({ type: 'welcome', membership: 'PENDING', message: 'wait', storeGeneration: 'g' })
  assert.deepEqual(await welcomed, { type: 'welcome', version: 1, membership: 'PENDING', message: 'wait' })
  node.close()

  const { promise: heard, resolve: onOldHello } = Promise.withResolvers<unknown>()
  const serving = await handleProtocol(
    older,
    LINK_PROTOCOLS[1],
    (bytes) =>
      new Promise((onEnd) =>
        streamChannel(bytes, computeMessageV1Schema).start({ onMessage: onOldHello, onClose: () => onEnd() }),
      ),
    { logger: silentLogger, overRelay: true },
  )
  t.after(() => serving.stop())
  const link = await openLink(host, older.peerId.toString(), never())
  const ended = new Promise((end) => link.start({ onMessage: () => undefined, onClose: end }))
  link.send({ type: 'hello', node: sampleNode('QmNew'), storeGeneration: 'g', held: [] })
  assert.deepEqual(await heard, { ...hello, node: sampleNode('QmNew'), versions: [1] })
  link.close()
  assert.equal(await ended, undefined)
})

test('a node and an orchestrator of version 2 are spoken to in that', async (t) => {
  const [host, older] = await startTestHosts(t, 2)
  assert.ok(older !== undefined)
  const { promise: arrived, resolve } = Promise.withResolvers<OrchestratorChannel>()
  const accepting = await acceptLinks(host, resolve, silentLogger)
  t.after(() => accepting.stop())
  const stream = await openStream(older, host.peerId.toString(), LINK_PROTOCOLS[2])
  const node = streamChannel(stream, orchestratorMessageV2Schema)
  const { promise: welcomed, resolve: onWelcome } = Promise.withResolvers<unknown>()
  node.start({ onMessage: onWelcome, onClose: () => undefined })
  node.send({ type: 'heartbeat' })
  const there = await arrived
  const { heard } = follow(there)
  const welcome = { type: 'welcome', membership: 'PENDING', message: 'wait', storeGeneration: 'g' } as const
  there.send(welcome)
  assert.deepEqual([await welcomed, heard], [welcome, ['heartbeat']])
  node.close()

  const { promise: spoken, resolve: onHeard } = Promise.withResolvers<unknown>()
  const serving = await handleProtocol(
    older,
    LINK_PROTOCOLS[2],
    (bytes) =>
      new Promise((onEnd) =>
        streamChannel(bytes, computeMessageV2Schema).start({ onMessage: onHeard, onClose: () => onEnd() }),
      ),
    { logger: silentLogger, overRelay: true },
  )
  t.after(() => serving.stop())
  const link = await openLink(host, older.peerId.toString(), never())
  const closed = new Promise((end) => link.start({ onMessage: () => undefined, onClose: end }))
  link.send({ type: 'preparing', executionId: 'e-1', message: 'half of it' })
  link.send(heartbeat)
  assert.deepEqual(await spoken, heartbeat)
  link.close()
  assert.equal(await closed, undefined)
})
