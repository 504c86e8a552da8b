// Bundles page.ts and serves the folder on http://127.0.0.1:8080:
//   node examples/web-page/serve.ts
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import path from 'node:path'
import { build } from 'esbuild'

const folder = import.meta.dirname

const { outputFiles } = await build({
  entryPoints: [path.join(folder, 'page.ts')],
  bundle: true,
  minify: true,
  format: 'esm',
  platform: 'browser',
  write: false,
})
const pages: Readonly<Record<string, readonly [type: string, content: Uint8Array]>> = {
  '/': ['text/html; charset=utf-8', await readFile(path.join(folder, 'index.html'))],
  '/page.js': ['text/javascript; charset=utf-8', outputFiles[0]?.contents ?? new Uint8Array()],
  '/word-count.wasm': ['application/wasm', await readFile(path.join(folder, '../word-count/word-count.wasm'))],
}
const port = Number(process.env['PORT'] ?? 8080)
const server = createServer(({ url = '/' }, response) => {
  const [type, content] = pages[url] ?? []
  response
    .writeHead(type === undefined ? 404 : 200, { 'content-type': type ?? 'text/plain' })
    .end(content ?? 'not here\n')
})
server.listen(port, '127.0.0.1', () => {
  const address = server.address()
  if (typeof address === 'object') console.log(`http://127.0.0.1:${address?.port}`)
})
