import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { chmod, mkdir, open, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { ApiError, type Client, type GetOptions } from '@bacalhau/client'
import { CID } from 'multiformats/cid'
import { temporaryApi } from '../../api/testing/api.ts'
import { temporaryFolder } from '../../content/testing/temporary.ts'
import { systemClock } from '../../runtime/clock.ts'
import { readTree } from '../fixtures/read-tree.ts'
import { silentProgress } from '../terminal/progress.ts'
import { openBlockFile } from './block-file.ts'
import { type Download, download } from './download.ts'
import { packFolder } from '../../content/pack-folder.ts'

/** Four blocks of bytes that are not alike. */
const LARGE = Buffer.concat(
  Array.from({ length: 31_250 }, (_, index) => createHash('sha256').update(String(index)).digest()),
)

/** A node with content, and a folder to fetch into. */
async function createWorld(context: TestContext) {
  const { client, content } = await temporaryApi(context)
  const folder = await temporaryFolder(context)
  const at = (...parts: string[]) => path.join(folder, ...parts)
  const told: string[] = []
  const controller = new AbortController()
  const options = {
    progress: silentProgress,
    clock: systemClock,
    tell: async (text: string) => void told.push(text),
    signal: controller.signal,
    pause: async () => {},
  }
  const add = async (files: Record<string, string | Buffer>) => {
    const source = await temporaryFolder(context)
    for (const [name, content] of Object.entries(files)) {
      await mkdir(path.dirname(path.join(source, name)), { recursive: true })
      await writeFile(path.join(source, name), content)
    }
    return (await client.data.add(packFolder(source), { tar: true })).CID
  }
  return { client, content, folder, at, add, told, controller, options }
}

/** The same node, but `change` stands between it and the body of each answer. */
function through(
  client: Client,
  change: (body: ReadableStream<Uint8Array>, attempt: number) => AsyncIterable<Uint8Array>,
) {
  const asked: (number | undefined)[] = []
  const get = async (source: string, options: GetOptions = {}) => {
    asked.push(options.skip)
    return ReadableStream.from(change(await client.data.get(source, options), asked.length))
  }
  return { source: { data: { ...client.data, get } }, asked }
}

/** The first bytes of a body, and then the connection breaks off. */
async function* broken(body: AsyncIterable<Uint8Array>, bytes: number): AsyncGenerator<Uint8Array> {
  let left = bytes
  for await (const chunk of body) {
    yield chunk.subarray(0, left)
    left -= chunk.length
    if (left <= 0) throw new TypeError('terminated')
  }
}

describe('downloading', () => {
  test('is told when another command has fetched the same to the same place meanwhile', async (context) => {
    const { client, add, at, folder, options } = await createWorld(context)
    const source = await add({ stdout: 'hi' })
    const node = through(client, async function* (body) {
      yield* body
      for (const name of await readdir(folder)) await rm(at(name), { recursive: true })
    })
    await assert.rejects(download(node.source, [{ source, target: at('dir') }], options), {
      code: 'Conflict',
      message: /another command/,
    })
  })

  test('a folder, into a place that is made', async (context) => {
    const { client, add, at, folder, options } = await createWorld(context)
    const source = await add({ stdout: 'hi', 'outputs/x': '1' })
    assert.deepEqual(await download(client, [{ source, target: at('deep/er/dir') }], options), [at('deep/er/dir')])
    const tree = { stdout: 'hi', 'outputs/': '', 'outputs/x': '1' }
    assert.deepEqual(await readTree(at('deep/er/dir')), tree)
    assert.deepEqual(await readdir(folder), ['deep'])
  })

  test('point 24: a second time changes nothing and is no error', async (context) => {
    const { client, add, at, folder, options } = await createWorld(context)
    const source = await add({ stdout: 'hi' })
    for (let round = 0; round < 2; round++) await download(client, [{ source, target: at('dir') }], options)
    assert.deepEqual(await readTree(folder), { 'dir/': '', 'dir/stdout': 'hi' })
  })

  test('a file, under its name in a folder or as the name that was given', async (context) => {
    const { client, add, at, folder, options } = await createWorld(context)
    const source = `${await add({ stdout: 'hi', other: 'no' })}/stdout`
    await mkdir(at('dir'))
    const items = [at('dir'), at('other.txt')].map((target) => ({ source, target }))
    assert.deepEqual(await download(client, items, options), [at('dir/stdout'), at('other.txt')])
    assert.deepEqual(await readTree(folder), { 'dir/': '', 'dir/stdout': 'hi', 'other.txt': 'hi' })
  })

  test('when one of several fails nothing is left behind', async (context) => {
    const { client, add, at, folder, options } = await createWorld(context)
    const source = await add({ a: '1' })
    const items = [
      { source, target: at('out/0') },
      { source: `${source}/nothing`, target: at('out/1') },
    ]
    await assert.rejects(download(client, items, options), { code: 'NotFound' })
    assert.deepEqual(await readdir(folder), [])
  })

  test('what is in the way is not touched', async (context) => {
    const { client, add, at, folder, options } = await createWorld(context)
    await mkdir(at('dir'))
    await writeFile(at('dir/stdout'), 'mine')
    const source = await add({ stdout: 'hi', more: '1' })
    await assert.rejects(download(client, [{ source, target: at('dir') }], options), { code: 'Conflict' })
    await assert.rejects(download(client, [{ source, target: at('dir/stdout/x') }], options), { code: 'Conflict' })
    assert.deepEqual(await readTree(folder), { 'dir/': '', 'dir/stdout': 'mine' })
  })

  test('a link that leads out is left out, and said', async (context) => {
    const { client, content, at, told, options } = await createWorld(context)
    const tree = await temporaryFolder(context)
    await writeFile(path.join(tree, 'a'), '1')
    for (const [name, to] of Object.entries({ evil: '../../etc/passwd', good: 'a' }))
      await symlink(to, path.join(tree, name))
    const source = (await content.add(tree)).cid.toString()
    await download(client, [{ source, target: at('dir') }], options)
    assert.deepEqual(await readTree(at('dir')), { a: '1', good: '→ a' })
    assert.deepEqual(told, ['Warning: links that lead out of it are left out: evil'])
  })

  test('a folder that cannot be written to is named', { skip: process.getuid?.() === 0 }, async (context) => {
    const { client, add, at, options } = await createWorld(context)
    const source = await add({ a: '1' })
    await mkdir(at('closed'))
    await chmod(at('closed'), 0o500)
    await assert.rejects(download(client, [{ source, target: at('closed/x') }], options), { code: 'Forbidden' })
  })
})

describe('a download that is interrupted', () => {
  async function withLarge(context: TestContext) {
    const world = await createWorld(context)
    const items: Download[] = [{ source: await world.add({ large: LARGE, small: 'x' }), target: world.at('dir') }]
    return { ...world, items, check: async () => assert.ok((await readFile(world.at('dir/large'))).equals(LARGE)) }
  }

  test('goes on by itself when the connection breaks off, and fetches nothing twice', async (context) => {
    const { client, items, options, folder, check } = await withLarge(context)
    const { source, asked } = through(client, (body, attempt) => (attempt < 4 ? broken(body, 300_000) : body))
    await download(source, items, options)
    await check()
    assert.equal(asked[0], 0)
    assert.equal(asked.length, 4)
    for (const [index, skip = 0] of asked.entries())
      if (index > 0) assert.ok(skip > (asked[index - 1] ?? 0), String(asked))
    assert.deepEqual(await readdir(folder), ['dir'])
  })

  test('goes on where it was when the same command is given again', async (context) => {
    const { client, items, options, folder, told, check } = await withLarge(context)
    const dead = through(client, (body, attempt) => broken(body, attempt === 1 ? 600_000 : 0))
    await assert.rejects(download(dead.source, items, options), { code: 'Unreachable' })
    assert.equal(dead.asked.length, 31)
    assert.deepEqual(told, ['What has come is kept: the same command goes on from there.'])
    assert.equal((await readdir(folder)).length, 1)
    let bytes = 0
    const good = through(client, async function* (body) {
      for await (const chunk of body) {
        bytes += chunk.length
        yield chunk
      }
    })
    await download(good.source, items, options)
    await check()
    assert.ok(bytes < 600_000, `${bytes} bytes were fetched again`)
    assert.deepEqual(await readdir(folder), ['dir'])
  })

  test('by Ctrl-C keeps what came', async (context) => {
    const { client, items, options, folder, controller } = await withLarge(context)
    const reason = new Error('Ctrl-C')
    const { source } = through(client, (body) => broken(body, 400_000))
    const pause = async () => {
      controller.abort(reason)
      controller.signal.throwIfAborted()
    }
    await assert.rejects(download(source, items, { ...options, pause }), reason)
    const [staging = ''] = await readdir(folder)
    assert.match(staging, /^\.bacalhau-[\da-f]{16}$/)
  })

  test('is not harmed by half a block, or by a damaged one', async (context) => {
    const { client, items, options, folder, check } = await withLarge(context)
    for (const spoil of [20, -200_000]) {
      const dead = through(client, (body, attempt) => broken(body, attempt === 1 ? 700_000 : 0))
      await assert.rejects(download(dead.source, items, options), { code: 'Unreachable' })
      const [staging = ''] = (await readdir(folder)).filter((name) => name.startsWith('.'))
      const handle = await open(path.join(folder, staging, '0.car'), 'r+')
      const { size } = await handle.stat()
      if (spoil > 0) await handle.truncate(size - spoil)
      else await handle.write(Buffer.from('spoilt'), 0, 6, size + spoil)
      await handle.close()
      await download(client, items, options)
      await check()
    }
  })

  test('refuses what is not what its CID says, and keeps nothing of it', async (context) => {
    const { client, items, options, folder } = await withLarge(context)
    const { source } = through(client, async function* (body) {
      let passed = 0
      for await (const chunk of body) {
        if (passed > 300_000) chunk[0] = (chunk[0] ?? 0) ^ 1
        passed += chunk.length
        yield chunk
      }
    })
    await assert.rejects(download(source, items, options), { code: 'ContentInvalid' })
    assert.deepEqual(await readdir(folder), [])
  })

  test('refuses an answer that ends without all of it, or is none', async (context) => {
    const { client, items, options, folder } = await withLarge(context)
    const none = { data: { ...client.data, get: async () => ReadableStream.from([new Uint8Array(1_024)]) } }
    await assert.rejects(download(none, items, options), { code: 'ContentInvalid' })
    const source = items[0]?.source
    const cid = typeof source === 'string' ? source : ''
    const block = { data: { ...client.data, get: () => client.data.get(`${cid}/small`, { format: 'car' }) } }
    await assert.rejects(download(block, items, options), {
      code: 'ContentInvalid',
      message: /did not answer with all/,
    })
    assert.deepEqual(await readdir(folder), [])
  })

  test('is fetched whole from a node that leaves nothing out', async (context) => {
    const { client, items, options, check } = await withLarge(context)
    const cut = through(client, (body, attempt) => (attempt === 1 ? broken(body, 600_000) : body))
    const deaf = { data: { ...client.data, get: (source: string) => cut.source.data.get(source, { format: 'car' }) } }
    await download(deaf, items, options)
    await check()
  })

  test('does not mind that its size cannot be had', async (context) => {
    const { client, items, options, check } = await withLarge(context)
    const ls = async () => {
      throw new ApiError(400, 'ContentTooLarge', 'too many entries')
    }
    await download({ data: { ...client.data, ls } }, items, options)
    await check()
  })
})

describe('a file of blocks', () => {
  test('is not taken for that of another root', async (context) => {
    const { client, add, at } = await createWorld(context)
    const roots = [CID.parse(await add({ a: '1' })), CID.parse(await add({ a: '2' }))] as const
    const first = await openBlockFile(at('x.car'), roots[0])
    await first.append(
      roots[0],
      await new Response(await client.data.get(roots[0].toString(), { format: 'raw' })).bytes(),
    )
    assert.deepEqual([first.count, first.has(roots[0])], [1, true])
    await first.close()
    const second = await openBlockFile(at('x.car'), roots[1])
    assert.deepEqual([second.count, second.bytes], [0, 0])
    await second.close()
  })
})
