import assert from 'node:assert/strict'
import { request as httpRequest } from 'node:http'
import { describe, test, type TestContext } from 'node:test'
import { CID } from 'multiformats/cid'
import { packTar, unpackTar } from 'modern-tar'
import { readCar } from '../../content/car.ts'
import { parseCid } from '../../content/cid.ts'
import type { Content } from '../../content/content.ts'
import { BacalhauError } from '../../runtime/error.ts'
import { ask, temporaryApi } from '../testing/api.ts'

const bytes = (text: string) => new TextEncoder().encode(text)

/** A folder with a text, a page, a link, and a name that tries to be HTML. */
const NASTY = `"><img src=x onerror=alert('1')>&.html`

async function withFolder(context: TestContext) {
  const api = await temporaryApi(context)
  const archive = await packTar([
    { header: { name: 'out/a.txt', size: 10 }, body: '0123456789' },
    { header: { name: 'out/page.html', size: 8 }, body: '<script>' },
    { header: { name: 'out/empty', size: 0 } },
    { header: { name: 'out/link', size: 0, type: 'symlink', linkname: 'a.txt' } },
    { header: { name: NASTY, size: 1 }, body: 'x' },
  ])
  const { CID } = await api.client.data.add(archive, { tar: true })
  const get = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
    fetch(`${api.url}/ipfs/${path}`, { headers, method })
  return { ...api, root: CID, get }
}

describe('gateway: files', () => {
  test('are served whole, for ever, and without being trusted', async (context) => {
    const { get, root, client } = await withFolder(context)
    const response = await get(`${root}/out/a.txt`)
    assert.equal(await response.text(), '0123456789')
    const [file] = await client.data.ls(`${root}/out/a.txt`)
    const expected = {
      'content-type': 'text/plain; charset=utf-8',
      'content-length': '10',
      'accept-ranges': 'bytes',
      etag: `"${file?.CID}"`,
      'cache-control': 'private, max-age=31536000, immutable',
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; sandbox",
    }
    for (const [name, value] of Object.entries(expected)) assert.equal(response.headers.get(name), value, name)
  })

  test('never run in a browser', async (context) => {
    const { get, root } = await withFolder(context)
    for (const path of ['out/page.html', encodeURIComponent(NASTY)]) {
      const response = await get(`${root}/${path}`, { accept: 'text/html' })
      assert.equal(response.headers.get('content-type'), 'application/octet-stream')
      await response.bytes()
    }
  })

  test('are served in part', async (context) => {
    const { get, root } = await withFolder(context)
    const part = async (range: string, headers: Record<string, string> = {}) => {
      const response = await get(`${root}/out/a.txt`, { range, ...headers })
      return [response.status, response.headers.get('content-range'), await response.text()]
    }
    assert.deepEqual(await part('bytes=2-4'), [206, 'bytes 2-4/10', '234'])
    assert.deepEqual(await part('bytes=-2'), [206, 'bytes 8-9/10', '89'])
    assert.deepEqual(await part('bytes=7-'), [206, 'bytes 7-9/10', '789'])
    assert.deepEqual(await part('bytes=0-1,4-5'), [200, null, '0123456789'])
    assert.deepEqual(await part('bytes=2-4', { 'if-range': '"other"' }), [200, null, '0123456789'])
    const etag = (await get(`${root}/out/a.txt`)).headers.get('etag') ?? ''
    assert.deepEqual(await part('bytes=2-4', { 'if-range': etag }), [206, 'bytes 2-4/10', '234'])
  })

  test('are not served beyond their end', async (context) => {
    const { get, root } = await withFolder(context)
    const response = await get(`${root}/out/a.txt`, { range: 'bytes=10-' })
    assert.equal(response.status, 416)
    assert.equal(response.headers.get('content-range'), 'bytes */10')
    assert.equal(response.headers.get('cache-control'), null)
    assert.equal(response.headers.get('etag'), null)
    assert.equal(((await response.json()) as { Code: string }).Code, 'RangeNotSatisfiable')
  })

  test('are not sent again to who has them', async (context) => {
    const { get, root } = await withFolder(context)
    for (const path of ['out/a.txt', 'out', 'out/a.txt?format=raw', '?format=car']) {
      const first = await get(`${root}/${path}`)
      await first.bytes()
      const etag = first.headers.get('etag') ?? 'none'
      for (const known of [etag, `"x", ${etag}`, `W/${etag}`, '*']) {
        const again = await get(`${root}/${path}`, { 'if-none-match': known })
        assert.equal(again.status, 304, known)
        assert.equal(await again.text(), '')
      }
      assert.equal((await get(`${root}/${path}`, { 'if-none-match': '"x"' })).status, 200)
    }
  })

  test('that are empty are empty', async (context) => {
    const { get, root } = await withFolder(context)
    const response = await get(`${root}/out/empty`)
    assert.deepEqual([response.status, response.headers.get('content-length'), await response.text()], [200, '0', ''])
  })

  test('answer to HEAD with what GET would say', async (context) => {
    const { get, root, content } = await withFolder(context)
    content.cat = () => assert.fail('HEAD read the content')
    const response = await get(`${root}/out/a.txt`, { range: 'bytes=2-4' }, 'HEAD')
    assert.deepEqual([response.status, response.headers.get('content-length')], [206, '3'])
    assert.equal((await get(`${root}?format=car`, {}, 'HEAD')).headers.get('content-type'), 'application/vnd.ipld.car')
  })

  test('that are links are not followed', async (context) => {
    const { get, root } = await withFolder(context)
    const response = await get(`${root}/out/link`)
    assert.equal(response.status, 400)
    assert.match(((await response.json()) as { Message: string }).Message, /is a symbolic link/)
  })
})

