import { BacalhauError, isBacalhauError, messageOf } from '../../runtime/error.ts'
import type { ErrorCode } from '../../runtime/error-catalogue.ts'

/** What S3 answered, as the error of a job. `what` completes "failed to …". */
export function s3Error(error: unknown, code: ErrorCode, what: string, operation: string): BacalhauError {
  const known = rootOf(error)
  if (isBacalhauError(known)) return known
  const metadata = metadataOf(error)
  const name = error instanceof Error && error.name !== 'Error' ? `${error.name}: ` : ''
  return new BacalhauError(code, `failed to ${what}: ${name}${saidBy(error)}`.slice(0, 1_000), {
    component: 'S3',
    cause: error,
    details: {
      Service: 'S3',
      Operation: operation,
      ...(metadata?.requestId === undefined ? {} : { AWSRequestID: metadata.requestId }),
    },
  })
}

/** An answer to HEAD has no text, for which the SDK has a word that says nothing. */
function saidBy(error: unknown): string {
  const [status, text] = [statusOf(error), messageOf(error)]
  return text === 'UnknownError' && status !== undefined ? `status ${status}` : text
}

/** An address that was refused comes wrapped by the SDK. */
function rootOf(error: unknown): unknown {
  return error instanceof Error && !isBacalhauError(error) && isBacalhauError(error.cause) ? error.cause : error
}

interface Metadata {
  readonly httpStatusCode?: number
  readonly requestId?: string
}

function metadataOf(error: unknown): Metadata | undefined {
  return typeof error === 'object' && error !== null && '$metadata' in error ? (error.$metadata as Metadata) : undefined
}

/** The HTTP status of an answer that the SDK made an error of. */
export const statusOf = (error: unknown): number | undefined => metadataOf(error)?.httpStatusCode
