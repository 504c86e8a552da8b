import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { test, type TestContext } from 'node:test'
import { build } from 'esbuild'
import { createClient } from '../../src/index.ts'
import { helloFiles, realNode } from '../real-node.ts'
import { findBrowser, openPage } from './chromium.ts'
import type { Findings } from './page.ts'

const browser = await findBrowser()

/** An empty page that holds the client, from a server that is not the node. */
async function servePage(context: TestContext): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [path.join(import.meta.dirname, 'page.ts')],
    bundle: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2024',
    write: false,
  })
  const script = outputFiles[0]?.text ?? ''
  const server = createServer(({ url }, response) => {
    const [type, body] =
      url === '/page.js'
        ? ['text/javascript', script]
        : ['text/html', '<!doctype html><title>client</title><script type="module" src="/page.js"></script>']
    response.writeHead(200, { 'content-type': `${type}; charset=utf-8` }).end(body)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  context.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test(
  'a web page of another origin uses a node from beginning to end',
  { skip: browser === undefined ? 'no Chromium is installed' : false, timeout: 90_000 },
  async (context) => {
    const origin = await servePage(context)
    const node = await realNode(context, { BACALHAU_API_CORS_ORIGINS: origin })
    const { Token } = await createClient({ baseUrl: node.url }).tokens.create({ name: 'page', scope: 'submit' })
    const page = await openPage(context, browser ?? '', origin)
    const { module, names } = await helloFiles()
    const values = [node.url, Token, Buffer.from(module).toString('base64'), names]
    const call = `explore(${values.map((value) => JSON.stringify(value)).join(', ')})`
    const found = (await page.evaluate(call)) as Findings

    assert.match(found.version, /^v\d/)
    assert.ok(found.sameFolder)
    assert.equal(found.streamed, module.length)
    assert.equal(found.states.at(-1), 'Completed')
    assert.equal(found.told[0], 'ready')
    assert.equal(found.told.at(-1), 'Completed')
    assert.match(found.output, /Hello, world!/)
    assert.equal(found.results['stdout'], found.output)
    assert.match(found.results['outputs/greeting.txt'] ?? '', /bacalhau/)
    assert.deepEqual(found.refusal, ['NotFound', true, true])
    assert.equal(found.tampered, 'ContentInvalid')
    assert.equal(found.stopped, 'seen enough')
  },
)
