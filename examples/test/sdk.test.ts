import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { realNode } from '../../packages/client/test/real-node.ts'

const ROOT = path.join(import.meta.dirname, '../..')
const script = (name: string) => path.join(ROOT, 'examples', name)

test('the programs of examples/sdk do what they say', { timeout: 90_000 }, async (context) => {
  const node = await realNode(context)
  const folder = await mkdtemp(path.join(tmpdir(), 'bacalhau-sdk-'))
  context.after(() => rm(folder, { recursive: true, force: true }))
  const run = async (name: string, ...args: string[]) =>
    (await promisify(execFile)(process.execPath, [script(`sdk/${name}`), node.url, ...args], { cwd: ROOT })).stdout

  assert.match(await run('submit-and-wait.ts'), /^j-\S+ Completed\nHello, world!/)
  assert.match(await run('follow-logs.ts'), /fishing\.txt: \d+ words/)
  const progress = (await run('array-progress.ts')).trimEnd().split('\n')
  assert.match(progress.at(-1) ?? '', /^Completed 4 of 4, 0 running$/)

  const target = path.join(folder, 'words')
  assert.match(await run('upload-and-compute.ts', target), /^4 files are in Qm\w+\nResults are in /)
  const expected = path.join(ROOT, 'examples/word-count/expected/outputs')
  for (const name of await readdir(expected)) {
    const results = [path.join(target, 'outputs', name), path.join(expected, name)]
    const [actual, wanted] = await Promise.all(results.map((file) => readFile(file, 'utf8')))
    assert.equal(actual, wanted, name)
  }
})

test('the web page is served with all that it needs', { timeout: 30_000 }, async (context) => {
  const child = spawn(process.execPath, [script('web-page/serve.ts')], {
    env: { ...process.env, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  context.after(async () => {
    child.kill('SIGKILL')
    await once(child, 'exit')
  })
  const [line] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string]
  const base = line.trim()
  const page = await (await fetch(base)).text()
  for (const [, name] of page.matchAll(/src="([^"]+)"/g)) assert.equal((await fetch(`${base}/${name}`)).status, 200)
  const code = await (await fetch(`${base}/page.js`)).text()
  assert.match(code, /\/api\/v1\/orchestrator\/jobs/)
  assert.equal((await fetch(`${base}/word-count.wasm`)).headers.get('content-type'), 'application/wasm')
  assert.equal((await fetch(`${base}/other`)).status, 404)
})
