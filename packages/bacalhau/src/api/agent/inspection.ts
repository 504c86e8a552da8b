import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { Api } from '../context.ts'
import { addRoute } from '../http/route.ts'
import { toGoConfig } from './go-config.ts'

const read = { method: 'GET', needs: 'read:agent', tag: 'agent' } as const

/** What an operator may look at: how the node is set up, and what it is doing. */
export function inspectionRoutes(app: FastifyInstance, api: Api): void {
  addRoute(
    app,
    {
      ...read,
      path: '/api/v1/agent/config',
      summary: 'The effective configuration, without its secrets',
      answer: z.object({ config: z.record(z.string(), z.unknown()) }),
    },
    () => ({ config: toGoConfig(api.config()) }),
  )
  addRoute(
    app,
    {
      ...read,
      path: '/api/v1/agent/debug',
      summary: 'What the node is doing, for people',
      answer: z.record(z.string(), z.unknown()),
    },
    () => inspect(api),
  )
}

/** Free in form: every part of the node says what it likes. */
function inspect({ nodeInfo, orchestrator, clock }: Api): object {
  const { ComputeNodeInfo: compute } = nodeInfo()
  const nodes = orchestrator?.nodes()
  return {
    Process: {
      Version: process.version,
      UptimeSeconds: Math.round(process.uptime()),
      Time: new Date(clock.now()).toISOString(),
      Memory: process.memoryUsage(),
    },
    Compute: {
      RunningExecutions: compute.RunningExecutions,
      EnqueuedExecutions: compute.EnqueuedExecutions,
      AvailableCapacity: compute.AvailableCapacity,
    },
    ...(nodes === undefined
      ? {}
      : {
          Orchestrator: {
            Nodes: nodes.length,
            ConnectedNodes: nodes.filter(({ Connection }) => Connection === 'CONNECTED').length,
            WaitingNodes: nodes.filter(({ Membership }) => Membership === 'PENDING').length,
          },
        }),
  }
}
