import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'

const ROOT = path.join(import.meta.dirname, '../../..')
const PROGRAM = path.join(ROOT, 'packages/bacalhau/src/cli/main.ts')

export interface RealNode {
  readonly url: string
  /** Pulls the plug. */
  kill(): Promise<void>
  /** Starts it again, on the same port and data. */
  restart(): Promise<void>
}

/** A node from the sources of this checkout, in a process of its own, on loopback, that dials nobody. Ends with the test. */
export async function realNode(context: TestContext, env: Readonly<Record<string, string>> = {}): Promise<RealNode> {
  const folder = await mkdtemp(path.join(tmpdir(), 'bacalhau-client-'))
  let port = '0'
  let child: ChildProcess | undefined
  const kill = async () => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const end = once(child, 'exit')
    child.kill('SIGKILL')
    await end
  }
  const start = async () => {
    const places = ['--host', '127.0.0.1', '--swarm-host', '127.0.0.1', '--port', '0', '--api-port', port]
    const args = [PROGRAM, 'serve', ...places, '--peer', 'none', '--data-dir', folder, '--output', 'json']
    child = spawn(process.execPath, args, { env: environment(env), stdio: ['ignore', 'pipe', 'pipe'] })
    const url = await firstUrl(child)
    ;({ port } = new URL(url))
    return url
  }
  context.after(async () => {
    await kill()
    await rm(folder, { recursive: true, force: true })
  })
  const url = await start()
  return {
    url,
    kill,
    async restart() {
      await start()
    },
  }
}

/** Without the user's own settings, and without those of the test runner. */
function environment(extra: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !/^BACALHAU_|^NODE_OPTIONS$|^NODE_TEST/.test(name))
  return { ...Object.fromEntries(own), NO_COLOR: '1', ...extra }
}

/** What the node says of itself once it is ready. Rejects with its errors when it ends before. */
async function firstUrl({ stdout, stderr }: ChildProcess): Promise<string> {
  if (stdout === null || stderr === null) throw new Error('no output')
  let errors = ''
  stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
  for await (const line of createInterface({ input: stdout })) {
    const { APIURL } = JSON.parse(line) as { APIURL: string }
    stdout.resume()
    return APIURL
  }
  throw new Error(`the node ended before it was ready:\n${errors}`)
}

/** A module that greets the names in a file of its input, and the files that it needs: those of an example. */
export async function helloFiles(): Promise<{ readonly module: Uint8Array<ArrayBuffer>; readonly names: string }> {
  const module = await readFile(path.join(ROOT, 'examples/hello/hello.wasm'))
  return { module: new Uint8Array(module), names: 'world\nbacalhau\n' }
}
