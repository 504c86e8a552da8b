import type { FastifyReply } from 'fastify'
import { BacalhauError } from '../../runtime/error.ts'

/** Aborts when the caller hangs up or the API stops, so that nobody works for a caller who is gone. */
export function callerSignal(reply: FastifyReply, stopping: AbortSignal): AbortSignal {
  const controller = new AbortController()
  const onStop = () => controller.abort(stopping.reason)
  if (stopping.aborted) onStop()
  stopping.addEventListener('abort', onStop, { once: true })
  reply.raw.once('close', () => {
    stopping.removeEventListener('abort', onStop)
    controller.abort(new BacalhauError('RequestCancelled', 'the caller hung up'))
  })
  return controller.signal
}
