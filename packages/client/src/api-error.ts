export interface ApiErrorOptions {
  /** What to do next. */
  readonly hint?: string | undefined
  readonly details?: Readonly<Record<string, string>> | undefined
  readonly cause?: unknown
}

/** A request that did not succeed: what the server answered, or, with status 0, why there is no answer. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  /** HTTP status; 0 when no answer came. */
  readonly status: number
  /** Stable name of the kind of error, for example `NotFound`; `Unreachable` when nobody answers at the address. */
  readonly code: string
  readonly hint: string | undefined
  readonly details: Readonly<Record<string, string>>

  constructor(status: number, code: string, message: string, options: ApiErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.status = status
    this.code = code
    this.hint = options.hint
    this.details = options.details ?? {}
  }
}

/** The error in an answer that is none of success. Whatever the body is, an error comes out. */
export function errorFromAnswer(status: number, body: string, url: string): ApiError {
  const answer = parseObject(body)
  const text = (name: string) => (typeof answer[name] === 'string' && answer[name] !== '' ? answer[name] : undefined)
  const message = text('Message') ?? text('Error') ?? text('error')
  if (message === undefined) {
    return new ApiError(status, 'Unknown', `the server at ${url} answered with status ${status}`, {
      hint: 'Is this the address of a bacalhau node?',
    })
  }
  const details = answer['Details'] as Readonly<Record<string, string>> | undefined
  const reason = details?.['reason']
  return new ApiError(status, text('Code') ?? 'Unknown', reason === undefined ? message : `${message}: ${reason}`, {
    hint: text('Hint'),
    details,
  })
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

/** Names of what can go wrong before an answer, as Node reports them below a failed `fetch`. Browsers tell nothing. */
const HOST_UNKNOWN = new Set(['ENOTFOUND', 'EAI_AGAIN'])
const TIMEOUTS = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_CONNECT_TIMEOUT', 'ETIMEDOUT'])

/** The error for a request that got no answer. */
export function unanswered(cause: unknown, url: string): ApiError {
  const code = causeCode(cause)
  if (TIMEOUTS.has(code) || nameOf(cause) === 'TimeoutError') {
    return new ApiError(0, 'TimeOut', `request timed out: ${url}`, { cause, hint: 'Try again, or allow it more time.' })
  }
  if (HOST_UNKNOWN.has(code)) {
    return new ApiError(0, 'Unreachable', `host not found: ${url}`, { cause, hint: 'Check the name in the address.' })
  }
  return new ApiError(0, 'Unreachable', `server is not running or not reachable at ${url}`, {
    cause,
    hint: 'Start a node with `bacalhau serve`, or give the address of one.',
  })
}

function causeCode(error: unknown): string {
  for (let at = error; at instanceof Error; at = at.cause) {
    if ('code' in at && typeof at.code === 'string') return at.code
    if (at instanceof AggregateError && at.errors.length > 0) return causeCode(at.errors[0])
  }
  return ''
}

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : '')
