import assert from 'node:assert/strict'
import { randomFillSync } from 'node:crypto'
import { describe, test, type TestContext } from 'node:test'
import fc from 'fast-check'
import { packTar } from 'modern-tar'
import { temporaryApi } from '../../bacalhau/src/api/testing/api.ts'
import { seededRandom } from '../../bacalhau/src/runtime/random.ts'
import { type Client, type ContentEntry, createClient, type Fetch, type FolderEntry, isApiError } from '../src/index.ts'

type Tree = Record<string, Uint8Array | string | undefined>

/** Files with their bytes, folders with undefined, links with their target. */
async function treeOf(entries: AsyncIterable<ContentEntry>): Promise<Tree> {
  const tree: Tree = {}
  for await (const entry of entries) {
    if (entry.kind === 'file') {
      tree[entry.path] = Buffer.concat(await Array.fromAsync(entry.content()))
      assert.equal(tree[entry.path]?.length, entry.size)
    } else tree[entry.path] = entry.kind === 'symlink' ? entry.target : undefined
  }
  return tree
}

const noise = (length: number, seed: number) => Buffer.from(seededRandom(seed).bytes(length))
const text = (value: string) => Buffer.from(value)

/** A client of the same node, whose answers go through `change`. */
const through = (url: string, change: (response: Response, url: string) => Response) =>
  createClient({
    baseUrl: url,
    fetch: async (url, init) => change(await fetch(url, init), url),
    after: (delay, action) => {
      if (delay < 15_000) setImmediate(action)
      return () => {}
    },
  })

const piped = (
  response: Response,
  transformer: ConstructorParameters<typeof TransformStream<Uint8Array, Uint8Array>>[0],
) => new Response(response.body?.pipeThrough(new TransformStream(transformer)) ?? null, response)

/** Several blocks, the same block often, one block, nothing; names that need the longer form. */
const FILES: Record<string, Buffer> = {
  'large.bin': noise(1_500_000, 1),
  'zeros.bin': Buffer.alloc(2_000_000),
  'docs/a.txt': text('alpha'),
  'docs/empty': text(''),
  [`docs/${'long'.repeat(50)}/näme ☃.txt`]: text('snow'),
}

const addFiles = (client: Client, files: Record<string, Buffer>) =>
  client.data.addFolder(
    Object.entries(files).map(([path, content]): FolderEntry => ({ path, content: new Uint8Array(content) })),
  )

describe('content', () => {
  test('that was sent as a folder comes back, verified, as it was', async (context) => {
    const { client } = await temporaryApi(context)
    const { CID, Files, Bytes } = await addFiles(client, FILES)
    assert.equal(Files, 5)
    assert.equal(
      Bytes,
      Object.values(FILES).reduce((sum, { length }) => sum + length, 0),
    )
    const long = `docs/${'long'.repeat(50)}`
    assert.deepEqual(await treeOf(client.data.walk(CID)), {
      '': undefined,
      docs: undefined,
      [long]: undefined,
      ...FILES,
    })
    assert.deepEqual(await treeOf(client.data.walk(`/ipfs/${CID}/docs/a.txt`)), { '': text('alpha') })
    assert.equal(Buffer.concat(await Array.fromAsync(client.data.read(`${CID}/docs/a.txt`))).toString(), 'alpha')
    await assert.rejects(Array.fromAsync(client.data.read(`${CID}/docs`)), { code: 'BadRequest' })
    await assert.rejects(Array.fromAsync(client.data.read(`${CID}/docs/b`)), { code: 'NotFound' })
    await assert.rejects(Array.fromAsync(client.data.read('QmNot')), { code: 'InvalidCid' })
  })

  test('of every kind is sent, in Node as a stream and elsewhere at once', async (context) => {
    const { client, url } = await temporaryApi(context)
    const entries = (): FolderEntry[] => [
      { path: 'text', content: 'schön' },
      { path: 'blob', content: new Blob(['blob']) },
      { path: 'stream', content: ReadableStream.from([text('ab'), text('c')]), size: 3 },
    ]
    const streamed = await client.data.addFolder(entries())
    const gathered = await createClient({ baseUrl: url, streamsBodies: false }).data.addFolder(entries())
    assert.equal(streamed.CID, gathered.CID)
    assert.deepEqual(await treeOf(client.data.walk(streamed.CID)), {
      '': undefined,
      text: text('schön'),
      blob: text('blob'),
      stream: text('abc'),
    })
    const short = client.data.addFolder([{ path: 's', content: ReadableStream.from([text('abcd')]), size: 3 }])
    await assert.rejects(short, { name: 'TypeError', message: /s is not the 3 bytes long/ })
  })

  test('of a folder with very many entries is found, by name, too', async (context) => {
    const { client } = await temporaryApi(context)
    const files = Object.fromEntries(
      Array.from({ length: 2_600 }, (_, index) => [
        `${'an entry with quite a long name '.repeat(3)}${index}`,
        text(String(index % 7)),
      ]),
    )
    const { CID } = await addFiles(client, files)
    const tree = await treeOf(client.data.walk(CID))
    assert.deepEqual(tree, { '': undefined, ...files })
    const [some] = await Array.fromAsync(client.data.read(`${CID}/${'an entry with quite a long name '.repeat(3)}2017`))
    assert.equal(Buffer.from(some ?? []).toString(), String(2_017 % 7))
    await assert.rejects(Array.fromAsync(client.data.read(`${CID}/an entry`)), { code: 'NotFound' })
  })

  test('holds links as text, and can be passed over', async (context) => {
    const { client } = await temporaryApi(context)
    const archive = await packTar([
      { header: { name: 'a-link', size: 0, type: 'symlink', linkname: 'small' } },
      { header: { name: 'big', size: 1_000_000 }, body: noise(1_000_000, 2) },
      { header: { name: 'small', size: 2 }, body: 'ok' },
    ])
    const { CID } = await client.data.add(archive, { tar: true })
    const kinds: string[] = []
    for await (const entry of client.data.walk(CID)) {
      kinds.push(`${entry.kind} ${entry.path}`)
      if (entry.kind === 'symlink') assert.equal(entry.target, 'small')
      if (entry.path === 'small' && entry.kind === 'file') {
        assert.equal(Buffer.concat(await Array.fromAsync(entry.content())).toString(), 'ok')
      }
    }
    assert.deepEqual(kinds, ['directory ', 'symlink a-link', 'file big', 'file small'])
  })
})