describe('gateway: folders', () => {
  test('are lists for programs', async (context) => {
    const { get, root, client } = await withFolder(context)
    const response = await get(`${root}/out/`)
    const { Items } = (await response.json()) as { Items: unknown }
    assert.deepEqual(Items, await client.data.ls(`${root}/out`))
    assert.equal(response.headers.get('vary'), 'accept')
  })

  test('are pages for people, in which names are only names', async (context) => {
    const { get, root } = await withFolder(context)
    const response = await get(root, { accept: 'text/html,*/*' })
    assert.equal(response.headers.get('content-type'), 'text/html; charset=utf-8')
    const page = await response.text()
    assert.doesNotMatch(page, /<img/)
    assert.ok(page.includes('&quot;&gt;&lt;img src=x onerror=alert(&#39;1&#39;)&gt;&amp;.html'))
    const href = /href="([^"]*img[^"]*)"/.exec(page)?.[1] ?? ''
    const followed = await fetch(new URL(href.replaceAll('&#39;', "'"), response.url))
    assert.equal(await followed.text(), 'x')
  })
})

describe('gateway: other forms', () => {
  test('a raw block is the block', async (context) => {
    const { get, client } = await withFolder(context)
    const { CID: cid } = await client.data.add(bytes('hello'), { cidVersion: 1 })
    for (const response of [await get(`${cid}?format=raw`), await get(cid, { accept: 'application/vnd.ipld.raw' })]) {
      assert.equal(response.headers.get('content-type'), 'application/vnd.ipld.raw')
      assert.equal(response.headers.get('content-disposition'), `attachment; filename="${cid}.bin"`)
      assert.equal(await response.text(), 'hello')
    }
  })

  test('a CAR can be taken in elsewhere', async (context) => {
    const [{ get, root }, other] = [await withFolder(context), await temporaryApi(context)]
    const response = await get(`${root}?format=car`)
    assert.equal(response.headers.get('content-type'), 'application/vnd.ipld.car')
    const importing = other.content as Content
    await importing.importCar(response.body as AsyncIterable<Uint8Array>, CID.parse(root))
    const text = await new Response(await other.client.data.get(`${root}/out/a.txt`)).text()
    assert.equal(text, '0123456789')
  })

  test('a tar holds everything, under the CID, and is always the same', async (context) => {
    const { get, root } = await withFolder(context)
    const tar = async () => (await get(`${root}?format=tar`)).bytes()
    const archive = await tar()
    const entries = await unpackTar(archive, { strict: true })
    const seen = entries.map(({ header, data }) => [
      header.name,
      header.type,
      header.linkname || (data === undefined ? '' : Buffer.from(data).toString()),
    ])
    assert.deepEqual(seen, [
      [`${root}/`, 'directory', ''],
      [`${root}/${NASTY}`, 'file', 'x'],
      [`${root}/out/`, 'directory', ''],
      [`${root}/out/a.txt`, 'file', '0123456789'],
      [`${root}/out/empty`, 'file', ''],
      [`${root}/out/link`, 'symlink', 'a.txt'],
      [`${root}/out/page.html`, 'file', '<script>'],
    ])
    assert.deepEqual(await tar(), archive)
  })

  test('a tar of a file holds that file', async (context) => {
    const { client, root } = await withFolder(context)
    const stream = await client.data.get(`${root}/out/a.txt`, { format: 'tar' })
    const [entry] = await unpackTar(stream)
    assert.equal(Buffer.from(entry?.data ?? []).toString(), '0123456789')
  })

  test('a large file comes through every form', async (context) => {
    const { client } = await withFolder(context)
    const data = new Uint8Array(3_000_000).map((_, index) => Math.imul(index, 2_654_435_761) >>> 24)
    const { CID: cid } = await client.data.add(data)
    assert.deepEqual(await new Response(await client.data.get(cid)).bytes(), data)
    const [entry] = await unpackTar(await client.data.get(cid, { format: 'tar' }))
    assert.deepEqual(entry?.data, data)
    const car = await new Response(await client.data.get(cid, { format: 'car' })).bytes()
    assert.ok(car.length > data.length)
  })
})

