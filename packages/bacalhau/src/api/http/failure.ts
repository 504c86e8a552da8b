import type { ApiErrorBody } from '@bacalhau/models'
import { BacalhauError, isBacalhauError } from '../../runtime/error.ts'

export type Failure = Omit<ApiErrorBody, 'RequestID'>

const COMPONENT = 'APIServer'

/** The answer to anything that was thrown. What we did not foresee says nothing of our insides. */
export function toFailure(error: unknown): Failure {
  if (isBacalhauError(error)) return describe(error)
  if (error instanceof Error && error.name === 'TimeoutError')
    return describe(new BacalhauError('TimeOut', 'request timed out'))
  const status = clientStatus(error)
  if (status !== undefined) return describe(toClientError(error, status), status)
  const fault = new BacalhauError('InternalError', 'Internal server error', { component: 'Unknown' })
  return describe(fault)
}

export const isInternal = (failure: Failure): boolean => failure.Code === 'InternalError'

function describe(error: BacalhauError, status = error.status): Failure {
  return {
    Status: status,
    Message: error.message,
    Code: error.code,
    Component: error.component ?? COMPONENT,
    ...(error.hint === undefined ? {} : { Hint: error.hint }),
    ...(Object.keys(error.details).length === 0 ? {} : { Details: { ...error.details } }),
  }
}

/** The status of an error with which the HTTP layer blames the caller. */
function clientStatus(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('statusCode' in error) || typeof error.statusCode !== 'number') return undefined
  return error.statusCode >= 400 && error.statusCode < 500 ? error.statusCode : undefined
}

function toClientError(error: unknown, status: number): BacalhauError {
  const message = error instanceof Error ? error.message : 'bad request'
  if (status === 413) return new BacalhauError('PayloadTooLarge', 'the body is too large')
  return new BacalhauError('BadRequest', message)
}

export function notFound(): BacalhauError {
  return new BacalhauError('NotFound', 'The requested resource/URL was not found.', {
    component: COMPONENT,
    hint: 'The server version may be older than this CLI version and does not support the endpoint yet.',
  })
}
