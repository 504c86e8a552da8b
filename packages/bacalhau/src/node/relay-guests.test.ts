import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { settle } from '../network/fixtures/hand-clock.ts'
import { fixtureKey } from '../network/fixtures/keys.ts'
import { startTestHost } from '../network/fixtures/test-host.ts'
import { Scope } from '../runtime/lifecycle.ts'
import { silentLogger } from '../runtime/logger.ts'
import { systemRandom } from '../runtime/random.ts'
import { openRelayGuests } from './relay-guests.ts'

async function node(t: TestContext, index: number, joinToken: string | undefined, relay?: boolean) {
  const host = await startTestHost(t, index)
  const scope = new Scope()
  t.after(() => scope.stop())
  const config = { joinToken, relay, mdns: false, roles: { orchestrator: false, compute: true } }
  const services = { logger: silentLogger, random: systemRandom }
  return { host, admits: await openRelayGuests({ config, host, services }, scope) }
}

const idOf = (index: number) => fixtureKey(index).peerId

test('a relay takes in those that come with its token, for as long as they stay, and nobody else', async (t) => {
  const relay = await node(t, 0, 'ours', true)
  const member = await node(t, 1, 'ours')
  const stranger = await node(t, 2, 'theirs')
  const nobody = await node(t, 3, undefined)
  for (const { host } of [stranger, nobody, member]) await host.dial(relay.host.getMultiaddrs())
  while (!relay.admits(idOf(1))) await settle()
  assert.deepEqual([relay.admits(idOf(2)), relay.admits(idOf(3))], [false, false])
  assert.equal(member.admits(idOf(0)), false, 'one that is no relay takes in nobody')
  await member.host.hangUp(relay.host.peerId)
  while (relay.admits(idOf(1))) await settle()
})

test('what a node knows is not shown to those that come to it', async (t) => {
  const asking = await node(t, 0, 'ours', true)
  const asked = await node(t, 1, 'ours')
  const other = await node(t, 2, 'ours')
  await asking.host.dial(asked.host.getMultiaddrs())
  await other.host.dial(asking.host.getMultiaddrs())
  while (!asking.admits(idOf(2))) await settle()
  assert.equal(asking.admits(idOf(1)), false)
})
