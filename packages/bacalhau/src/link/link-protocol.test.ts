import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ComputeMessage } from '@bacalhau/models'
import { startTestHosts } from '../network/fixtures/test-host.ts'
import { isBacalhauError } from '../runtime/error.ts'
import { silentLogger } from '../runtime/logger.ts'
import { acceptLinks, openLink, type OrchestratorChannel } from './link-protocol.ts'

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