describe('a node that cannot be trusted', () => {
  const FEW = { 'a/b': noise(300_000, 3), c: text('c') }

  async function archived(context: TestContext) {
    const { client, url } = await temporaryApi(context)
    const { CID } = await addFiles(client, FEW)
    const car = Buffer.from(await new Response(await client.data.get(CID, { format: 'car' })).arrayBuffer())
    return { CID, url, car }
  }
  test('can change no bit of what is read', async (context) => {
    const { CID, url, car } = await archived(context)
    const expected = { '': undefined, a: undefined, ...FEW }
    const place = fc.integer({ min: 0, max: car.length - 1 })
    await fc.assert(
      fc.asyncProperty(place, fc.integer({ min: 1, max: 255 }), async (place, difference) => {
        const bad = Buffer.from(car)
        bad[place] = (bad[place] ?? 0) ^ difference
        const client = through(url, (_, url) => (url.includes('format=car') ? new Response(bad) : new Response('bad')))
        try {
          // The header of the archive says nothing that matters.
          assert.deepEqual(await treeOf(client.data.walk(CID)), expected)
          assert.ok(place < 70, `a change at ${place} was not noticed`)
        } catch (error) {
          assert.ok(isApiError(error, 'ContentInvalid', 'Unreachable'), String(error))
        }
      }),
      { numRuns: 40 },
    )
  })

  test('can send what it likes in the place of an archive', async (context) => {
    const { CID, url } = await archived(context)
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (noise) => {
        const client = through(url, () => new Response(noise))
        const failed = treeOf(client.data.walk(CID))
        await assert.rejects(failed, (error) => isApiError(error, 'ContentInvalid', 'Unreachable'))
      }),
      { numRuns: 12 },
    )
  })

  test('whose connection breaks again and again costs time, not content', async (context) => {
    const { CID, url } = await archived(context)
    let broken = 0
    const client = through(url, (response, url) => {
      if (broken >= 6 || !url.includes('/ipfs/')) return response
      broken += 1
      let bytes = 0
      return piped(response, {
        transform(chunk, controller) {
          bytes += chunk.length
          if (bytes > 50_000 * broken) controller.error(new TypeError('terminated'))
          else controller.enqueue(chunk)
        },
      })
    })
    assert.deepEqual(await treeOf(client.data.walk(CID)), { '': undefined, a: undefined, ...FEW })
    assert.ok(broken >= 2)
  })
})

test('a slow reader of a large file makes nobody hold it in memory', async (context) => {
  const { client, url } = await temporaryApi(context)
  const total = 64 * 1024 * 1024
  async function* pieces() {
    for (let sent = 0; sent < total; sent += 1024 * 1024) yield randomFillSync(new Uint8Array(1024 * 1024))
  }
  const { CID } = await client.data.add(pieces())
  let pulled = 0
  const counting: Fetch = async (url, init) =>
    piped(await fetch(url, init), {
      transform(chunk, controller) {
        pulled += chunk.length
        controller.enqueue(chunk)
      },
    })
  let [read, ahead] = [0, 0]
  for await (const chunk of createClient({ baseUrl: url, fetch: counting }).data.read(CID)) {
    read += chunk.length
    ahead = Math.max(ahead, pulled - read)
  }
  assert.equal(read, total)
  assert.ok(ahead < 4 * 1024 * 1024, `${ahead} bytes were read ahead`)
})
