import type { ChangeNodeResponse, ListNodesResponse, NodeAction, NodeState } from '@bacalhau/models'
import { ApiError } from './api-error.ts'
import { shaped } from './shape.ts'
import type { CallOptions, Transport } from './transport.ts'

export interface ListNodesOptions extends CallOptions {
  /** Only nodes whose labels fit this selector, as Kubernetes writes it. */
  readonly labels?: string
  readonly approval?: 'pending' | 'approved' | 'rejected'
  readonly status?: 'connected' | 'disconnected'
  /** `id` by default. Of what is available, the most comes first. */
  readonly orderBy?:
    | 'id'
    | 'type'
    | 'available_cpu'
    | 'available_memory'
    | 'available_disk'
    | 'available_gpu'
    | 'approval'
    | 'status'
  readonly reverse?: boolean
  readonly limit?: number
}

export interface DecideOptions extends CallOptions {
  /** Why; the operator of the node reads it. */
  readonly message?: string
}

export interface Nodes {
  list(options?: ListNodesOptions): Promise<readonly NodeState[]>
  /** By its id or a unique beginning of it. */
  get(id: string, options?: CallOptions): Promise<NodeState>
  /** Lets a node get work. */
  approve(id: string, options?: DecideOptions): Promise<void>
  /** Gives a node no work any more; what it runs is run elsewhere. */
  reject(id: string, options?: DecideOptions): Promise<void>
  /** Forgets a node and what was decided about it. It may present itself anew. */
  delete(id: string, options?: DecideOptions): Promise<void>
}

const PATH = '/api/v1/orchestrator/nodes'

const node = shaped<NodeState>({ Info: 'object', Connection: 'string' })
const nodeAnswer = shaped<{ Node: unknown }>({ Node: 'object' })
const nodesAnswer = shaped<ListNodesResponse>({ Nodes: 'array' })
const nodeChanged = shaped<ChangeNodeResponse>({})

export function createNodes(transport: Transport): Nodes {
  const at = (id: string) => `${PATH}/${encodeURIComponent(id)}`
  const change =
    (Action: NodeAction) =>
    async (id: string, { message, ...call }: DecideOptions = {}) => {
      const json = { Action, Message: message }
      const { Success, Error: problem } = await transport.ask('PUT', at(id), nodeChanged, { json, ...call })
      if (!Success) throw new ApiError(200, 'Conflict', problem ?? `the node could not be changed: ${Action}`)
    }
  return {
    async list({ labels, approval, status, orderBy, reverse, limit, ...call } = {}) {
      const filters = { 'filter-approval': approval, 'filter-status': status }
      const query = { labels, ...filters, order_by: orderBy, reverse, limit }
      return (await transport.ask('GET', PATH, nodesAnswer, { query, ...call })).Nodes.map(node)
    },
    get: async (id, options = {}) => node((await transport.ask('GET', at(id), nodeAnswer, options)).Node),
    approve: change('approve'),
    reject: change('reject'),
    delete: change('delete'),
  }
}
