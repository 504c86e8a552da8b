// Work between machines of which neither has an open port: jobs, inputs, logs and results. In network namespaces with NAT.
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { bacalhau, CHECKOUT, type Ended, launchNode, type NodeProcess, type StartingNode, until } from '../program.ts'
import { createLab, type Machine, type NatKind, type NetworkLab, whyNoLab } from './network-lab.ts'

const hello = path.join(CHECKOUT, 'examples/hello/hello.wasm')

interface Site {
  readonly machine: Machine
  readonly node: NodeProcess
  /** Runs a command of the program there. */
  cli(...args: string[]): Promise<Ended>
}

const skip = whyNoLab() ?? false

describe('work behind routers', { skip, timeout: 120_000 }, () => {
  let lab: NetworkLab
  let folder: string
  let hub: Site
  let east: Site
  let west: Site
  const nodes: StartingNode[] = []

  async function site(name: string, kind: NatKind, ...args: string[]): Promise<Site> {
    const machine = lab.machine(kind)
    const all = ['--swarm-host', '0.0.0.0', '--port', '4001', '--api-port', '1234', '--labels', `site=${name}`, ...args]
    const launched = launchNode(path.join(folder, name), all, {}, machine.through)
    nodes.push(launched)
    const node = await launched.ready
    return { machine, node, cli: (...words) => bacalhau([...words, ...node.api], { through: machine.through }) }
  }

  const reaches = async (): Promise<Record<string, string | undefined>> => {
    const { stdout } = await hub.cli('node', 'list', '--output', 'json')
    const states = JSON.parse(stdout) as { Info: { Labels: Record<string, string> }; Reach?: string }[]
    return Object.fromEntries(states.map(({ Info, Reach }) => [Info.Labels['site'], Reach]))
  }

  before(async () => {
    lab = createLab()
    folder = await mkdtemp(path.join(tmpdir(), 'bacalhau-nat-'))
    hub = await site('hub', 'open', '--orchestrator', '--join-token', 'secret')
    const join = ['--compute', '--join-token', 'secret', '--peer']
    const address = `/ip4/${hub.machine.outside}/tcp/4001/p2p/${hub.node.peerId}`
    east = await site('east', 'port-restricted', ...join, address)
    west = await site('west', 'symmetric', ...join, address)
    await until(async () => Object.keys(await reaches()).length === 2)
  })
  after(async () => {
    for (const node of nodes.toReversed()) await node.kill()
    lab.remove()
    await rm(folder, { recursive: true, force: true })
  })

  async function input(at: Site, name: string): Promise<string> {
    const file = path.join(folder, `${name}-in`)
    await mkdir(file)
    await writeFile(path.join(file, 'name.txt'), `${name}\n`)
    const { stdout, stderr } = await at.cli('data', 'add', file, '--output', 'json')
    const cid = /\b(?:Qm|baf)\w+/.exec(stdout)?.[0]
    assert.ok(cid !== undefined, stdout + stderr)
    return cid
  }

  for (const [where, from] of [
    ['east', 'west'],
    ['west', 'east'],
  ] as const) {
    test(`a job ${where} reads what lies ${from}, is followed, and its result is fetched`, async () => {
      const cid = await input(from === 'east' ? east : west, from)
      const run = await hub.cli('wasm', 'run', hello, '-i', `ipfs://${cid}:/inputs`, '-s', `site=${where}`, '--follow')
      assert.equal(run.code, 0, run.stdout + run.stderr)
      assert.match(run.stdout, new RegExp(`Hello, ${from}!`))
      const result = /Qm[1-9A-HJ-NP-Za-km-z]{44}/.exec(run.stdout)?.[0] ?? ''
      const target = path.join(folder, `${where}-out`)
      const got = await hub.cli('data', 'get', result, target)
      assert.equal(got.code, 0, got.stderr)
      assert.equal(await readFile(path.join(target, 'stdout'), 'utf8'), `Hello, ${from}!\n`)
    })
  }

  test('the orchestrator says how it reaches each node', async () => {
    await until(async () => (await reaches())['east'] !== undefined)
    assert.deepEqual(await reaches(), { east: 'inbound-only', west: 'inbound-only' })
    const { stdout } = await hub.cli('node', 'list', '--wide')
    assert.match(stdout, /REACH[\s\S]*inbound-only/)
  })
})
