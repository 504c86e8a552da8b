import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import { findBrowser, openPage } from '../../packages/client/test/browser/chromium.ts'
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

/** Starts the server of the page; gives its address. */
async function servePage(context: TestContext): Promise<string> {
  const child = spawn(process.execPath, [script('web-page/serve.ts')], {
    env: { ...process.env, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  context.after(async () => {
    child.kill('SIGKILL')
    await once(child, 'exit')
  })
  const [line] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string]
  return line.trim()
}

test('the web page is served with all that it needs', { timeout: 30_000 }, async (context) => {
  const base = await servePage(context)
  const page = await (await fetch(base)).text()
  for (const [, name] of page.matchAll(/src="([^"]+)"/g)) assert.equal((await fetch(`${base}/${name}`)).status, 200)
  assert.equal((await fetch(`${base}/word-count.wasm`)).headers.get('content-type'), 'application/wasm')
  assert.equal((await fetch(`${base}/other`)).status, 404)
})

const browser = await findBrowser()

test(
  'the web page counts the words of chosen files',
  { skip: browser === undefined ? 'no Chromium is installed' : false, timeout: 90_000 },
  async (context) => {
    const base = await servePage(context)
    const node = await realNode(context, { BACALHAU_API_CORS_ORIGINS: base })
    const page = await openPage(context, browser ?? '', base)
    const inputs = ['harbour/fishing.txt', 'harbour/sandbox.txt'].map((file) => script(`word-count/inputs/${file}`))
    await page.chooseFiles('#files', inputs)
    const shown = await page.evaluate(`(async () => {
      address.value = ${JSON.stringify(node.url)}
      form.requestSubmit()
      const counts = () => [...document.links].find(({ download }) => download.endsWith('counts.csv'))
      const isDone = () => counts() !== undefined || /Failed|rror/.test(output.textContent)
      while (!isDone()) await new Promise((resolve) => setTimeout(resolve, 20))
      return { output: output.textContent, counts: await (await fetch(counts()?.href ?? 'none')).text() }
    })()`)
    const { output, counts } = shown as { output: string; counts: string }
    assert.match(output, /fishing\.txt: \d+ words[^]*Completed/)
    assert.match(counts, /^[^\n]+\n\w+,\d+/)
  },
)
