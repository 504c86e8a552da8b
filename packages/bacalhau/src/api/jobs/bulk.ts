import type { FastifyRequest } from 'fastify'
import { type ApiErrorBody, bulkRequestSchema, type BulkResponse, type PutJobResponse } from '@bacalhau/models'
import { BacalhauError } from '../../runtime/error.ts'
import type { Api } from '../context.ts'
import { isInternal, toFailure } from '../http/failure.ts'
import { readDocument } from '../http/request.ts'
import { onceOf, onceOfItem } from './once.ts'
import { requireOrchestrator } from './orchestrator.ts'
import { answerOf, submissionOf } from './submit.ts'
import { turn } from '../../runtime/turn.ts'

/** Submissions that are checked in one go, before others have their turn. */
const BATCH = 50

/**
 * Submits many jobs: they get their places in their order, share a write to the disk, and fail each by itself. Under an
 * idempotency key, whoever repeats the request does again only what had failed.
 */
export async function submitMany(request: FastifyRequest, api: Api): Promise<BulkResponse> {
  const orchestrator = requireOrchestrator(api, request)
  const body = readDocument(request, bulkRequestSchema)
  if (body === undefined) throw new BacalhauError('BadRequest', 'the body is empty')
  const key = onceOf(request)
  const checked: (() => Promise<PutJobResponse>)[] = []
  for (const [index, job] of body.Jobs.entries()) {
    if (index % BATCH === BATCH - 1) await turn()
    const once = key === undefined ? {} : { once: onceOfItem(key, index) }
    const submission = attempt(() => submissionOf(job, body.Namespace))
    checked.push(async () => {
      if ('error' in submission) throw submission.error
      const made = await orchestrator.submit(submission.value, { force: body.Force ?? false, ...once })
      return answerOf(submission.value, made)
    })
  }
  // All in one turn, so that they are written together.
  const settled = await Promise.allSettled(checked.map((submit) => submit()))
  const Items = settled.map((one) =>
    one.status === 'fulfilled' ? one.value : { Error: describe(one.reason, request, api) },
  )
  return { Items }
}

function attempt<T>(action: () => T): { readonly value: T } | { readonly error: unknown } {
  try {
    return { value: action() }
  } catch (error) {
    return { error }
  }
}

function describe(error: unknown, request: FastifyRequest, { logger }: Api): ApiErrorBody {
  const { Status, Message, ...rest } = toFailure(error)
  if (isInternal({ Status, Message, ...rest })) logger.error({ error, id: request.id }, 'a submission failed')
  return { Status, Message, RequestID: request.id, ...rest }
}
