import type { NetworkSpec } from '@bacalhau/models'
import { createServer } from 'node:net'
import { BacalhauError } from '../../../runtime/error.ts'

/** How a container is connected. */
export interface PortPlan {
  readonly mode: 'none' | 'bridge' | 'host' | `container:${string}`
  /** `PortBindings` by `<port>/tcp`. */
  readonly bindings: Readonly<Record<string, readonly { readonly HostIp: string; readonly HostPort: string }[]>>
  /** What tells the job about its ports. */
  readonly env: Readonly<Record<string, string>>
  /** Ports of the host that this job holds. */
  readonly held: readonly number[]
}

export const NO_NETWORK: PortPlan = { mode: 'none', bindings: {}, env: {}, held: [] }

/** Ports that jobs get where the spec names none: the first and the last one. */
export type PortRange = readonly [first: number, last: number]

const USUAL_PORTS: PortRange = [20_000, 32_000]

/** Ports of the host that jobs have in hand. */
export interface Ports {
  /** Throws `Conflict` for a port that is taken. `reserved`: those of containers that nobody has taken up yet. */
  plan(network: NetworkSpec, reserved?: ReadonlySet<number>): Promise<PortPlan>
  /** Those that a container has already. */
  claim(ports: readonly number[]): PortPlan
  giveBack(plan: PortPlan): void
}

export interface PortOptions {
  readonly range?: PortRange
  readonly isFree?: (port: number, host: string) => Promise<boolean>
}

export function createPorts({ range: [first, final] = USUAL_PORTS, isFree = listens }: PortOptions = {}): Ports {
  const held = new Set<number>()
  let last = first - 1

  const take = async (port: number, host: string, reserved: ReadonlySet<number>): Promise<boolean> => {
    if (held.has(port) || reserved.has(port)) return false
    // Held while it is tried, since others look for ports meanwhile.
    held.add(port)
    if (await isFree(port, host)) return true
    held.delete(port)
    return false
  }

  async function next(host: string, reserved: ReadonlySet<number>): Promise<number> {
    for (let tried = 0; tried <= final - first; tried += 1) {
      last = last >= final ? first : last + 1
      const port = last
      if (await take(port, host, reserved)) return port
    }
    throw new BacalhauError('Conflict', `no available ports in range ${first}-${final}`)
  }

  async function portOf(wanted: number, host: string, reserved: ReadonlySet<number>): Promise<number> {
    if (wanted === 0) return next(host, reserved)
    if (await take(wanted, host, reserved)) return wanted
    throw new BacalhauError('Conflict', `port ${wanted} is already in use on the node`)
  }

  return {
    async plan({ Type, Ports: wanted = [] }, reserved = new Set()) {
      const taken: OpenPort[] = []
      try {
        for (const { Name, Static = 0, Target = 0, HostNetwork = '0.0.0.0' } of wanted) {
          const port = await portOf(Static, HostNetwork, reserved)
          taken.push({ name: Name, port, target: Target, host: HostNetwork })
        }
      } catch (error) {
        for (const { port } of taken) held.delete(port)
        throw error
      }
      return planOf(modeOf(Type), taken)
    },
    claim(ports) {
      for (const port of ports) held.add(port)
      return { ...NO_NETWORK, held: ports }
    },
    giveBack(plan) {
      for (const port of plan.held) held.delete(port)
    },
  }
}

/** A port of the host that is the job's now. */
interface OpenPort {
  readonly name: string
  readonly port: number
  /** The one in the container; 0 for the same. */
  readonly target: number
  readonly host: string
}

function planOf(mode: PortPlan['mode'], ports: readonly OpenPort[]): PortPlan {
  const bindings: Record<string, { HostIp: string; HostPort: string }[]> = {}
  const env: Record<string, string> = {}
  for (const { name, port, target, host } of ports) {
    const inside = mode === 'bridge' && target > 0 ? target : port
    env[`BACALHAU_HOST_PORT_${name}`] = String(port)
    env[`BACALHAU_PORT_${name}`] = String(inside)
    if (mode !== 'bridge') continue
    const key = `${inside}/tcp`
    bindings[key] = [...(bindings[key] ?? []), { HostIp: host, HostPort: String(port) }]
  }
  return { mode, bindings, env, held: ports.map(({ port }) => port) }
}

function modeOf(type: NetworkSpec['Type']): PortPlan['mode'] {
  if (type === 'Bridge') return 'bridge'
  return type === 'Host' || type === 'Full' ? 'host' : 'none'
}

/** Can somebody listen there now? */
function listens(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)))
  })
}
