import type { FastifyRequest } from 'fastify'
import type { IncomingMessage } from 'node:http'
import type { Orchestrator } from '../../orchestrator/service.ts'
import { BacalhauError } from '../../runtime/error.ts'
import type { ApiContext } from '../context.ts'

/** The orchestrator of this node, as far as the caller may use it; a node that only computes has none. */
export function requireOrchestrator(
  context: Pick<ApiContext, 'orchestrator'>,
  _request: FastifyRequest | IncomingMessage,
): Orchestrator {
  if (context.orchestrator !== undefined) return context.orchestrator
  throw new BacalhauError('NotImplemented', 'this node only computes; it knows nothing of jobs and of other nodes', {
    hint: 'Ask the orchestrator: --api-host <its address>, or start this node with `serve --orchestrator`.',
  })
}
