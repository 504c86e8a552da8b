import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, test } from 'node:test'
import { encode, prepare } from '@ipld/dag-pb'
import fc from 'fast-check'
import { CID } from 'multiformats/cid'
import * as digest from 'multiformats/hashes/digest'
import { isApiError } from '../api-error.ts'
import { createTransport } from '../transport.ts'
import { decodeUnixfs } from './unixfs.ts'
import { parseCid } from './cid.ts'
import { type ContentEntry, readContent, walkContent } from './walk.ts'

/** A gateway that holds what is put into it, and sends archives without any block: each is asked for by itself. */
function gateway() {
  const blocks = new Map<string, Uint8Array<ArrayBuffer>>()
  const put = (block: Uint8Array, codec = 0x70): CID => {
    const cid = CID.createV1(codec, digest.create(0x12, createHash('sha256').update(block).digest()))
    blocks.set(cid.toString(), new Uint8Array(block))
    return cid
  }
  const link = (Name: string, Hash: CID) => ({ Name, Hash, Tsize: 1 })
  const node = (data: number[], links: ReturnType<typeof link>[] = []) =>
    // As hostile content may be, its links need not be sorted.
    put(encode({ ...prepare({ Data: Uint8Array.from(data), Links: [] }), Links: links }))
  return {
    put,
    link,
    node,
    raw: (text: string) => put(Buffer.from(text), 0x55),
    folder: (...links: ReturnType<typeof link>[]) => node([8, 1], links),
    /** A file whose parts are said to have these sizes. */
    file: (...parts: [CID, number][]) =>
      node(
        [8, 2, ...parts.flatMap(([, size]) => [32, size])],
        parts.map(([cid]) => link('', cid)),
      ),
    transport: createTransport({
      baseUrl: 'http://node',
      fetch: async (url) => {
        const { pathname, searchParams } = new URL(url)
        if (searchParams.get('format') === 'car') return new Response(Uint8Array.of(1, 0xa0))
        const block = blocks.get(pathname.slice('/ipfs/'.length))
        return block === undefined
          ? new Response('{"Code":"ContentNotFound","Message":"x"}', { status: 404 })
          : new Response(block)
      },
    }),
  }
}

const walked = (world: ReturnType<typeof gateway>, cid: CID): Promise<ContentEntry[]> =>
  Array.fromAsync(walkContent(world.transport, cid.toString(), undefined))
const read = async (world: ReturnType<typeof gateway>, path: string): Promise<string> =>
  Buffer.concat(await Array.fromAsync(readContent(world.transport, path, undefined))).toString()
const isInvalid = (error: unknown) => isApiError(error, 'ContentInvalid')

describe('hostile content', () => {
  test('has no name that leads elsewhere, and none twice', async () => {
    const world = gateway()
    const file = world.raw('x')
    for (const name of ['', '.', '..', '../x', 'a/b', '/etc', 'a\0b']) {
      await assert.rejects(walked(world, world.folder(world.link(name, file))), isInvalid, JSON.stringify(name))
    }
    await assert.rejects(walked(world, world.folder(world.link('a', file), world.link('a', file))), isInvalid)
    const plain = await walked(world, world.folder(world.link('..a', file), world.link('b\\c', file)))
    assert.deepEqual(
      plain.map(({ path }) => path),
      ['', '..a', 'b\\c'],
    )
  })

  test('cannot be longer or shorter than it says', async () => {
    const world = gateway()
    const [part, inner] = [world.raw('abc'), world.file([world.raw('abc'), 3], [world.raw('de'), 2])]
    assert.equal(await read(world, world.file([part, 3], [inner, 5], [part, 3]).toString()), 'abcabcdeabc')
    await assert.rejects(read(world, world.file([part, 4]).toString()), isInvalid)
    await assert.rejects(read(world, world.file([part, 3], [inner, 4]).toString()), isInvalid)
    await assert.rejects(read(world, world.file([world.folder(), 0]).toString()), isInvalid)
    // More links than sizes.
    await assert.rejects(read(world, world.node([8, 2], [world.link('', part)]).toString()), isInvalid)
  })

  test('cannot be endlessly deep', async () => {
    const world = gateway()
    let file = world.raw('a')
    let folder = world.folder()
    for (let depth = 0; depth < 300; depth++) {
      if (depth < 20) file = world.file([file, 1])
      folder = world.folder(world.link('x', folder))
    }
    await assert.rejects(read(world, file.toString()), isInvalid)
    await assert.rejects(walked(world, folder), isInvalid)
  })

  test('is found by name in a sharded folder whatever the node sends first', async () => {
    const world = gateway()
    const shard = (...links: ReturnType<typeof world.link>[]) => world.node([8, 5, 18, 0, 40, 0x22, 48, 16], links)
    const deep = shard(world.link('3b', world.raw('b')))
    const root = shard(world.link('0a', world.raw('a')), world.link('7', deep))
    assert.equal(await read(world, `${root.toString()}/a`), 'a')
    assert.equal(await read(world, `${root.toString()}/b`), 'b')
    await assert.rejects(read(world, `${root.toString()}/c`), { code: 'NotFound' })
    await assert.rejects(walked(world, shard(world.link('7', world.raw('no shard')))), isInvalid)
    await assert.rejects(walked(world, world.node([8, 5, 48, 7])), isInvalid)
  })

  test('that nobody has is told at once', async () => {
    const world = gateway()
    const cid = CID.createV1(0x55, digest.create(0x12, createHash('sha256').update('gone').digest()))
    await assert.rejects(read(world, cid.toString()), { status: 404, code: 'ContentNotFound' })
  })

  test('of any bytes is read, or refused', () => {
    const cid = parseCid('QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn')
    const known = fc.constantFrom('0a020801', '0a0408021800', '12070a00120018000a020801')
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      known.map((hex) => Buffer.from(hex, 'hex')),
    )
    fc.assert(
      fc.property(bytes, fc.nat(), fc.integer({ min: 0, max: 255 }), (bytes, place, value) => {
        const block = Uint8Array.from(bytes)
        if (block.length > 0) block[place % block.length] = value
        try {
          decodeUnixfs(cid, block)
        } catch (error) {
          assert.ok(isInvalid(error), String(error))
        }
      }),
      { numRuns: 1_000 },
    )
  })
})
