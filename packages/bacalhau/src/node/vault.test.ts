import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseContentRef } from '../content/cid.ts'
import { kuboRandomBytes } from '../content/testing/kubo-random.ts'
import { flow, temporaryContent, temporaryFolder } from '../content/testing/temporary.ts'
import { createVault, VAULT_PIN } from './vault.ts'

describe('the vault', () => {
  test('gives back what it was given, also after a restart', async (context) => {
    const folder = await temporaryFolder(context)
    const content = await temporaryContent(context, { folder })
    const data = [kuboRandomBytes(0, ''), kuboRandomBytes(82_000, 'small'), kuboRandomBytes(3_000_000, 'large')]
    const cids = await Promise.all(data.map((bytes) => createVault(content).put(bytes)))
    await content.stop()
    const again = await temporaryContent(context, { folder })
    await again.collect()
    for (const [index, cid] of cids.entries()) {
      assert.equal(Buffer.compare(await createVault(again).get(cid), data[index] ?? Buffer.of()), 0)
    }
  })

  test('names its content as `ipfs add --cid-version 1` does', async (context) => {
    const content = await temporaryContent(context)
    const { cid } = await content.add(flow('x'), { cidVersion: 1 })
    assert.equal(await createVault(content).put(Buffer.from('x')), cid.toString())
  })

  test('keeps what a user lets go of', async (context) => {
    const content = await temporaryContent(context)
    const cid = await createVault(content).put(Buffer.from('module'))
    await content.pin(parseContentRef(cid).cid)
    assert.ok(content.unpin(parseContentRef(cid).cid))
    await content.collect()
    assert.equal(String(Buffer.from(await createVault(content).get(cid))), 'module')
    assert.deepEqual([content.pins(), content.pins(VAULT_PIN)], [[], [cid]])
  })

  test('lets go of what it is told to, and of nothing else', async (context) => {
    const content = await temporaryContent(context)
    const vault = createVault(content)
    const [a, b] = [await vault.put(Buffer.from('a')), await vault.put(Buffer.from('b'))]
    assert.deepEqual(vault.list().toSorted(), [a, b].toSorted())
    vault.drop(a)
    await content.collect()
    assert.deepEqual([await vault.has(a), await vault.has(b), vault.list()], [false, true, [b]])
  })

  test('says so when it has not what is asked for, or that is too large', async (context) => {
    const content = await temporaryContent(context)
    const missing = 'bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e'
    await assert.rejects(createVault(content).get(missing), { code: 'ContentNotFound' })
    await assert.rejects(createVault(content).get('nonsense'), { code: 'InvalidCid' })
    const { cid } = await content.add(flow(Buffer.alloc(11 * 1024 * 1024)))
    await assert.rejects(createVault(content).get(cid.toString()), { code: 'ContentTooLarge' })
    const stopped = AbortSignal.abort(new Error('stopped'))
    await assert.rejects(createVault(content).get(cid.toString(), stopped), /stopped/)
  })
})
