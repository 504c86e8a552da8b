import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { LIMITS } from '../../runtime/limits.ts'
import type { Api } from '../context.ts'
import { callerSignal } from '../http/caller.ts'
import { answerFailure } from '../http/failure-handler.ts'
import { bodyOf } from '../http/request.ts'
import { addRoute } from '../http/route.ts'
import { requireOrchestrator } from './orchestrator.ts'
import { parseRunnable, runJob } from './run.ts'

/** The generic endpoint of the networking contract. Takes any content type, since `curl -d` calls JSON a form. */
export function runRoute(app: FastifyInstance, api: Api): void {
  addRoute(
    app,
    {
      method: 'POST',
      path: '/api/v1/run',
      needs: 'write:job',
      tag: 'jobs',
      summary: 'Run a job and answer with the CID of its result',
      patience: LIMITS.runWait + LIMITS.requestAnswer,
      answer: z.object({ cid: z.string() }),
    },
    (request, reply) => {
      const orchestrator = requireOrchestrator(api, request)
      const submission = parseRunnable(bodyOf(request))
      return runJob(orchestrator, submission, { signal: callerSignal(reply, api.stopping), clock: api.clock })
    },
    {
      // Clients of the generic endpoint look for the message under `error`.
      errorHandler: (error, request, reply) => {
        const body = answerFailure(error, request, reply, api.logger)
        void reply.send({ ...body, error: body.Message })
      },
    },
  )
}
