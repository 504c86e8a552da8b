import assert from 'node:assert/strict'
import { withBitswap } from '@helia/bitswap'
import { defaultLogger } from '@libp2p/logger'
import type { Libp2p } from '@libp2p/interface'
import { MemoryBlockstore } from 'blockstore-core'
import { importer } from 'ipfs-unixfs-importer'
import { CID } from 'multiformats/cid'
import { sha256 } from 'multiformats/hashes/sha2'
import { describe, type TestContext, test } from 'node:test'
import { startTestHosts } from '../../network/fixtures/test-host.ts'
import { kuboRandomBytes } from '../testing/kubo-random.ts'
import { flow, gather, temporaryContent } from '../testing/temporary.ts'

/** The parts of helia's bitswap that this test needs; the class itself is not exported. */
interface HeliaBroker {
  retrieve(cid: CID, options?: { signal?: AbortSignal }): Promise<Uint8Array>
  stop(): Promise<void>
}

/** Bitswap by others (js-ipfs), which is tested against Kubo there, over `store`. */
async function startHelia(context: TestContext, libp2p: Libp2p, store: MemoryBlockstore): Promise<HeliaBroker> {
  let broker: HeliaBroker | undefined
  const starts: ((host: unknown) => Promise<void>)[] = []
  const host = {
    status: 'starting',
    libp2p,
    logger: defaultLogger(),
    blockstore: store,
    getHasher: async () => sha256,
    routing: { async *findProviders() {}, async provide() {} },
    addMixin: (mixin: { start(host: unknown): Promise<void> }) => starts.push((host) => mixin.start(host)),
    hasBlockBroker: () => false,
    addBlockBroker: (started: HeliaBroker) => {
      broker = started
    },
  }
  // The host is typed as the whole of helia, of which bitswap uses only this.
  withBitswap(host as unknown as Parameters<typeof withBitswap>[0])
  for (const start of starts) await start(host)
  const started = broker
  assert.ok(started !== undefined)
  context.after(() => started.stop())
  return started
}

describe('bitswap with helia', () => {
  test('brings a file from there', async (context) => {
    const [ours, theirs] = await startTestHosts(context, 2)
    const store = new MemoryBlockstore()
    await startHelia(context, theirs!, store)
    const data = kuboRandomBytes(12_000_000, 'helia')
    const [imported] = await Array.fromAsync(importer([{ content: data }], store))
    const content = await temporaryContent(context, { host: ours })
    const ref = { cid: CID.parse(String(imported?.cid)), path: [] }
    assert.equal(Buffer.compare(await gather(content.cat(ref)), data), 0)
  })

  test('serves blocks to there', async (context) => {
    const [ours, theirs] = await startTestHosts(context, 2)
    const content = await temporaryContent(context, { host: ours })
    const helia = await startHelia(context, theirs!, new MemoryBlockstore())
    const { cid } = await content.add(flow(kuboRandomBytes(2_000_000, 'ours')))
    const block = await content.block({ cid, path: [] })
    const signal = AbortSignal.timeout(5_000)
    assert.deepEqual(Buffer.from(await helia.retrieve(CID.parse(cid.toString()), { signal })), Buffer.from(block))
  })
})
