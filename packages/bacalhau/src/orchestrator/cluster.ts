import { type Membership, type NodeInfo, type NodeState, type Resources, subtractResources } from '@bacalhau/models'
import { BacalhauError } from '../runtime/error.ts'
import type { Assignments } from './assignments.ts'

/** A compute node that this orchestrator knows. */
export interface Member {
  readonly peer: string
  info: NodeInfo
  membership: Membership
  connected: boolean
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

  connect(peer: string, info: NodeInfo, membership: Membership): Member {
    const member: Member = {
      peer,
      info,
      membership,
      connected: true,
      expected: true,
      lastHeartbeat: this.#now(),
      connectedSince: this.#now(),
      disconnectedSince: this.#members.get(peer)?.disconnectedSince,
      lastError: '',
    }
    this.#members.set(peer, member)
    return member
  }

  disconnect(peer: string, error: string): void {
    const member = this.#members.get(peer)
    if (member === undefined) return
    member.connected = false
    member.disconnectedSince = this.#now()
    member.lastError = error
    // Strangers may come and go as they like; nobody has to remember them.
    if (member.membership !== 'APPROVED') this.#members.delete(peer)
  }

  heard(peer: string, info: NodeInfo | undefined): void {
    const member = this.#members.get(peer)
    if (member === undefined) return
    member.lastHeartbeat = this.#now()
    if (info !== undefined) member.info = info
  }

  forget(peer: string): void {
    this.#members.delete(peer)
  }

  get(peer: string): Member | undefined {
    return this.#members.get(peer)
  }

  /** Nodes that may get work, now or when they are back. */
  candidates(): Member[] {
    return [...this.#members.values()].filter(mayWork)
  }

  /** Nodes that are connected and may not work. */
  unapproved(): number {
    return [...this.#members.values()].filter(({ connected, membership }) => connected && membership !== 'APPROVED')
      .length
  }

  /** What of a node nothing has been promised. */
  free({ peer, info }: Member): Resources {
    return subtractResources(info.ComputeNodeInfo.MaxCapacity, this.#assignments.load(peer).used)
  }

  isApproved(peer: string): boolean {
    return this.#members.get(peer)?.membership === 'APPROVED'
  }

  states(): NodeState[] {
    return [...this.#members.values()].map((member) => this.#toState(member))
  }

  /** Is there a node with this id or this beginning of it? */
  has(id: string): boolean {
    return [...this.#members.keys()].some(isMeantBy(id))
  }

  /** A node by its id or a beginning of it that no other shares. */
  find(id: string): NodeState {
    const isMeant = isMeantBy(id)
    const found = [...this.#members.values()].filter(({ peer }) => isMeant(peer))
    const [first, second] = found.length > 1 ? found.filter(({ peer }) => peer === id) : found
    if (first !== undefined && second === undefined) return this.#toState(first)
    const component = 'NodesManager'
    if (found.length === 0)
      throw new BacalhauError('NotFound', `node not found: ${id}`, {
        component,
        hint: 'List nodes with `bacalhau node list`.',
      })
    const some = found.slice(0, 3).map(({ peer }) => peer)
    const list = [...some, ...(found.length > some.length ? ['...'] : [])].join(' ')
    throw new BacalhauError('Conflict', `multiple nodes found for prefix: ${id}, matching IDs: [${list}]`, {
      component,
      hint: 'Use a more specific node ID prefix',
    })
  }

  #toState(member: Member): NodeState {
    const status = member.connected ? 'CONNECTED' : 'DISCONNECTED'
    const { running, waiting } = this.#assignments.counts(member.peer)
    return {
      Info: {
        ...member.info,
        ComputeNodeInfo: {
          ...member.info.ComputeNodeInfo,
          AvailableCapacity: this.free(member),
          RunningExecutions: running,
          EnqueuedExecutions: waiting,
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

/** Is it this node that an operator names, by its id or a beginning of it? */
export const isMeantBy =
  (id: string) =>
  (peer: string): boolean =>
    peer === id || (id.length >= 3 && peer.startsWith(id))

/** May the node get work, now or when it is back? */
export const mayWork = ({ membership, expected }: Member): boolean => membership === 'APPROVED' && expected

/** How the documented API writes "never". */
const ZERO_TIME = '0001-01-01T00:00:00Z'
const time = (milliseconds: number | undefined): string =>
  milliseconds === undefined ? ZERO_TIME : new Date(milliseconds).toISOString()
