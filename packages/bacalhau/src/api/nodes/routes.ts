import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { ChangeNodeResponse, ListNodesResponse, NodeState } from '@bacalhau/models'
import { satisfies } from '../../orchestrator/constraints.ts'
import type { Api } from '../context.ts'
import { olderNodes, olderOneNode } from '../legacy/answers.ts'
import { forRelease } from '../legacy/for-release.ts'
import { requireOrchestrator } from '../jobs/orchestrator.ts'
import { readSelectors } from '../jobs/label-selector.ts'
import { queryCount, queryFlag, queryTexts, queryWord } from '../http/query.ts'
import { pathParameter, readDocument } from '../http/request.ts'
import { addRoute } from '../http/route.ts'
import { BacalhauError } from '../../runtime/error.ts'
import { z } from 'zod'

const APPROVALS = ['pending', 'approved', 'rejected'] as const
const STATUSES = ['connected', 'disconnected'] as const

type Order = (a: NodeState, b: NodeState) => number

const text =
  (of: (node: NodeState) => string): Order =>
  (a, b) =>
    of(a) < of(b) ? -1 : of(a) > of(b) ? 1 : 0
const available =
  (kind: 'CPU' | 'Memory' | 'Disk' | 'GPU'): Order =>
  (a, b) =>
    b.Info.ComputeNodeInfo.AvailableCapacity[kind] - a.Info.ComputeNodeInfo.AvailableCapacity[kind]

/** Names first in the alphabet come first, and so does the node that has most to give. */
const ORDERS = {
  id: text(({ Info }) => Info.NodeID),
  type: text(({ Info }) => Info.NodeType),
  available_cpu: available('CPU'),
  available_memory: available('Memory'),
  available_disk: available('Disk'),
  available_gpu: available('GPU'),
  approval: text(({ Membership }) => Membership),
  status: text(({ Connection }) => Connection),
} satisfies Record<string, Order>

const NODES = '/api/v1/orchestrator/nodes'
/** Of any release: those before 1.4 are answered in the form of theirs. */
const read = { method: 'GET', needs: 'read:node', tag: 'nodes', anyVersion: true } as const

const listQuery = z.object({
  labels: queryTexts(),
  order_by: queryWord(Object.keys(ORDERS) as (keyof typeof ORDERS)[]),
  reverse: queryFlag(),
  limit: queryCount(),
  'filter-approval': queryWord(APPROVALS),
  'filter-status': queryWord(STATUSES),
})

const changeSchema = z.object({
  Action: z.enum(['approve', 'reject', 'delete']),
  Message: z.string().max(4_096).optional(),
  NodeID: z.string().max(128).optional(),
  Namespace: z.string().max(255).optional(),
  IdempotencyToken: z.unknown().optional(),
  Credential: z.unknown().optional(),
})

const decision = {
  method: 'PUT',
  path: `${NODES}/:id`,
  needs: 'write:node',
  tag: 'nodes',
  summary: 'Approve, reject or forget a node',
  body: changeSchema,
} as const

export function nodeRoutes(app: FastifyInstance, api: Api): void {
  addRoute(
    app,
    { ...read, path: NODES, summary: 'Nodes that are known', query: listQuery },
    (request, _reply, query) => {
      const answer: ListNodesResponse = {
        NextToken: '',
        Nodes: select(requireOrchestrator(api, request).nodes(), query),
      }
      return forRelease(request, answer, olderNodes)
    },
  )
  addRoute(app, { ...read, path: `${NODES}/:id`, summary: 'One node' }, (request) => {
    const Node = requireOrchestrator(api, request).node(pathParameter(request, 'id'))
    return forRelease(request, { Node }, olderOneNode)
  })
  addRoute(app, decision, (request) => changeNode(request, api))
}

/** What a node is after a decision. */
const DECIDED = { approve: 'APPROVED', reject: 'REJECTED', delete: undefined } as const

async function changeNode(request: FastifyRequest, api: Api): Promise<ChangeNodeResponse> {
  const orchestrator = requireOrchestrator(api, request)
  const id = pathParameter(request, 'id')
  const body = readDocument(request, changeSchema)
  if (body === undefined) throw new BacalhauError('BadRequest', 'Action: expected approve, reject or delete')
  const { Membership, Info } = orchestrator.node(id)
  if (DECIDED[body.Action] === Membership) {
    throw new BacalhauError('Conflict', `node ${Info.NodeID} already ${Membership.toLowerCase()}`, {
      component: 'NodesManager',
    })
  }
  if (body.Action === 'approve') await orchestrator.approveNode(id, body.Message ?? '')
  else if (body.Action === 'reject') await orchestrator.rejectNode(id, body.Message ?? '')
  else await orchestrator.deleteNode(id)
  return { Success: true }
}

function select(nodes: readonly NodeState[], query: z.output<typeof listQuery>): NodeState[] {
  const requirements = readSelectors(query.labels)
  const approval = query['filter-approval']?.toUpperCase()
  const status = query['filter-status']?.toUpperCase()
  const order = ORDERS[query.order_by ?? 'id']
  const { limit = 0, reverse } = query
  const found = nodes
    .filter(({ Membership }) => approval === undefined || Membership === approval)
    .filter(({ Connection }) => status === undefined || Connection === status)
    .filter(({ Info }) => requirements.every((requirement) => satisfies(Info.Labels, requirement)))
    .sort(order)
  if (reverse) found.reverse()
  return limit === 0 ? found : found.slice(0, limit)
}
