import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { CID } from 'multiformats/cid'
import type { BlockBatch } from './blocks/block-batch.ts'
import type { BlockSource } from './blocks/block-source.ts'
import { cidOf, DAG_PB, RAW } from './cid.ts'
import { entriesOf, readFile, statOf } from './read.ts'
import { blocksOf, isComplete, resolve, type Scope } from './selection.ts'
import { kuboRandomBytes } from './testing/kubo-random.ts'
import { gather, temporaryStore } from './testing/temporary.ts'
import { buildDirectory, buildSymlink } from './unixfs/directory-builder.ts'
import { buildFile } from './unixfs/file-builder.ts'
import { encodeDirectory, encodeFileNode, encodeShard, type NamedLink } from './unixfs/unixfs.ts'

const put = async (batch: BlockBatch, block: Uint8Array): Promise<CID> => {
  const cid = cidOf(1, DAG_PB, block)
  await batch.put(cid, block)
  return cid
}

describe('the bytes of a file', () => {
  test('are those that were added, for every range', async (context) => {
    const batch = (await temporaryStore(context)).begin()
    context.after(() => batch.discard())
    // More than one level of nodes, so that ranges cross them.
    const data = kuboRandomBytes(180 * 262_144 + 5, 'ranges')
    for (const version of [0, 1] as const) {
      const { cid } = await buildFile([data], version, batch)
      await fc.assert(
        fc.asyncProperty(fc.nat(data.length + 10), fc.nat(600_000), async (offset, length) => {
          const part = await gather(readFile(cid, batch, { offset, length }))
          assert.equal(Buffer.compare(part, data.subarray(offset, offset + length)), 0)
        }),
        { numRuns: 30 },
      )
      assert.equal(Buffer.compare(await gather(readFile(cid, batch)), data), 0)
    }
  })

  test('of something else are refused', async (context) => {
    const batch = (await temporaryStore(context)).begin()
    context.after(() => batch.discard())
    const { cid } = await buildDirectory([], 0, batch)
    await assert.rejects(gather(readFile(cid, batch)), { code: 'BadRequest' })
  })

  test('that are fewer or more than the node says are refused', async (context) => {
    const batch = (await temporaryStore(context)).begin()
    context.after(() => batch.discard())
    const { cid, treeSize } = await buildFile([Buffer.from('12345')], 1, batch)
    for (const bytes of [4, 6]) {
      const liar = await put(batch, encodeFileNode([{ cid, bytes, treeSize }]))
      await assert.rejects(gather(readFile(liar, batch)), { code: 'ContentInvalid' })
    }
  })

  test('of a folder posing as a part are refused', async (context) => {
    const batch = (await temporaryStore(context)).begin()
    context.after(() => batch.discard())
    const { cid, treeSize } = await buildDirectory([], 1, batch)
    const liar = await put(batch, encodeFileNode([{ cid, bytes: 1, treeSize }]))
    await assert.rejects(gather(readFile(liar, batch)), { code: 'ContentInvalid' })
  })

  test('of too many levels are refused', async (context) => {
    const batch = (await temporaryStore(context)).begin()
    context.after(() => batch.discard())
    let part = await buildFile([Buffer.from('x')], 1, batch)
    for (let level = 0; level < 20; level += 1) {
      part = { ...part, cid: await put(batch, encodeFileNode([part])) }
    }
    await assert.rejects(gather(readFile(part.cid, batch)), { code: 'ContentInvalid' })
  })

  test('that are not here are asked for by their block', async (context) => {
    const batch = (await temporaryStore(context)).begin()
    context.after(() => batch.discard())
    const missing = cidOf(1, RAW, Buffer.from('missing'))
    const cid = await put(batch, encodeFileNode([{ cid: missing, bytes: 7, treeSize: 7 }]))
    await assert.rejects(gather(readFile(cid, batch)), {
      code: 'ContentNotFound',
      message: new RegExp(missing.toString()),
    })
  })
})

/** A folder of 6000 files, which is sharded, with one folder and one link among them. */
async function shardedFolder(batch: BlockBatch): Promise<{ cid: CID; names: string[] }> {
  const links: NamedLink[] = []
  const names = Array.from({ length: 6_000 }, (_, index) => `file ${index} ${'x'.repeat(20)}`)
  for (const name of names) links.push({ name, ...(await buildFile([Buffer.from(name)], 0, batch)) })
  const inner = { name: 'inner', ...(await buildFile([Buffer.from('inner')], 0, batch)) }
  links.push({ name: 'folder', ...(await buildDirectory([inner], 0, batch)) })
  links.push({ name: 'link', ...(await buildSymlink('folder', 0, batch)) })
  return { cid: (await buildDirectory(links, 0, batch)).cid, names: [...names, 'folder', 'link'] }
}

