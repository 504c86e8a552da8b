import assert from 'node:assert/strict'
import { test } from 'node:test'
import { handClock } from '../../../network/fixtures/hand-clock.ts'
import { startLyingStranger } from '../../../network/fixtures/lying-stranger.ts'
import { startTestHost } from '../../../network/fixtures/test-host.ts'
import { silentLogger } from '../../../runtime/logger.ts'
import { ask } from '../fixtures/asks.ts'
import { goCall } from '../fixtures/go-host.ts'
import { GO_PROTOCOLS } from '../wire/protocols.ts'
import { handleCalls } from './calls.ts'

test('a stranger that asks and leaves is not called back where it says that it listens', async (t) => {
  const [host, clock] = [await startTestHost(t, 0), handClock()]
  const options = { host, clock, logger: silentLogger, admits: () => false, answersStrangers: true }
  const services = await handleCalls(options, () => assert.fail('a stranger gives no work'))
  t.after(() => Promise.all(services.map((service) => service.stop())))
  const { stranger, leave, knocks } = await startLyingStranger(t, host, 1)
  const node = host.peerId.toString()
  const routing = { SourcePeerID: stranger.peerId.toString(), TargetPeerID: node }
  await goCall(stranger, node, GO_PROTOCOLS.askForBid, { ...ask('e-1'), ...routing })
  assert.equal(clock.pending, 1)
  await leave()
  await clock.advance(0)
  assert.equal(await knocks(), 0)
})
