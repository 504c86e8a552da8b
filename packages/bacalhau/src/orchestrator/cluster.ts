import { type Membership, type NodeInfo, type NodeState, subtractResources } from '@bacalhau/models'
import type { OrchestratorChannel } from '../link/link-protocol.ts'
import { BacalhauError } from '../runtime/error.ts'
import { LIMITS } from '../runtime/limits.ts'
import type { Assignments } from './assignments.ts'
import type { Candidate } from './placement.ts'

interface Member {
  info: NodeInfo
  membership: Membership
  /** Present while the node is connected. */
  channel: OrchestratorChannel | undefined
  /** Is a node that has gone still expected back? */
  expected: boolean
  /** Milliseconds since the epoch; undefined for never. */
  lastHeartbeat: number | undefined
  connectedSince: number | undefined
  disconnectedSince: number | undefined
  lastError: string
}

/** The compute nodes that this orchestrator knows. In memory: nodes come back by themselves. */
export class Cluster {
  readonly #members = new Map<string, Member>()
  readonly #assignments: Assignments
  readonly #now: () => number

  constructor(assignments: Assignments, now: () => number) {
    this.#assignments = assignments
    this.#now = now
  }

  /** A node is there. Returns the channel that this one replaces, if it was still open. */
  connect(info: NodeInfo, membership: Membership, channel: OrchestratorChannel): OrchestratorChannel | undefined {
    const known = this.#members.get(channel.peer)
    const member: Member = {
      info,
      membership,
      channel,
      expected: true,
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
    // Strangers may come and go as they like; nobody has to remember them.
    if (member.membership !== 'APPROVED') this.#members.delete(channel.peer)
    return true
  }

  /** A node that has gone is not expected back any more. */
  giveUp(nodeId: string): void {
    const member = this.#members.get(nodeId)
    if (member !== undefined && member.channel === undefined) member.expected = false
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

  /** Nodes that may get work, now or when they are back. */
  candidates(): Candidate[] {
    return [...this.#members.values()]
      .filter(({ membership, expected }) => membership === 'APPROVED' && expected)
      .map(({ info, channel }) => {
        const { used, unanswered } = this.#assignments.load(info.NodeID)
        return {
          info,
          present: channel !== undefined,
          free: subtractResources(info.ComputeNodeInfo.MaxCapacity, used),
          window: LIMITS.unansweredOffers - unanswered,
        }
      })
  }

  states(): NodeState[] {
    return [...this.#members.values()].map((member) => this.#toState(member))
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

  #toState(member: Member): NodeState {
    const status = member.channel === undefined ? 'DISCONNECTED' : 'CONNECTED'
    const { ComputeNodeInfo: node } = member.info
    const { used, executions } = this.#assignments.load(member.info.NodeID)
    return {
      Info: {
        ...member.info,
        ComputeNodeInfo: {
          ...node,
          AvailableCapacity: subtractResources(node.MaxCapacity, used),
          RunningExecutions: executions,
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
}

/** How the documented API writes "never". */
const ZERO_TIME = '0001-01-01T00:00:00Z'
const time = (milliseconds: number | undefined): string =>
  milliseconds === undefined ? ZERO_TIME : new Date(milliseconds).toISOString()
