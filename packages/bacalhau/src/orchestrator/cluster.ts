import {
  addResources,
  type Membership,
  NO_RESOURCES,
  type NodeInfo,
  type NodeState,
  type Resources,
  subtractResources,
} from '@bacalhau/models'
import type { OrchestratorChannel } from '../link/link-protocol.ts'
import { BacalhauError } from '../runtime/error.ts'
import type { Candidate } from './placement.ts'

interface Member {
  info: NodeInfo
  membership: Membership
  /** Present while the node is connected. */
  channel: OrchestratorChannel | undefined
  /** What the executions that this orchestrator gave to the node use, by execution. */
  readonly reserved: Map<string, Resources>
  /** Milliseconds since the epoch; undefined for never. */
  lastHeartbeat: number | undefined
  connectedSince: number | undefined
  disconnectedSince: number | undefined
  lastError: string
}

/** The compute nodes that this orchestrator knows, and what it has promised of them. In memory: nodes come back by themselves. */
export class Cluster {
  readonly #members = new Map<string, Member>()
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  /** A node is there. Returns the channel that this one replaces, if it was still open. */
  connect(info: NodeInfo, membership: Membership, channel: OrchestratorChannel): OrchestratorChannel | undefined {
    const known = this.#members.get(channel.peer)
    const member: Member = {
      info,
      membership,
      channel,
      reserved: known?.reserved ?? new Map<string, Resources>(),
      lastHeartbeat: this.#now(),
      connectedSince: this.#now(),
      disconnectedSince: known?.disconnectedSince,
      lastError: '',
    }
    this.#members.set(channel.peer, member)
    return known?.channel
  }

  /** The channel has ended. False when the node had come back by another one already. */
  disconnect(channel: OrchestratorChannel, error: string): boolean {
    const member = this.#members.get(channel.peer)
    if (member === undefined || member.channel !== channel) return false
    member.channel = undefined
    member.disconnectedSince = this.#now()
    member.lastError = error
    return true
  }

  heard(nodeId: string, info: NodeInfo | undefined): void {
    const member = this.#members.get(nodeId)
    if (member === undefined) return
    member.lastHeartbeat = this.#now()
    if (info !== undefined) member.info = info
  }

  /** The channel to a node that may get work; undefined when it is away or not approved. */
  channelTo(nodeId: string): OrchestratorChannel | undefined {
    const member = this.#members.get(nodeId)
    return member?.membership === 'APPROVED' ? member.channel : undefined
  }

  isConnected(nodeId: string): boolean {
    return this.#members.get(nodeId)?.channel !== undefined
  }

  reserve(nodeId: string, executionId: string, resources: Resources): void {
    this.#members.get(nodeId)?.reserved.set(executionId, resources)
  }

  release(nodeId: string, executionId: string): void {
    this.#members.get(nodeId)?.reserved.delete(executionId)
  }

  /** Nodes that may get work now. */
  candidates(): Candidate[] {
    return [...this.#members.values()]
      .filter(({ membership, channel }) => membership === 'APPROVED' && channel !== undefined)
      .map((member) => ({ info: member.info, free: freeOf(member) }))
  }

  states(): NodeState[] {
    return [...this.#members.values()].map(toState)
  }

  /** A node by its id or a beginning of it that no other shares. */
  find(id: string): NodeState {
    const found = this.states().filter(
      ({ Info }) => Info.NodeID === id || (id.length >= 3 && Info.NodeID.startsWith(id)),
    )
    const [first, second] = found.length > 1 ? found.filter(({ Info }) => Info.NodeID === id) : found
    if (first !== undefined && second === undefined) return first
    const component = 'NodesManager'
    if (found.length === 0) throw new BacalhauError('NotFound', `node not found: ${id}`, { component })
    throw new BacalhauError('Conflict', `multiple nodes found for prefix: ${id}`, {
      component,
      hint: 'Use a more specific node ID prefix',
    })
  }
}

function freeOf({ info, reserved }: Member): Resources {
  const used = [...reserved.values()].reduce(addResources, NO_RESOURCES)
  return subtractResources(info.ComputeNodeInfo.MaxCapacity, used)
}

/** How the documented API writes "never". */
const ZERO_TIME = '0001-01-01T00:00:00Z'
const time = (milliseconds: number | undefined): string =>
  milliseconds === undefined ? ZERO_TIME : new Date(milliseconds).toISOString()

function toState(member: Member): NodeState {
  const status = member.channel === undefined ? 'DISCONNECTED' : 'CONNECTED'
  return {
    Info: {
      ...member.info,
      ComputeNodeInfo: {
        ...member.info.ComputeNodeInfo,
        AvailableCapacity: freeOf(member),
        RunningExecutions: member.reserved.size,
      },
    },
    Membership: member.membership,
    Connection: status,
    ConnectionState: {
      Status: status,
      LastHeartbeat: time(member.lastHeartbeat),
      ConnectedSince: time(member.connectedSince),
      DisconnectedSince: time(member.disconnectedSince),
      LastError: member.lastError,
    },
  }
}
