import assert from 'node:assert/strict'
import os from 'node:os'
import { test } from 'node:test'
import type { AddressManager } from '@libp2p/interface-internal'
import { settle } from '../fixtures/hand-clock.ts'
import { startTestHost } from '../fixtures/test-host.ts'
import { ownReachability, type ReachOptions } from './reach.ts'

const REACH: ReachOptions = { admits: () => true, relay: false, punch: true, autonat: true }

const own = Object.values(os.networkInterfaces())
  .flat()
  .find((info) => info !== undefined && !info.internal && info.family === 'IPv4')?.address

test(
  'a port that a router has opened is told to others only when a peer has come in there',
  { skip: own === undefined },
  async (t) => {
    const server = await startTestHost(t, 0, { listen: [own ?? ''], reach: REACH })
    const client = await startTestHost(t, 1, { listen: [own ?? ''], reach: REACH })
    const { addressManager } = Reflect.get(client, 'components') as { addressManager: AddressManager }
    const port = Number(client.getMultiaddrs()[0]?.toString().split('/')[4])
    addressManager.addPublicAddressMapping(own ?? '', port, '45.0.9.9', 4001)
    await client.dial(server.getMultiaddrs())
    while (ownReachability(client)?.verdict === 'unknown') await settle()
    assert.deepEqual(ownReachability(client)?.confirmed, [`/ip4/${own}/tcp/${port}`])
    assert.ok(!client.getMultiaddrs().some((address) => address.toString().includes('45.0.9.9')))
  },
)
