// The two-minute tour: a swarm of two real nodes on this machine, one real job, its result fetched by CID. Everything it does
// is a command that you could type; each is shown before it runs.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { styleText } from 'node:util'
import { freePorts } from '../packages/bacalhau/test/program.ts'

const root = path.join(import.meta.dirname, '..')
const command = path.join(root, 'packages/bacalhau/bin/bacalhau.cjs')
const result = path.join(root, 'quickstart-result')
/** A node that does not answer by then is broken, not slow. Milliseconds. */
const START_TIME = 30_000

const data = await mkdtemp(path.join(tmpdir(), 'bacalhau-quickstart-'))
const nodes: ChildProcess[] = []
process.once('SIGINT', () => void end(130))
process.once('SIGTERM', () => void end(143))
try {
  await tour()
  await end(0)
} catch (error) {
  console.error(`\n${styleText('red', 'Error:')} ${error instanceof Error ? error.message : String(error)}`)
  await end(1)
}

async function tour(): Promise<void> {
  // Nodes of yours may be using the usual ones.
  const [apiPort, swarmPort, computeApiPort, computePort] = await freePorts(4)
  const local = ['--host', '127.0.0.1', '--swarm-host', '127.0.0.1', '--log-level', 'warn']
  const api = `http://127.0.0.1:${apiPort}`

  heading('1. An orchestrator, which takes jobs and places them')
  startNode(
    ['serve', '--orchestrator', '--peer', 'none', '--api-port', `${apiPort}`, '--port', `${swarmPort}`, ...local],
    'orchestrator',
  )
  await answering(`${api}/api/v1/agent/alive`, () => true)

  heading('2. A compute node, which connects to it and runs them')
  const peer = `/ip4/127.0.0.1/tcp/${apiPort}/http`
  startNode(
    ['serve', '--compute', '--peer', peer, '--api-port', `${computeApiPort}`, '--port', `${computePort}`, ...local],
    'compute',
  )
  await answering(`${api}/api/v1/orchestrator/nodes`, (body) => /"APPROVED"/.test(body) && /"CONNECTED"/.test(body))
  const toApi = ['--api-port', `${apiPort}`]
  await run(['node', 'list', ...toApi])

  heading('3. A WebAssembly job over a folder of texts: upload, place, run, publish')
  const output = await run(['run', 'examples/word-count/job.yaml', '--follow', ...toApi])
  const cid = /\b(Qm[1-9A-HJ-NP-Za-km-z]{44}|bafy[a-z2-7]{50,})\b(?![^]*\b(?:Qm[1-9A-HJ-NP-Za-km-z]{44})\b)/.exec(
    output,
  )?.[1]
  if (cid === undefined) throw new Error('the job printed no CID')

  heading('4. Its result, fetched by that CID')
  await rm(result, { recursive: true, force: true })
  await run(['data', 'get', cid, 'quickstart-result', ...toApi])
  console.log(styleText('dim', `\n$ cat quickstart-result/outputs/counts.csv`))
  process.stdout.write(await head(path.join(result, 'outputs/counts.csv'), 10))

  heading('5. Stop')
  // The compute node first: it tells the orchestrator that it leaves.
  for (const node of nodes.toReversed()) await stopNode(node)
  next()
}

function heading(text: string): void {
  console.log(`\n${styleText('bold', text)}`)
}

function show(args: readonly string[]): void {
  console.log(
    styleText('dim', `$ npx bacalhau ${args.map((arg) => (/[\s;*?]/.test(arg) ? `'${arg}'` : arg)).join(' ')}`),
  )
}

function startNode(args: readonly string[], name: string): void {
  show(args)
  const child = spawn(process.execPath, [command, ...args, '--data-dir', path.join(data, name)], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
    // Ctrl-C is for the tour, which then stops the nodes itself.
    detached: true,
  })
  nodes.push(child)
  child.stdout.setEncoding('utf8')
  child.stdout.on('data', (text: string) =>
    process.stdout.write(text.replaceAll(/^(?=.)/gm, styleText('dim', `  ${name} │ `))),
  )
}

async function run(args: readonly string[]): Promise<string> {
  show(args)
  const child = spawn(process.execPath, [command, ...args], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.setEncoding('utf8')
  child.stdout.on('data', (text: string) => {
    output += text
    process.stdout.write(text)
  })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`\`bacalhau ${args.join(' ')}\` ended with exit code ${code}`)
  return output
}

/** Asks `url` until the answer satisfies `accept`. Fails when a node ends, or when it takes longer than START_TIME. */
async function answering(url: string, accept: (body: string) => boolean): Promise<void> {
  const deadline = Date.now() + START_TIME
  while (Date.now() < deadline) {
    const dead = nodes.find(({ exitCode }) => exitCode !== null)
    if (dead !== undefined) throw new Error(`a node ended with exit code ${dead.exitCode} while it was starting`)
    const body = await fetch(url).then(
      (response) => response.text(),
      () => undefined,
    )
    if (body !== undefined && accept(body)) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`no answer from ${url} within ${START_TIME / 1000} s`)
}

async function head(file: string, lines: number): Promise<string> {
  const all = (await readFile(file, 'utf8')).trimEnd().split('\n')
  return `${all.slice(0, lines).join('\n')}\n${all.length > lines ? `… and ${all.length - lines} more lines\n` : ''}`
}

async function stopNode(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'close')
  child.kill('SIGINT')
  const [code] = await ended
  if (code !== 0) throw new Error(`a node ended with exit code ${code} when it was asked to stop`)
}

async function end(code: number): Promise<never> {
  for (const child of nodes) if (child.exitCode === null) child.kill(code === 0 ? 'SIGINT' : 'SIGKILL')
  await rm(data, { recursive: true, force: true })
  process.exit(code)
}

function next(): void {
  console.log(`
${styleText('bold', 'That was a whole network.')} The result is in ./quickstart-result. To go on, start a node that stays:

  npx bacalhau serve --peer none

and in another terminal:

  npx bacalhau run examples/mandelbrot/job.yaml
  npx bacalhau wasm run examples/hello/hello.wasm -i examples/hello/inputs:/inputs --follow
  npx bacalhau job list
  npx bacalhau help

The README says where to read on.`)
}
