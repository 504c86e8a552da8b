import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'

/** A page in a real browser, driven over the DevTools protocol (https://chromedevtools.github.io/devtools-protocol/). */
export interface BrowserPage {
  /** The value of an expression, once its promise is kept. Rejects with what it throws. */
  evaluate(expression: string): Promise<unknown>
  /** Chooses files of this machine in an input of the page. */
  chooseFiles(selector: string, files: readonly string[]): Promise<void>
}

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']

/** Nothing outside of this machine: not even the name of a host is looked up. */
const OFFLINE = [
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-default-apps',
  '--disable-domain-reliability',
  '--disable-sync',
  '--no-first-run',
  '--no-pings',
  '--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1',
]
/** Tests run as root in containers, where the browser's own sandbox and shared memory are not to be had. */
const CONTAINED = ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu']

/** Where a browser of this family is installed, if one is. `BACALHAU_TEST_BROWSER` names another one. */
export async function findBrowser(): Promise<string | undefined> {
  const named = process.env['BACALHAU_TEST_BROWSER']
  const folders = (process.env['PATH'] ?? '').split(path.delimiter)
  const places =
    named === undefined ? NAMES.flatMap((name) => folders.map((folder) => path.join(folder, name))) : [named]
  for (const place of places) {
    const found = await access(place).then(
      () => true,
      () => false,
    )
    if (found) return place
  }
  return undefined
}

/** Opens `url` in a browser without a window, which ends with the test. Resolves when the page is loaded. */
export async function openPage(context: TestContext, browser: string, url: string): Promise<BrowserPage> {
  const profile = await mkdtemp(path.join(tmpdir(), 'bacalhau-browser-'))
  const flags = ['--headless=new', '--remote-debugging-port=0', `--user-data-dir=${profile}`, ...OFFLINE, ...CONTAINED]
  const child = spawn(browser, [...flags, 'about:blank'], { stdio: ['ignore', 'ignore', 'pipe'] })
  context.after(async () => {
    await stop(child)
    await rm(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
  })
  const session = await connect(await debuggerUrl(child))
  const { targetId } = await session.send('Target.createTarget', { url: 'about:blank' })
  const attached = await session.send('Target.attachToTarget', { targetId, flatten: true })
  const sessionId = String(attached['sessionId'])
  await session.send('Page.enable', {}, sessionId)
  const loaded = session.event('Page.loadEventFired')
  await session.send('Page.navigate', { url }, sessionId)
  await loaded
  return {
    async evaluate(expression) {
      const parameters = { expression, awaitPromise: true, returnByValue: true }
      const { result, exceptionDetails } = await session.send('Runtime.evaluate', parameters, sessionId)
      if (exceptionDetails !== undefined) throw new Error(describe(exceptionDetails))
      return (result as { value?: unknown }).value
    },
    async chooseFiles(selector, files) {
      const { root } = await session.send('DOM.getDocument', {}, sessionId)
      const { nodeId } = root as { nodeId: number }
      const found = await session.send('DOM.querySelector', { nodeId, selector }, sessionId)
      await session.send('DOM.setFileInputFiles', { files, nodeId: found['nodeId'] }, sessionId)
    },
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const end = once(child, 'exit')
  child.kill('SIGKILL')
  await end
}

/** The browser writes it to its standard error when it is ready. */
async function debuggerUrl({ stderr }: ChildProcess): Promise<string> {
  if (stderr === null) throw new Error('no output')
  const lines: string[] = []
  for await (const line of createInterface({ input: stderr })) {
    lines.push(line)
    const url = /DevTools listening on (ws:\S+)/.exec(line)?.[1]
    if (url === undefined) continue
    stderr.resume()
    return url
  }
  throw new Error(`the browser ended before it was ready:\n${lines.join('\n')}`)
}

type Answer = Readonly<Record<string, unknown>>

interface Message {
  readonly id?: number
  readonly method?: string
  readonly result?: Answer
  readonly error?: { readonly message: string }
}

async function connect(url: string) {
  const socket = new WebSocket(url)
  await once(socket, 'open')
  const events = new EventTarget()
  let last = 0
  const waiting = new Map<number, { resolve: (answer: Answer) => void; reject: (error: Error) => void }>()
  socket.addEventListener('message', ({ data }) => {
    const { id, method, result, error } = JSON.parse(String(data)) as Message
    if (method !== undefined) return void events.dispatchEvent(new Event(method))
    const asked = waiting.get(id ?? -1)
    waiting.delete(id ?? -1)
    if (error !== undefined) asked?.reject(new Error(error.message))
    else asked?.resolve(result ?? {})
  })
  socket.addEventListener('close', () => {
    for (const { reject } of waiting.values()) reject(new Error('the browser has gone'))
  })
  return {
    event: (name: string): Promise<unknown> => once(events, name),
    send(method: string, params: object, sessionId?: string): Promise<Answer> {
      const id = ++last
      socket.send(JSON.stringify({ id, method, params, ...(sessionId === undefined ? {} : { sessionId }) }))
      return new Promise((resolve, reject) => waiting.set(id, { resolve, reject }))
    },
  }
}

function describe(details: unknown): string {
  const { text, exception } = details as { text: string; exception?: { description?: string; value?: unknown } }
  return exception?.description ?? `${text} ${JSON.stringify(exception?.value)}`
}
