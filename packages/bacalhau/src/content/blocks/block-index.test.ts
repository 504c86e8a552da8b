import assert from 'node:assert/strict'
import path from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { rawBlock } from '../testing/blocks.ts'
import { temporaryFolder } from '../testing/temporary.ts'
import { type BlockIndex, diskFull, type NewBlock, openBlockIndex } from './block-index.ts'

async function temporaryIndex(context: TestContext): Promise<BlockIndex> {
  const index = openBlockIndex(path.join(await temporaryFolder(context), 'blocks.db'))
  context.after(() => index.close())
  return index
}

const inline = (name: string): NewBlock => {
  const { cid, block } = rawBlock(name)
  return { hash: cid.multihash.bytes, bytes: block.length, leaf: true, packed: undefined, data: block }
}

test('a commit that fails changes nothing, and the next one works', async (context) => {
  const index = await temporaryIndex(context)
  function* failing() {
    yield inline('a')
    throw new Error('in the middle')
  }
  const pack = { id: 1, bytes: 10 }
  assert.throws(() => index.commit({ blocks: failing(), pack, pins: [{ cid: 'x', name: 'user' }] }), /in the middle/)
  assert.deepEqual([index.usage().blocks, index.packs(), index.pins('user')], [0, [], []])
  index.commit({ blocks: [inline('a')], pack: undefined, pins: [{ cid: 'x', name: 'user' }] })
  assert.deepEqual([index.usage().blocks, index.pins('user'), index.isPinned('x')], [1, ['x'], true])
})

test('a block that is committed twice stays where it was', async (context) => {
  const index = await temporaryIndex(context)
  const { hash, bytes } = inline('a')
  const at = (pack: number) => ({ hash, bytes, leaf: false, packed: { pack, offset: 5 } })
  index.commit({ blocks: [at(1)], pack: { id: 1, bytes: 10 }, pins: [] })
  index.commit({ blocks: [at(2)], pack: { id: 2, bytes: 10 }, pins: [] })
  assert.deepEqual(index.find(hash)?.packed, { pack: 1, offset: 5 })
  assert.deepEqual(
    index.packs().map(({ id, live }) => [id, live]),
    [
      [1, bytes],
      [2, 0],
    ],
  )
})

test('marks know whether they were walked', async (context) => {
  const index = await temporaryIndex(context)
  const { hash } = inline('a')
  index.mark(hash)
  assert.deepEqual([index.markWalked(hash), index.markWalked(hash)], [true, false])
  index.mark(hash)
  assert.equal(index.markWalked(hash), false)
  index.clearMarks()
  assert.equal(index.markWalked(hash), true)
})

test('a sweep goes through everything in steps', async (context) => {
  const index = await temporaryIndex(context)
  const blocks = Array.from({ length: 10 }, (_, count) => inline(String(count)))
  index.commit({ blocks, pack: undefined, pins: [] })
  for (const { hash } of blocks.slice(0, 4)) index.mark(hash)
  const steps = []
  let after: number | undefined = 0
  while (after !== undefined) {
    const { last, blocks: swept } = index.sweep(after, 3)
    steps.push(swept)
    after = last
  }
  assert.deepEqual(steps, [0, 2, 3, 1, 0])
  assert.equal(index.usage().blocks, 4)
})

test('closing twice is harmless', async (context) => {
  const index = await temporaryIndex(context)
  index.close()
  index.close()
})

describe('a full disk is recognised', () => {
  const systemError = (code: string, message = code) => Object.assign(new Error(message), { code })
  for (const [error, full] of [
    [systemError('ENOSPC'), true],
    [systemError('EDQUOT'), true],
    [systemError('ERR_SQLITE_ERROR', 'database or disk is full'), true],
    [systemError('ERR_SQLITE_ERROR', 'no such table'), false],
    [systemError('EIO'), false],
    [new Error('disk is full'), false],
  ] as const) {
    test(`${error.message}: ${full}`, () => {
      assert.equal(diskFull(error)?.code, full ? 'DiskFull' : undefined)
    })
  }
})
