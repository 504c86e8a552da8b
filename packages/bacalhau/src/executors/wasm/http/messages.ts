import type { Failure } from '../failure.ts'

/** Namespace of the host functions for HTTP among a module's imports. */
export const HTTP_NAMESPACE = 'wasi:http/requests'

/** What `http_request` gives back, as Bacalhau documents it. */
export const HTTP_RESULT = {
  ok: 0,
  invalidUrl: 1,
  networkError: 2,
  timeout: 3,
  notAllowed: 4,
  tooLarge: 5,
  badInput: 6,
  memoryError: 7,
} as const

export type HttpResult = (typeof HTTP_RESULT)[keyof typeof HTTP_RESULT]

/** By the number that a module gives; any other number is a GET. */
export const HTTP_METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS', 'PATCH'] as const
export type HttpMethod = (typeof HTTP_METHODS)[number]

/** What a module asks for. Bodies are not in it: they travel in pieces, so that the node never holds a whole one. */
export interface HttpWish {
  readonly kind: 'request'
  readonly method: HttpMethod
  readonly url: string
  /** Lines like `Name: value`. */
  readonly headers: string
  /** Bytes of the body. */
  readonly length: number
  /** Bytes of an answer's body that the module has room for. */
  readonly room: number
}

/** From the thread of a job to the node. All but a wish are replies, one to each message of the node that needs one. */
export type FromJob = HttpWish | { readonly kind: 'piece'; readonly bytes: Uint8Array } | { readonly kind: 'taken' }

/** From the node to the thread of a job, which is blocked until the exchange is over. */
export type ToJob =
  /** Reply with a `piece` of the body. */
  | { readonly kind: 'pull'; readonly from: number; readonly to: number }
  /** The answer begins. `headers`: lines like `Name: value`, as bytes since nobody says what their encoding is. */
  | { readonly kind: 'head'; readonly status: number; readonly headers: Uint8Array }
  /** More of the answer's body. Reply with `taken`. */
  | { readonly kind: 'chunk'; readonly bytes: Uint8Array }
  | { readonly kind: 'done'; readonly result: HttpResult }
  /** The run is over. */
  | { readonly kind: 'end'; readonly ending: Failure }
