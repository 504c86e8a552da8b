import { CATALOGUE, type ErrorCode } from './error-catalogue.ts'

export interface ErrorOptions {
  /** What the reader should do next; replaces the catalogue's hint. */
  hint?: string
  /** Which part of the system speaks, for example `JobStore`. */
  component?: string
  /** Facts a program may want, as short strings. */
  details?: Record<string, string>
  cause?: unknown
}

/** The one error type that crosses rooms: a stable code, a sentence of what is wrong, and what to do about it. */
export class BacalhauError extends Error {
  override readonly name = 'BacalhauError'
  readonly code: ErrorCode
  readonly hint: string | undefined
  readonly component: string | undefined
  readonly details: Readonly<Record<string, string>>

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.hint = options.hint ?? CATALOGUE[code].hint
    this.component = options.component
    this.details = options.details ?? {}
  }

  /** The HTTP status that this error answers with. */
  get status(): number {
    return CATALOGUE[this.code].status
  }

  /** Would the same request perhaps succeed later, unchanged? */
  get retryable(): boolean {
    return CATALOGUE[this.code].retryable
  }
}

/** Recognises our errors also when two copies of this module are loaded (worker threads, bundles). */
export function isBacalhauError(value: unknown): value is BacalhauError {
  return value instanceof Error && value.name === 'BacalhauError' && 'code' in value && 'status' in value
}

/** The message of anything that was thrown. */
export function messageOf(value: unknown): string {
  return value instanceof Error ? value.message : String(value)
}

/** The `code` that Node puts on its system errors (`ENOENT`, `EADDRINUSE`), or undefined. */
export function systemCode(value: unknown): string | undefined {
  return value instanceof Error && 'code' in value && typeof value.code === 'string' ? value.code : undefined
}
