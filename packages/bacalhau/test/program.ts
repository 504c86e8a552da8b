import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'

/** The command as a user gets it: the release bundle, behind the launcher. */
export const PROGRAM = path.join(import.meta.dirname, '../bin/bacalhau.cjs')
/** The folder of the checkout, where a user types. */
export const CHECKOUT = path.join(import.meta.dirname, '../../..')

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  readonly input?: string | Uint8Array
  /** A command that runs it, for example in another namespace. */
  readonly through?: readonly string[]
}

/** Runs the command to its end. */
export async function bacalhau(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  const child = start(args, options)
  child.stdin?.end(options.input ?? '')
  return ended(child)
}

/** The environment of the tests without the user's own settings: a test sees only what it sets. */
function environment(extra: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !/^BACALHAU_|^NODE_OPTIONS$|^NODE_TEST/.test(name))
  return { ...Object.fromEntries(own), NO_COLOR: '1', ...extra }
}

export function start(args: readonly string[], { env, cwd = CHECKOUT, through = [] }: RunOptions = {}): ChildProcess {
  const [command = process.execPath, ...rest] = [...through, process.execPath, PROGRAM, ...args]
  return spawn(command, rest, { cwd, env: environment(env), stdio: ['pipe', 'pipe', 'pipe'] })
}

/** Resolves when the process has ended and its output has been read. */
export function ended(child: ChildProcess): Promise<Ended> {
  const output = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (text: string) => (output[name] += text))
  }
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, signal, ...output }))
  })
}

/** A node in a process of its own, on loopback and free ports, that dials nobody it was not told to. */
export interface NodeProcess {
  readonly child: ChildProcess
  readonly peerId: string
  readonly addresses: readonly string[]
  readonly apiUrl: string
  readonly joinLine: string | undefined
  readonly dataDir: string
  /** Flags that point a command at this node. */
  readonly api: readonly string[]
  /** Resolves with what the process left when it ends. */
  readonly end: Promise<Ended>
  /** Ends it in order, as Ctrl-C does. */
  stop(): Promise<Ended>
  /** Pulls the plug. */
  kill(): Promise<Ended>
}

type Env = Readonly<Record<string, string>>

/** A node that has been started and may or may not get ready. */
export interface StartingNode {
  /** Resolves when the node says that it is ready. Rejects with its errors when it ends before. */
  readonly ready: Promise<NodeProcess>
  readonly end: Promise<Ended>
  kill(): Promise<Ended>
}

const LOCAL = ['--host', '127.0.0.1', '--swarm-host', '127.0.0.1', '--output', 'json']

export function launchNode(
  dataDir: string,
  args: readonly string[] = [],
  env: Env = {},
  through: readonly string[] = [],
): StartingNode {
  const has = (flag: string) => args.includes(flag)
  const defaults = [
    ...(has('--peer') ? [] : ['--peer', 'none']),
    ...(has('--port') ? [] : ['--port', '0']),
    ...(has('--api-port') ? [] : ['--api-port', '0']),
  ]
  const child = start(['serve', ...LOCAL, '--data-dir', dataDir, ...defaults, ...args], { env, through })
  child.stdin?.end()
  const end = ended(child)
  const kill = () => signal(child, end, 'SIGKILL')
  const ready = Promise.race([firstDocument(child), end.then(refuse)]).then((facts): NodeProcess => {
    const url = new URL(facts.APIURL)
    return {
      child,
      peerId: facts.PeerID,
      addresses: facts.Addresses,
      apiUrl: facts.APIURL,
      joinLine: facts.JoinLine,
      dataDir,
      api: ['--api-host', url.hostname, '--api-port', url.port],
      end,
      stop: () => signal(child, end, 'SIGINT'),
      kill,
    }
  })
  return { ready, end, kill }
}

/** Starts a node and resolves when it says that it is ready. Rejects with its errors when it ends before. */
export function startNode(dataDir: string, args: readonly string[] = [], env: Env = {}): Promise<NodeProcess> {
  return launchNode(dataDir, args, env).ready
}

interface Facts {
  readonly PeerID: string
  readonly Addresses: readonly string[]
  readonly APIURL: string
  readonly JoinLine?: string
}

async function firstDocument(child: ChildProcess): Promise<Facts> {
  if (child.stdout === null) throw new Error('no standard output')
  for await (const line of createInterface({ input: child.stdout })) return JSON.parse(line) as Facts
  // It ended without a word: how it ended is what its exit tells.
  return new Promise(() => undefined)
}

function refuse({ code, stderr }: Ended): never {
  throw new Error(`the node ended with exit code ${code} before it was ready:\n${stderr}`)
}

function signal(child: ChildProcess, end: Promise<Ended>, name: NodeJS.Signals): Promise<Ended> {
  if (child.exitCode === null && child.signalCode === null) child.kill(name)
  return end
}

/** Everything that one test starts, and what ends it. */
export interface World {
  readonly folder: string
  node(name: string, args?: readonly string[], env?: Env): Promise<NodeProcess>
  /** An orchestrator and a compute node that has been approved by it. */
  swarm(env?: Env): Promise<Swarm>
  end(): Promise<void>
}

export interface Swarm {
  readonly orchestrator: NodeProcess
  readonly compute: NodeProcess
}

export async function createWorld(): Promise<World> {
  const folder = await mkdtemp(path.join(tmpdir(), 'bacalhau-test-'))
  const nodes: StartingNode[] = []
  const node = (name: string, args: readonly string[] = [], env: Env = {}) => {
    const launched = launchNode(path.join(folder, name), args, env)
    nodes.push(launched)
    return launched.ready
  }
  return {
    folder,
    node,
    async swarm(env) {
      const orchestrator = await node('orchestrator', ['--orchestrator'], env)
      const peer = orchestrator.addresses[0] ?? ''
      const compute = await node('compute', ['--compute', '--peer', peer], env)
      await until(async () => (await nodesOf(orchestrator)).some((state) => state === 'APPROVED CONNECTED'))
      return { orchestrator, compute }
    },
    async end() {
      for (const node of nodes.toReversed()) await node.kill()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Membership and connection of each node that an orchestrator knows. */
export async function nodesOf({ apiUrl }: NodeProcess): Promise<string[]> {
  const answer = await fetch(`${apiUrl}/api/v1/orchestrator/nodes`)
  const { Nodes } = (await answer.json()) as { Nodes: { Membership: string; Connection: string }[] }
  return Nodes.map(({ Membership, Connection }) => `${Membership} ${Connection}`)
}

/** Asks again and again until the answer is yes. The test's own time limit ends it if that never happens. */
export async function until(question: () => Promise<boolean>): Promise<void> {
  while (!(await question())) await new Promise((resolve) => setTimeout(resolve, 20))
}

/** Ports that nobody listens on now, for a node that has to come back at the same place. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1')
      await once(server, 'listening')
      return server
    }),
  )
  const ports = servers.map((server) => {
    const address = server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  })
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}
