// Every pair of machines reaches each other, whatever routers are between them. In network namespaces with real NAT.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import path from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { after, before, describe, test } from 'node:test'
import type { OwnReachability } from '../../src/network/reach/reach.ts'
import { until } from '../program.ts'
import { createLab, type Machine, type NatKind, type NetworkLab, whyNoLab } from './network-lab.ts'

/** A host on a machine of the laboratory; see `agent.ts`. */
interface Agent {
  readonly kind: NatKind
  readonly machine: Machine
  readonly peerId: string
  ask<T>(...question: (string | number)[]): Promise<T>
  stop(): void
}

const AGENT = path.join(import.meta.dirname, 'agent.ts')

async function startAgent(kind: NatKind, machine: Machine, ...args: string[]): Promise<Agent> {
  const [command = '', ...through] = machine.through
  const child: ChildProcess = spawn(command, [...through, process.execPath, AGENT, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  assert.ok(child.stdin !== null && child.stdout !== null)
  const { stdin, stdout } = child
  const lines = createInterface({ input: stdout })[Symbol.asyncIterator]()
  const read = async () => JSON.parse((await lines.next()).value ?? '{"error":"the agent has ended"}') as unknown
  const peerId = await read()
  assert.ok(typeof peerId === 'string')
  let last: Promise<unknown> = Promise.resolve()
  return {
    kind,
    machine,
    peerId,
    ask<T>(...question: (string | number)[]) {
      // One after the other: answers come in the order of the questions.
      const answered = last.then(async () => {
        stdin.write(`${JSON.stringify(question)}\n`)
        const answer = await read()
        if (typeof answer === 'object' && answer !== null && 'error' in answer) throw new Error(String(answer.error))
        return answer as T
      })
      last = answered.catch(() => undefined)
      return answered
    },
    stop: () => void child.kill('SIGKILL'),
  }
}

/** Which routers can be passed without a relay: those that keep one port for all, or where the other side lets everyone in. */
function canMeet(a: NatKind, b: NatKind): boolean {
  const isOpen = (kind: NatKind) => kind === 'open' || kind === 'full-cone'
  const isHard = (kind: NatKind) => kind === 'symmetric'
  return isOpen(a) || isOpen(b) || (!isHard(a) && !isHard(b))
}

const KINDS: readonly NatKind[] = ['open', 'full-cone', 'port-restricted', 'port-restricted', 'symmetric', 'symmetric']
const skip = whyNoLab() ?? false

describe('behind routers', { skip, timeout: 60_000 }, () => {
  let lab: NetworkLab
  let relay: Agent
  const agents: Agent[] = []
  before(async () => {
    lab = createLab()
    relay = await startAgent('open', lab.machine('open'), '0', 'relay')
    const started = KINDS.map((kind, index) => startAgent(kind, lab.machine(kind), String(index + 1)))
    agents.push(...(await Promise.all(started)))
    const address = `/ip4/${relay.machine.outside}/tcp/4001/p2p/${relay.peerId}`
    await Promise.all(agents.map((agent) => agent.ask('dial', address)))
  })
  after(() => {
    for (const agent of [...agents, relay]) agent.stop()
    lab.remove()
  })

  test('a node learns whether others can reach it, and announces where', async () => {
    for (const agent of agents) {
      const { kind, machine, peerId } = agent
      await until(async () => (await agent.ask<OwnReachability>('own')).verdict !== 'unknown')
      const { verdict, confirmed, seenAs } = await agent.ask<OwnReachability>('own')
      const isReachable = kind === 'open' || kind === 'full-cone'
      const outside = `/ip4/${machine.outside}/tcp/4001`
      assert.equal(verdict, isReachable ? 'reachable' : 'unreachable', kind)
      assert.deepEqual(confirmed, isReachable ? [outside] : [], kind)
      assert.equal(seenAs.includes(outside), kind !== 'symmetric', `${kind} ${seenAs.join()}`)
      const announced = await agent.ask<string[]>('addresses')
      assert.equal(announced.includes(`${outside}/p2p/${peerId}`), isReachable, kind)
      assert.ok(!announced.some((address) => address.startsWith('/ip4/127.')), announced.join())
      assert.equal(await relay.ask('reach', peerId), isReachable ? 'direct' : 'inbound-only', kind)
    }
  })

  for (const [first, a] of KINDS.entries()) {
    for (const [second, b] of [...KINDS.entries()].slice(first + 1)) {
      test(`${a} and ${b}: ${canMeet(a, b) ? 'directly, within five seconds' : 'over the relay'}`, async () => {
        const [from, to] = [agents[first], agents[second]]
        assert.ok(from !== undefined && to !== undefined)
        assert.equal(await from.ask('echo', to.peerId, 100_000), 100_000, 'at once, over whatever there is')
        const begin = performance.now()
        const reach = () => from.ask<string>('reach', to.peerId)
        if (canMeet(a, b)) {
          await until(async () => (await reach()) !== 'relayed' || performance.now() - begin > 5_000)
          assert.match(await reach(), /^(?:direct|punched|inbound-only)$/)
          assert.match(await to.ask('reach', from.peerId), /^(?:direct|punched|inbound-only)$/)
        } else {
          assert.equal(await reach(), 'relayed')
        }
        assert.equal(await to.ask('echo', from.peerId, 100_000), 100_000, 'and back')
      })
    }
  }

  test('IPv6 is as good as IPv4, and both at once are told of', async () => {
    const [open] = agents
    assert.ok(open !== undefined)
    const second = await startAgent('open', lab.machine('open'), '50')
    agents.push(second)
    const [address, other] = [relay, open].map((one) => `/ip6/${one.machine.outside6}/tcp/4001/p2p/${one.peerId}`)
    await second.ask('dial', address ?? '')
    await second.ask('dial', other ?? '')
    assert.equal(await second.ask('echo', open.peerId, 100_000), 100_000)
    assert.equal(await second.ask('reach', open.peerId), 'direct')
    await until(async () => (await second.ask<OwnReachability>('own')).verdict === 'reachable')
    const { seenAs, confirmed } = await second.ask<OwnReachability>('own')
    assert.deepEqual([seenAs, confirmed], [[`/ip6/${second.machine.outside6}/tcp/4001`], seenAs])
    const announced = await second.ask<string[]>('addresses')
    for (const place of [`/ip4/${second.machine.outside}/`, `/ip6/${second.machine.outside6}/`]) {
      assert.ok(
        announced.some((one) => one.startsWith(place) && !one.includes('p2p-circuit')),
        announced.join(),
      )
    }
  })

  test('the relay carries members only, and counts what it carries', async () => {
    const { relays } = await relay.ask<OwnReachability>('own')
    assert.ok(relays !== undefined && relays.bytes > 200_000, JSON.stringify(relays))
    assert.equal(relays.reservations, agents.length)
  })
})