const count = async (cid: CID, path: string[], scope: Scope, source: BlockSource) =>
  (await Array.fromAsync(blocksOf({ cid, path, scope }, source))).length

describe('a sharded folder', () => {
  test('lists and finds its entries', async (context) => {
    const batch = (await temporaryStore(context)).begin()
    context.after(() => batch.discard())
    const { cid, names } = await shardedFolder(batch)
    const entries = await Array.fromAsync(entriesOf(cid, batch))
    assert.deepEqual(entries.map(({ name }) => name).toSorted(), names.toSorted())
    assert.equal((await statOf(cid, batch)).kind, 'folder')
    for (const name of [names[0]!, names[3_000]!, names[5_999]!]) {
      const found = await resolve({ cid, path: [name] }, batch)
      assert.equal(String(await gather(readFile(found, batch))), name)
    }
    const inner = await resolve({ cid, path: ['folder', 'inner'] }, batch)
    assert.equal(String(await gather(readFile(inner, batch))), 'inner')
    assert.deepEqual(await statOf(await resolve({ cid, path: ['link'] }, batch), batch), {
      cid: entries.find(({ name }) => name === 'link')?.cid,
      kind: 'symlink',
      bytes: 6,
      target: 'folder',
    })
    for (const path of [['no such'], ['folder', 'no such'], ['link', 'inner'], [names[0]!, 'x'], ['0'], ['']]) {
      await assert.rejects(resolve({ cid, path }, batch), { code: 'NotFound' })
    }
  })

  test('needs few blocks for one of its files', async (context) => {
    const batch = (await temporaryStore(context)).begin()
    context.after(() => batch.discard())
    const { cid, names } = await shardedFolder(batch)
    assert.ok((await count(cid, [names[7]!], 'all', batch)) <= 4)
    assert.equal(await count(cid, [], 'node', batch), 1)
    assert.ok((await count(cid, [], 'list', batch)) > 6_000)
    assert.equal(await count(cid, ['folder'], 'list', batch), await count(cid, ['folder', 'inner'], 'node', batch))
  })
})

describe('malformed folders', () => {
  test('a shard among whose shards is something else', async (context) => {
    const batch = (await temporaryStore(context)).begin()
    context.after(() => batch.discard())
    const inner = await put(batch, encodeDirectory([]))
    const cid = await put(batch, encodeShard([{ name: '0A', cid: inner, treeSize: 1 }], Uint8Array.of(4, 0), 256))
    await assert.rejects(Array.fromAsync(entriesOf(cid, batch)), { code: 'ContentInvalid' })
  })

  test('shards without end', async (context) => {
    const batch = (await temporaryStore(context)).begin()
    context.after(() => batch.discard())
    let cid = await put(batch, encodeShard([], new Uint8Array(), 256))
    for (let depth = 0; depth < 40; depth += 1) {
      const links = Array.from({ length: 256 }, (_, slot) => slot.toString(16).toUpperCase().padStart(2, '0'))
      cid = await put(
        batch,
        encodeShard(
          links.map((name) => ({ name, cid, treeSize: 1 })),
          Uint8Array.of(1),
          256,
        ),
      )
    }
    await assert.rejects(Array.fromAsync(entriesOf(cid, batch)), { code: 'ContentInvalid' })
    await assert.rejects(resolve({ cid, path: ['x'] }, batch), { code: 'ContentInvalid' })
  })
})

test('completeness is a matter of every block', async (context) => {
  const store = await temporaryStore(context)
  const batch = store.begin()
  const file = await buildFile([kuboRandomBytes(600_000, 'complete')], 0, batch)
  const { cid } = await buildDirectory([{ name: 'file', ...file }], 0, batch)
  await batch.commit()
  const blocks = await Array.fromAsync(blocksOf({ cid, path: [], scope: 'all' }, store))
  assert.equal(blocks.length, 5)
  for (const missing of blocks) {
    const without: BlockSource = {
      has: (one) => !one.equals(missing) && store.has(one),
      get: async (one) => (one.equals(missing) ? undefined : store.get(one)),
      links: async (one) => (one.equals(missing) ? undefined : store.links(one)),
    }
    assert.equal(await isComplete({ cid, path: [], scope: 'all' }, without), false)
  }
  assert.ok(await isComplete({ cid, path: [], scope: 'all' }, store))
  assert.ok(await isComplete({ cid, path: ['nowhere'], scope: 'all' }, store))
})
