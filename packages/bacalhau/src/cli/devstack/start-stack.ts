import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import type { NodeConfig } from '../../node/config.ts'
import { loadConfig, toNodeConfig } from '../../node/config.ts'
import type { RunningNode } from '../../node/serve.ts'
import { Scope } from '../../runtime/lifecycle.ts'

/** How many nodes of each kind. */
export interface StackPlan {
  readonly orchestrators: number
  /** Both roles in one node. */
  readonly hybrids: number
  readonly computes: number
}

export interface StackNode extends Pick<RunningNode, 'peerId' | 'apiUrl' | 'addresses'> {
  /** `orchestrator-1`, `hybrid-1`, `compute-3`. */
  readonly name: string
  readonly orchestrates: boolean
  readonly computes: boolean
}

export interface Stack {
  readonly nodes: readonly StackNode[]
  stop(): Promise<void>
}

/**
 * Starts a whole network in this process: every node on 127.0.0.1 and free ports, with a folder of its own below `folder`, and
 * known to nobody else. Throws, with everything stopped again, when one of them cannot start.
 */
export async function startStack(plan: StackPlan, folder: string, signal: AbortSignal): Promise<Stack> {
  const scope = new Scope()
  try {
    const orchestrators: StackNode[] = []
    for (const [name, compute] of [
      ...names('orchestrator', plan.orchestrators, false),
      ...names('hybrid', plan.hybrids, true),
    ]) {
      // A hybrid is a compute node of those that were started before it as well.
      orchestrators.push(
        await startNode({ name, folder, orchestrator: true, compute, peers: peersOf(orchestrators) }, scope, signal),
      )
    }
    const peers = peersOf(orchestrators)
    const computes: StackNode[] = []
    for (const [name] of names('compute', plan.computes, true)) {
      computes.push(await startNode({ name, folder, orchestrator: false, compute: true, peers }, scope, signal))
    }
    return { nodes: [...orchestrators, ...computes], stop: () => scope.stop() }
  } catch (error) {
    await scope.stop().catch(() => undefined)
    throw error
  }
}

const names = (kind: string, count: number, compute: boolean) =>
  Array.from({ length: count }, (_, index) => [`${kind}-${index + 1}`, compute] as const)

const peersOf = (nodes: readonly StackNode[]) => nodes.flatMap(({ addresses }) => addresses.slice(0, 1))

interface NodePlan {
  readonly name: string
  readonly folder: string
  readonly orchestrator: boolean
  readonly compute: boolean
  readonly peers: readonly string[]
}

async function startNode(plan: NodePlan, scope: Scope, signal: AbortSignal): Promise<StackNode> {
  signal.throwIfAborted()
  const { serve } = await import('../../node/serve.ts')
  const node = await serve(await configOf(plan))
  scope.defer(() => node.stop())
  const { peerId, apiUrl, addresses } = node
  return { name: plan.name, orchestrates: plan.orchestrator, computes: plan.compute, peerId, apiUrl, addresses }
}

/** The built-in settings but for what makes it a node of a stack: neither the files nor the environment of the user count. */
async function configOf({ name, folder, orchestrator, compute, peers }: NodePlan): Promise<NodeConfig> {
  const home = path.join(folder, name)
  await mkdir(home, { recursive: true })
  const { settings } = await loadConfig({
    env: {},
    home,
    cwd: home,
    flags: { dataDir: { flag: 'stack-repo', value: home } },
  })
  return toNodeConfig({
    ...settings,
    apiHost: '127.0.0.1',
    apiPort: 0,
    swarmHost: '127.0.0.1',
    swarmPort: 0,
    peers,
    orchestrator,
    compute,
    labels: { name },
    mdns: false,
    upnp: false,
    relay: false,
  })
}
