import assert from 'node:assert/strict'
import { MemoryBlockstore } from 'blockstore-core'
import { importer } from 'ipfs-unixfs-importer'
import { CID } from 'multiformats/cid'
import { describe, test } from 'node:test'
import { startTestHosts } from '../../network/fixtures/test-host.ts'
import { startHelia } from '../testing/helia.ts'
import { kuboRandomBytes } from '../testing/kubo-random.ts'
import { flow, gather, temporaryContent } from '../testing/temporary.ts'

describe('bitswap with helia', () => {
  test('brings a file from there', async (context) => {
    const [ours, theirs] = await startTestHosts(context, 2)
    const store = new MemoryBlockstore()
    const helia = await startHelia(theirs!, store)
    context.after(() => helia.stop())
    const data = kuboRandomBytes(12_000_000, 'helia')
    const [imported] = await Array.fromAsync(importer([{ content: data }], store))
    const content = await temporaryContent(context, { host: ours })
    const ref = { cid: CID.parse(String(imported?.cid)), path: [] }
    assert.equal(Buffer.compare(await gather(content.cat(ref)), data), 0)
  })

  test('serves blocks to there', async (context) => {
    const [ours, theirs] = await startTestHosts(context, 2)
    const content = await temporaryContent(context, { host: ours })
    const helia = await startHelia(theirs!, new MemoryBlockstore())
    context.after(() => helia.stop())
    const { cid } = await content.add(flow(kuboRandomBytes(2_000_000, 'ours')))
    const block = await content.block({ cid, path: [] })
    const signal = AbortSignal.timeout(5_000)
    assert.deepEqual(Buffer.from(await helia.retrieve(CID.parse(cid.toString()), { signal })), Buffer.from(block))
  })
})
