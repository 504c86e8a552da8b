import { CATALOGUE, type CatalogueEntry, type ErrorCode } from '@bacalhau/models/error-catalogue'

export type { ErrorCode } from '@bacalhau/models/error-catalogue'

export interface ApiErrorOptions {
  /** What to do next; replaces the catalogue's hint. */
  readonly hint?: string | undefined
  readonly details?: Readonly<Record<string, string>> | undefined
  readonly cause?: unknown
  /** Milliseconds after which the server would like to be asked again. */
  readonly retryAfter?: number | undefined
  readonly requestId?: string | undefined
}

/** Statuses that speak of the moment, not of the request. */
const PASSING: ReadonlySet<number> = new Set([429, 502, 503, 504])

/** A request that did not succeed: what the server answered, or, with status 0, why there is no answer. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  /** HTTP status; 0 when no answer came. */
  readonly status: number
  /** Stable name of the kind of error, for example `NotFound`. A server of another make may have others. */
  readonly code: ErrorCode | (string & {})
  readonly hint: string | undefined
  readonly details: Readonly<Record<string, string>>
  readonly retryAfter: number | undefined
  /** By which the server's log knows the request. */
  readonly requestId: string | undefined

  constructor(status: number, code: ErrorCode | (string & {}), message: string, options: ApiErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.status = status
    this.code = code
    this.hint = options.hint ?? entryOf(code)?.hint
    this.details = options.details ?? {}
    this.retryAfter = options.retryAfter
    this.requestId = options.requestId
  }

  /** May the same request, unchanged, succeed later? */
  get retryable(): boolean {
    return this.status === 429 || (entryOf(this.code)?.retryable ?? PASSING.has(this.status))
  }
}

const entryOf = (code: string): CatalogueEntry | undefined =>
  Object.hasOwn(CATALOGUE, code) ? CATALOGUE[code as ErrorCode] : undefined

/** Is this an `ApiError`? */
export function isApiError(error: unknown): error is ApiError
/** Is this an `ApiError` with one of these codes? Its `code` then has that type. */
export function isApiError<Code extends ErrorCode>(
  error: unknown,
  ...codes: readonly Code[]
): error is ApiError & { readonly code: Code }
export function isApiError(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof ApiError && (codes.length === 0 || codes.includes(error.code))
}

/** The parts of an answer that its error is made of. */
export interface FailedAnswer {
  readonly status: number
  readonly body: string
  readonly retryAfter?: string | null
  readonly requestId?: string | null
}

/** The error in an answer that is none of success. Whatever the body is, an error comes out. */
export function errorFromAnswer({ status, body, retryAfter, requestId }: FailedAnswer, url: string): ApiError {
  const answer = parseObject(body)
  const text = (name: string) => (typeof answer[name] === 'string' && answer[name] !== '' ? answer[name] : undefined)
  const options = { retryAfter: parseRetryAfter(retryAfter), requestId: requestId ?? text('RequestID') }
  const message = text('Message') ?? text('Error') ?? text('error')
  if (message === undefined) {
    return new ApiError(status, 'Unknown', `the server at ${url} answered with status ${status}`, options)
  }
  const details = answer['Details'] as Readonly<Record<string, string>> | undefined
  const reason = details?.['reason']
  return new ApiError(status, text('Code') ?? 'Unknown', reason === undefined ? message : `${message}: ${reason}`, {
    ...options,
    hint: text('Hint'),
    details,
  })
}

/** The seconds of a `Retry-After` (RFC 9110, 10.2.3), as milliseconds. The form with a date is not used by our servers. */
function parseRetryAfter(header: string | null | undefined): number | undefined {
  return /^\d{1,6}$/.test(header ?? '') ? Number(header) * 1_000 : undefined
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

/** Names of what can go wrong before anything is sent, as Node reports them below a failed `fetch`. Browsers tell nothing. */
const HOST_UNKNOWN: ReadonlySet<string> = new Set(['ENOTFOUND', 'EAI_AGAIN'])
const TIMEOUTS: ReadonlySet<string> = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_CONNECT_TIMEOUT', 'ETIMEDOUT'])

const UNTRUSTED: ReadonlySet<string> = new Set([
  'CERT_HAS_EXPIRED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])

/** The error for a request that got no answer. `details.cause` is the code of the system, where there is one. */
export function unanswered(cause: unknown, url: string): ApiError {
  const code = causeCode(cause)
  const options = { cause, ...(code === '' ? {} : { details: { cause: code } }) }
  if (TIMEOUTS.has(code) || nameOf(cause) === 'TimeoutError') {
    return new ApiError(0, 'TimeOut', `request timed out: ${url}`, {
      ...options,
      hint: 'Try again, or allow it more time.',
    })
  }
  if (HOST_UNKNOWN.has(code)) {
    return new ApiError(0, 'Unreachable', `host not found: ${url}`, {
      ...options,
      hint: 'Check the name in the address.',
    })
  }
  if (UNTRUSTED.has(code)) {
    return new ApiError(0, 'Unreachable', `the certificate of ${url} is not trusted (${code})`, {
      ...options,
      hint: 'Name the certificate, or its authority, in API.TLS.CAFile or NODE_EXTRA_CA_CERTS, and call the node by a name in it.',
    })
  }
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_')) {
    return new ApiError(0, 'Unreachable', `the server at ${url} does not speak TLS`, {
      ...options,
      hint: 'Begin the address with http:// if it is meant to be without TLS.',
    })
  }
  return new ApiError(0, 'Unreachable', `server is not running or not reachable at ${url}`, options)
}

/** Is nobody there at all, as far as one can know? Then nothing was sent, and another try at once is of little use. */
export const isNobodyThere = ({ status, details }: ApiError): boolean =>
  status === 0 && (details['cause'] === 'ECONNREFUSED' || HOST_UNKNOWN.has(details['cause'] ?? ''))

function causeCode(error: unknown): string {
  for (let at = error; at instanceof Error; at = at.cause) {
    if ('code' in at && typeof at.code === 'string') return at.code
    if (at instanceof AggregateError && at.errors.length > 0) return causeCode(at.errors[0])
  }
  return ''
}

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : '')
