import assert from 'node:assert/strict'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, test, type TestContext } from 'node:test'
import { gzipSync } from 'node:zlib'
import { json, playedServer } from '../test/played-server.ts'
import { createClient } from './client.ts'
import { tarOf } from './tar.ts'

/** A node that lists these results, and a place that is none of it, which serves one body. */
async function bench(
  context: TestContext,
  resultsAt: (url: string) => readonly object[],
  body: Uint8Array,
  status = 200,
) {
  const asked: IncomingMessage[] = []
  const place = createServer((request, response) => {
    asked.push(request)
    response.writeHead(status).end(body)
  })
  await new Promise<void>((resolve) => place.listen(0, '127.0.0.1', resolve))
  context.after(() => place.close())
  const url = `http://127.0.0.1:${(place.address() as AddressInfo).port}/token/e-1.tar.gz?sign=1`
  const node = await playedServer(context, [json({ NextToken: '', Items: resultsAt(url) })])
  const client = createClient({ baseUrl: node.url, token: 'secret' })
  const read = async () => {
    const found: [path: string, text: string][] = []
    for await (const entry of client.data.results('j-1')) {
      if (entry.kind !== 'file') found.push([entry.path, entry.kind])
      else found.push([entry.path, Buffer.concat(await Array.fromAsync(entry.content())).toString()])
    }
    return found
  }
  return { read, asked }
}

const FILES = [
  { path: 'stdout', content: 'out' },
  { path: 'outputs/a', content: 'deep' },
]
const archive = async () => gzipSync(Buffer.concat((await Array.fromAsync(tarOf(FILES))) as Uint8Array[]))
const local = (URL: string) => ({ Type: 'urlDownload', Params: { URL } })
const signed = (PreSignedURL: string) => ({ Type: 's3PreSigned', Params: { PreSignedURL, Managed: true } })

describe('results that are archives', () => {
  test('are unpacked as they come, from a node and from S3', async (context) => {
    for (const result of [local, signed]) {
      const { read, asked } = await bench(context, (url) => [result(url)], await archive())
      assert.deepEqual(await read(), [
        ['', 'directory'],
        ['stdout', 'out'],
        ['outputs/a', 'deep'],
      ])
      assert.equal(asked[0]?.headers.authorization, undefined, 'the token is for the node')
    }
  })

  test('of several executions are in folders of their numbers', async (context) => {
    const { read } = await bench(context, (url) => [local(url), signed(url)], await archive())
    const paths = (await read()).map(([path]) => path)
    assert.deepEqual(paths, ['0', '0/stdout', '0/outputs/a', '1', '1/stdout', '1/outputs/a'])
  })

  test('that are gone, or none, or somewhere else, are told', async (context) => {
    const gone = await bench(context, (url) => [local(url)], Buffer.alloc(0), 404)
    await assert.rejects(gone.read(), { code: 'NotFound', message: /e-1\.tar\.gz: it answers 404$/ })
    const whole = await archive()
    for (const bytes of [Buffer.from('nothing'), whole.subarray(0, whole.length - 6)]) {
      const { read } = await bench(context, (url) => [local(url)], bytes)
      await assert.rejects(read(), { code: 'ContentInvalid' })
    }
    const elsewhere = await bench(context, () => [{ Type: 's3', Params: { Bucket: 'b', Key: 'k/' } }], Buffer.alloc(0))
    await assert.rejects(elsewhere.read(), { code: 'NotImplemented', message: /type "s3"/ })
  })
})
