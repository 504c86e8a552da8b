import type { NetworkSpec } from '@bacalhau/models'
import { createServer } from 'node:net'
import { BacalhauError } from '../../../runtime/error.ts'

/** How a container is connected. */
export interface PortPlan {
  readonly mode: 'none' | 'bridge' | 'host'
  /** `PortBindings` by `<port>/tcp`. */
  readonly bindings: Readonly<Record<string, readonly { readonly HostIp: string; readonly HostPort: string }[]>>
  /** What tells the job about its ports. */
  readonly env: Readonly<Record<string, string>>
  /** Ports of the host that this job holds. */
  readonly held: readonly number[]
}

export const NO_NETWORK: PortPlan = { mode: 'none', bindings: {}, env: {}, held: [] }

/** Ports that jobs get where the spec names none. */
const [FIRST, LAST] = [20_000, 32_000] as const

/** Ports of the host that jobs have in hand. */
export interface Ports {
  /** Throws `Conflict` for a port that is taken. */
  plan(network: NetworkSpec): Promise<PortPlan>
  giveBack(plan: PortPlan): void
}

export function createPorts(isFree: (port: number, host: string) => Promise<boolean> = listens): Ports {
  const held = new Set<number>()
  let last = FIRST - 1

  const take = async (port: number, host: string): Promise<boolean> => {
    if (held.has(port)) return false
    // Held while it is tried, since others look for ports meanwhile.
    held.add(port)
    if (await isFree(port, host)) return true
    held.delete(port)
    return false
  }

  async function next(host: string): Promise<number> {
    for (let tried = 0; tried <= LAST - FIRST; tried += 1) {
      last = last >= LAST ? FIRST : last + 1
      const port = last
      if (await take(port, host)) return port
    }
    throw new BacalhauError('Conflict', `no available ports in range ${FIRST}-${LAST}`)
  }

  async function portOf(wanted: number, host: string): Promise<number> {
    if (wanted === 0) return next(host)
    if (await take(wanted, host)) return wanted
    throw new BacalhauError('Conflict', `port ${wanted} is already in use on the node`)
  }

  return {
    async plan({ Type, Ports: wanted = [] }) {
      const mode = modeOf(Type)
      const taken: number[] = []
      const bindings: Record<string, { HostIp: string; HostPort: string }[]> = {}
      const env: Record<string, string> = {}
      try {
        for (const { Name, Static = 0, Target = 0, HostNetwork = '0.0.0.0' } of wanted) {
          const port = await portOf(Static, HostNetwork)
          taken.push(port)
          const inside = mode === 'bridge' && Target > 0 ? Target : port
          env[`BACALHAU_HOST_PORT_${Name}`] = String(port)
          env[`BACALHAU_PORT_${Name}`] = String(inside)
          if (mode === 'bridge') bindings[`${inside}/tcp`] = [{ HostIp: HostNetwork, HostPort: String(port) }]
        }
      } catch (error) {
        for (const port of taken) held.delete(port)
        throw error
      }
      return { mode, bindings, env, held: taken }
    },
    giveBack(plan) {
      for (const port of plan.held) held.delete(port)
    },
  }
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
