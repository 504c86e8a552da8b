import type { FastifyRequest } from 'fastify'
import type { IncomingMessage } from 'node:http'
import type { Orchestrator } from '../../orchestrator/service.ts'
import { BacalhauError } from '../../runtime/error.ts'
import { accessOf } from '../auth/guard.ts'
import { scoped } from '../auth/scoped.ts'
import type { ApiContext } from '../context.ts'

/** The orchestrator of this node, as far as the caller may use it; a node that only computes has none. */
export function requireOrchestrator(
  context: Pick<ApiContext, 'orchestrator'>,
  request: FastifyRequest | IncomingMessage,
): Orchestrator {
  if (context.orchestrator !== undefined) return scoped(context.orchestrator, accessOf(request))
  throw new BacalhauError('NotImplemented', 'this node only computes; it knows nothing of jobs and of other nodes', {
    hint: 'Ask the orchestrator: --api-host <its address>, or start this node with `serve --orchestrator`.',
  })
}
