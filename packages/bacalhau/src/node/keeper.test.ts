import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import type { Libp2p } from '@libp2p/interface'
import { startTestHosts } from '../network/fixtures/test-host.ts'
import { parseContentRef } from '../content/cid.ts'
import type { Content } from '../content/content.ts'
import { kuboRandomBytes } from '../content/testing/kubo-random.ts'
import { flow, folderWith, gather, temporaryContent } from '../content/testing/temporary.ts'
import { createCustody } from '../orchestrator/custody/custody.ts'
import { systemClock } from '../runtime/clock.ts'
import { silentLogger } from '../runtime/logger.ts'
import { systemRandom } from '../runtime/random.ts'
import { Journal } from '../store/journal.ts'
import { createMemoryStore } from '../store/memory.ts'
import { createResultKeeper } from './keeper.ts'

interface Node {
  readonly host: Libp2p
  readonly content: Content
  readonly id: string
}

/** Nodes with content, the first of which is connected to all others. */
async function nodes(context: TestContext, count: number): Promise<[Node, ...Node[]]> {
  const [first, ...others] = await startTestHosts(context, count)
  const node = async (host: Libp2p): Promise<Node> => {
    return { host, id: host.peerId.toString(), content: await temporaryContent(context, { host }) }
  }
  return [await node(first), ...(await Promise.all(others.map(node)))]
}

const { signal } = new AbortController()
const LIMIT = 1_000_000
const ref = (cid: { toString(): string }, ...path: string[]) => parseContentRef([cid.toString(), ...path].join('/'))

describe('a keeper of results', () => {
  test('keeps a result that outlives its node, and lets it go', async (context) => {
    const [orchestrator, compute, user] = await nodes(context, 3)
    const result = await folderWith(context, { stdout: 'out', 'outputs/data': kuboRandomBytes(300_000, 'data') })
    const { cid } = await compute!.content.add(result)
    const keeper = createResultKeeper(orchestrator.content)
    const { bytes } = await keeper.keep(cid.toString(), compute!.id, 'job/j-1', LIMIT, signal)
    assert.ok(bytes > 300_000 && bytes < 301_000)
    await compute!.content.stop()
    await compute!.host.stop()
    await orchestrator.content.collect()
    assert.equal(String(await gather(user!.content.cat(ref(cid, 'stdout')))), 'out')
    await keeper.release('job/j-1')
    await orchestrator.content.collect()
    assert.equal(orchestrator.content.usage().blocks, 0)
  })

  test('only pins what lies here already', async (context) => {
    const content = await temporaryContent(context)
    const { cid } = await content.add(flow('here'))
    await createResultKeeper(content).keep(cid.toString(), 'this very node', 'job/j-1', LIMIT, signal)
    content.unpin(cid)
    await content.collect()
    assert.ok(await content.has(ref(cid)))
  })

  test('leaves alone what is too large, wherever it lies', async (context) => {
    const [orchestrator, compute] = await nodes(context, 2)
    const { cid } = await compute!.content.add(flow(kuboRandomBytes(LIMIT + 1, 'large')))
    for (const { content } of [orchestrator, compute!]) {
      const keeping = createResultKeeper(content).keep(cid.toString(), compute!.id, 'job/j-1', LIMIT, signal)
      await assert.rejects(keeping, { code: 'ContentTooLarge' })
      assert.deepEqual(content.pins('job/j-1'), [])
    }
    assert.equal(orchestrator.content.usage().blocks, 1, 'only the root has come')
  })

  test('says that it could not get it, and stops when it is told to', async (context) => {
    const [orchestrator, compute] = await nodes(context, 2)
    const { cid } = await compute!.content.add(flow('gone'))
    compute!.content.unpin(cid)
    await compute!.content.collect()
    const keeper = createResultKeeper(orchestrator.content)
    const keep = (wanted: AbortSignal) => keeper.keep(cid.toString(), compute!.id, 'job/j-1', LIMIT, wanted)
    await assert.rejects(keep(signal), { code: 'ContentNotFound' })
    await assert.rejects(keep(AbortSignal.abort(new Error('stopped'))), /stopped/)
  })
})

test('what a job published is kept by its orchestrator from the unit in which it completed', async (context) => {
  const [orchestrator, compute, user] = await nodes(context, 3)
  const { cid } = await compute!.content.add(await folderWith(context, { stdout: 'out' }))
  const services = { store: createMemoryStore(), clock: systemClock, random: systemRandom, logger: silentLogger }
  const journal = new Journal(services)
  const { promise: kept, resolve } = Promise.withResolvers<void>()
  const keeper = createResultKeeper(orchestrator.content)
  const custody = await createCustody({
    ...services,
    journal,
    limit: LIMIT,
    keeper: {
      ...keeper,
      async keep(...parameters) {
        const result = await keeper.keep(...parameters)
        resolve()
        return result
      },
    },
  })
  const PublishedResult = { Type: 'ipfs', Params: { CID: cid.toString() } }
  custody.noteCompleted({ ID: 'j-1' }, { ID: 'e-1', PublishedResult }, compute!.id)
  await kept
  await compute!.content.stop()
  await compute!.host.stop()
  assert.equal(String(await gather(user!.content.cat(ref(cid, 'stdout')))), 'out')
  await custody.stop()
  await journal.flushed()
  const row = await services.store.get('kept', 'j-1/e-1')
  assert.equal(Object(row).state, 'kept')
  await journal.stop()
})
