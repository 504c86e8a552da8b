import assert from 'node:assert/strict'
import { encode, prepare } from '@ipld/dag-pb'
import { MemoryBlockstore } from 'blockstore-core'
import fc from 'fast-check'
import { importer } from 'ipfs-unixfs-importer'
import { balanced } from 'ipfs-unixfs-importer/layout'
import { fixedSize } from 'ipfs-unixfs-importer/chunker'
import { describe, test } from 'node:test'
import { BacalhauError } from '../../runtime/error.ts'
import { cidOf, DAG_PB, RAW } from '../cid.ts'
import { bytesField, varintField } from '../../network/protobuf.ts'
import { kuboRandomBytes } from '../testing/kubo-random.ts'
import { flow, temporaryContent } from '../testing/temporary.ts'
import { hashName, prefixLength, slotOf, slotPrefix } from './hamt.ts'
import { decodeUnixfs, encodeDirectory, encodeFileLeaf, encodeFileNode, encodeShard, encodeSymlink } from './unixfs.ts'

const target = cidOf(1, RAW, Buffer.from('target'))

function decode(block: Uint8Array) {
  return decodeUnixfs(cidOf(1, DAG_PB, block), block)
}

describe('nodes', () => {
  test('leaves of files survive being written and read', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (data) => {
        const node = decode(encodeFileLeaf(data))
        assert.ok(node.kind === 'file')
        assert.deepEqual([node.bytes, Buffer.compare(node.data, data), node.parts], [data.length, 0, []])
      }),
    )
  })

  test('so do nodes of files, folders, shards and links', () => {
    const parts = [1, 2, 3].map((bytes) => ({ cid: target, bytes, treeSize: bytes + 10 }))
    const file = decode(encodeFileNode(parts))
    assert.ok(file.kind === 'file')
    assert.deepEqual([file.bytes, file.parts.map((part) => part.bytes)], [6, [1, 2, 3]])

    const links = [
      { name: 'b', cid: target, treeSize: 1 },
      { name: 'a', cid: target, treeSize: 2 },
    ]
    const folder = decode(encodeDirectory(links))
    assert.ok(folder.kind === 'directory')
    assert.deepEqual(
      folder.links.map(({ name, treeSize }) => [name, treeSize]),
      [
        ['a', 2],
        ['b', 1],
      ],
    )

    const shard = decode(encodeShard(links, Uint8Array.of(3), 256))
    assert.ok(shard.kind === 'shard')
    assert.deepEqual([shard.fanout, shard.links.length], [256, 2])

    assert.deepEqual(decode(encodeSymlink('../x')), { kind: 'symlink', target: '../x' })
  })

  test('a raw block is a file', () => {
    const block = Buffer.from('target')
    assert.deepEqual(decodeUnixfs(target, block), { kind: 'file', bytes: 6, data: block, parts: [] })
  })

  const pb = (data: Uint8Array | undefined, links = 0) =>
    encode(
      prepare({
        ...(data === undefined ? {} : { Data: data }),
        Links: Array.from({ length: links }, () => ({ Name: '', Hash: target, Tsize: 1 })),
      }),
    )
  const type = (value: number) => varintField(1, value)
  const size = (value: number) => varintField(4, value)
  const shard = (fanout: number, hash = 0x22) => Buffer.concat([type(5), varintField(5, hash), varintField(6, fanout)])
  for (const [why, block] of [
    ['not dag-pb', Buffer.from('nonsense')],
    ['no data', pb(undefined)],
    ['data that is not UnixFS', pb(Buffer.from('nonsense'))],
    ['no type', pb(size(1))],
    ['an unknown type', pb(type(9))],
    ['metadata', pb(type(3))],
    ['a part without a length', pb(type(2), 1)],
    ['a length without a part', pb(Buffer.concat([type(2), size(1)]))],
    ['an impossible length', pb(Buffer.concat([type(2), size(2 ** 60)]), 1)],
    ['a shard of another hash', pb(shard(256, 0x12))],
    ['a shard with too few slots', pb(shard(4))],
    ['a shard with too many slots', pb(shard(4096))],
    ['a shard with odd slots', pb(shard(100))],
  ] as const) {
    test(`refused: ${why}`, () => {
      assert.throws(() => decode(block), { code: 'ContentInvalid' })
    })
  }

  test('any bytes are read or refused, nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (data) => {
        for (const block of [data, pb(data), Buffer.concat([bytesField(1, data), bytesField(2, data)])]) {
          try {
            decode(block)
          } catch (error) {
            assert.ok(error instanceof BacalhauError && error.code === 'ContentInvalid', String(error))
          }
        }
      }),
    )
  })
})

describe('slots of sharded folders', () => {
  test('are written as capital digits of one width', () => {
    assert.deepEqual(
      [slotPrefix(10, 256), slotPrefix(255, 256), slotPrefix(3, 8), prefixLength(1024)],
      ['0A', 'FF', '3', 3],
    )
  })

  test('spend the hash from the top', async () => {
    const hash = await hashName('file000100')
    assert.equal(hash, 0xbc97e1fc180a2802n)
    assert.deepEqual(
      [0, 1, 7].map((depth) => slotOf(hash, depth, 256)),
      [0xbc, 0x97, 0x02],
    )
    assert.equal(slotOf(hash, 1, 16), 0xc)
    assert.throws(() => slotOf(hash, 8, 256), { code: 'ContentInvalid' })
  })
})

/** The importer of js-ipfs-unixfs, an implementation by others, with the settings of `ipfs add`. */
async function importedElsewhere(files: Readonly<Record<string, Uint8Array>>, version: 0 | 1): Promise<string> {
  const source = Object.entries(files).map(([name, content]) => ({ path: `root/${name}`, content }))
  const settings = {
    cidVersion: version,
    rawLeaves: version === 1,
    leafType: 'file',
    reduceSingleLeafToSelf: true,
    chunker: fixedSize({ chunkSize: 262_144 }),
    layout: balanced({ maxChildrenPerNode: 174 }),
    shardSplitStrategy: 'links-bytes',
  } as const
  const imported = await Array.fromAsync(importer(source, new MemoryBlockstore(), settings))
  return imported.find(({ path }) => path === 'root')?.cid.toString() ?? ''
}

test('trees have the CIDs that another implementation gives them', async (context) => {
  const content = await temporaryContent(context)
  // The other one takes a backslash before a slash for part of the name.
  const name = fc.string({ minLength: 1, maxLength: 8 }).filter((text) => !/[/.\0\\]/.test(text))
  const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join('/'))
  // Lengths around the ends of chunks.
  const length = fc.oneof(
    fc.nat(100),
    fc.integer({ min: 262_140, max: 262_150 }),
    fc.integer({ min: 524_286, max: 524_290 }),
  )
  const tree = fc.dictionary(path, length, { minKeys: 1, maxKeys: 5 }).filter((files) => {
    const paths = Object.keys(files)
    return !paths.some((one) => paths.some((other) => other.startsWith(`${one}/`)))
  })
  await fc.assert(
    fc.asyncProperty(tree, fc.constantFrom(0 as const, 1 as const), async (lengths, cidVersion) => {
      const files = Object.fromEntries(
        Object.entries(lengths).map(([name, bytes]) => [name, kuboRandomBytes(bytes, name)] as const),
      )
      const entries = (async function* () {
        for (const [path, data] of Object.entries(files)) yield { path, content: flow(data) }
      })()
      const { cid } = await content.addTree(entries, { cidVersion })
      assert.equal(cid.toString(), await importedElsewhere(files, cidVersion))
    }),
    { numRuns: 30 },
  )
})
