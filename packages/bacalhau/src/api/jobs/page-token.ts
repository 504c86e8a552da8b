import { BacalhauError } from '../../runtime/error.ts'

/** Where a listing of history goes on. */
export interface HistoryPosition {
  readonly limit: number
  /** The next event has this number or a higher one. */
  readonly from: number
}

/** Format of the documented API: base64url of `sort:flag:limit:offset`, of which history sets only the last two. */
const TOKEN = /^[a-z_]*:[YN]:(\d{1,10}):(\d{1,15})$/

export function encodePosition({ limit, from }: HistoryPosition): string {
  return Buffer.from(`:N:${limit}:${from}`).toString('base64url')
}

export function decodePosition(token: string): HistoryPosition {
  const match = TOKEN.exec(Buffer.from(token, 'base64url').toString('latin1'))
  if (match === null) throw new BacalhauError('BadRequest', 'invalid next token: it was not made by this API')
  return { limit: Number(match[1]), from: Number(match[2]) }
}