describe('gateway: what it does not have', () => {
  test('a CID that is none', async (context) => {
    const { get } = await withFolder(context)
    for (const path of ['nonsense', 'Qm', 'QmT78zSuBmuS4z925WZfrqQ1qHaJ56DQaTfyMUF7F8ff5O', '']) {
      const response = await get(path)
      assert.equal(response.status, 400, path)
      assert.equal(((await response.json()) as { Code: string }).Code, 'InvalidCid')
    }
  })

  test('a CID that nobody has', async (context) => {
    const { get } = await withFolder(context)
    const response = await get('QmT78zSuBmuS4z925WZfrqQ1qHaJ56DQaTfyMUF7F8ff5o')
    assert.equal(response.status, 404)
    assert.equal(((await response.json()) as { Code: string }).Code, 'ContentNotFound')
  })

  test('a path that leads nowhere', async (context) => {
    const { get, root } = await withFolder(context)
    for (const path of ['none', 'out/a.txt/below', 'out/none']) {
      assert.equal((await get(`${root}/${path}`)).status, 404, path)
    }
  })

  test('a path that leaves the content', async (context) => {
    const { port, root } = await withFolder(context)
    // Not by fetch, which would tidy the path.
    const status = await new Promise((resolve, reject) => {
      const path = `/ipfs/${root}/out/../../../etc/passwd`
      httpRequest({ port, host: '127.0.0.1', path }, (response) => {
        response.resume()
        resolve(response.statusCode)
      })
        .on('error', reject)
        .end()
    })
    assert.equal(status, 400)
  })

  test('a format that is not known', async (context) => {
    const { get, root } = await withFolder(context)
    assert.equal((await get(`${root}?format=zip`)).status, 400)
  })

  test('content that breaks off cuts the connection', async (context) => {
    const { url, content, root } = await withFolder(context)
    content.cat = async function* () {
      yield bytes('012')
      throw new BacalhauError('ContentNotFound', 'the peer is gone')
    }
    const response = await fetch(`${url}/ipfs/${root}/out/a.txt`)
    assert.equal(response.status, 200)
    await assert.rejects(response.text())
  })

  test('content that fails at once is answered with the error', async (context) => {
    const { url, content, root } = await withFolder(context)
    content.cat = async function* () {
      yield* []
      throw new BacalhauError('ContentNotFound', 'asked 2 peers')
    }
    const { status, body, headers } = await ask(`${url}/ipfs/${root}/out/a.txt`)
    assert.equal(status, 404)
    assert.equal((body as { Message: string }).Message, 'asked 2 peers')
    assert.equal(headers.get('cache-control'), null)
  })

  test('a folder whose names would lead a tar elsewhere', async (context) => {
    const { url, content, root } = await withFolder(context)
    content.list = async function* () {
      yield { name: '../evil', cid: parseCid(root), kind: 'file', bytes: 1 }
    }
    const response = await fetch(`${url}/ipfs/${root}?format=tar`)
    await assert.rejects(response.bytes())
  })

  test('a reader who hangs up ends the reading', async (context) => {
    const { url, content, root } = await withFolder(context)
    const ended = Promise.withResolvers<void>()
    content.cat = async function* (_ref, options) {
      options?.signal?.addEventListener('abort', () => ended.resolve())
      yield bytes('012')
      await ended.promise
    }
    const controller = new AbortController()
    const response = await fetch(`${url}/ipfs/${root}/out/a.txt`, { signal: controller.signal })
    const reader = response.body?.getReader()
    await reader?.read()
    controller.abort()
    await ended.promise
  })
})

describe('gateway: the rest of a CAR', () => {
  test('leaves out the first blocks, and is not taken for the whole', async (context) => {
    const { get, root } = await withFolder(context)
    const blocks = async (query: string) => {
      const response = await get(`${root}?format=car${query}`)
      const found: string[] = []
      for await (const { cid } of readCar(ReadableStream.from([await response.bytes()]))) found.push(cid.toString())
      return { found, etag: response.headers.get('etag') }
    }
    const whole = await blocks('')
    assert.ok(whole.found.length > 3)
    for (const skip of [1, 3, whole.found.length, 9_999]) {
      const rest = await blocks(`&skip=${skip}`)
      assert.deepEqual(rest.found, whole.found.slice(skip))
      assert.notEqual(rest.etag, whole.etag)
    }
    assert.equal((await get(`${root}?format=car&skip=-1`)).status, 400)
  })
})
