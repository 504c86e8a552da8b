import type { IncomingMessage } from 'node:http'
import type { Clock } from '../../runtime/clock.ts'
import { messageOf } from '../../runtime/error.ts'
import type { Random } from '../../runtime/random.ts'
import type { Outbound } from '../outbound/outbound.ts'
import { open, type OpenOptions, refused } from '../outbound/request.ts'
import { fileNameOf } from './file-name.ts'
import { watchSilence } from './watch.ts'

export interface Fetching {
  readonly outbound: Outbound
  readonly clock: Clock
  readonly random: Random
  /** Milliseconds of silence after which a connection is given up. */
  readonly silence: number
  /** Tries after the first one that bring nothing new. */
  readonly retries: number
  /** Bytes that one file may have. */
  readonly maxBytes: number
  /** Told how many bytes more have come; fewer than none when some have to come again. */
  readonly onBytes?: (count: number) => void
}

/** An answer whose body has not been read yet. */
export interface Attempt {
  readonly response: IncomingMessage
  readonly name: string
  /** Bytes of the whole file, and where in it this body begins. */
  readonly total: number | undefined
  readonly start: number
  /** What tells this version of the file from others, as `If-Range` takes it. */
  readonly validator: string | undefined
  readonly signal: AbortSignal
  /** More of it has come. */
  readonly touch: () => void
  /** Ends the connection, if it still stands. */
  readonly end: () => void
}

/** An answer that may be another one soon. */
export class PassingAnswer extends Error {
  /** Milliseconds that the server asks us to wait. */
  readonly pause: number

  constructor(message: string, pause: number) {
    super(message)
    this.pause = pause
  }
}

const PASSING: readonly (number | undefined)[] = [408, 425, 429, 500, 502, 503, 504]

/** Asks once. Throws `InputFailed` for an answer that will not get better, and any other error for one that may. */
export async function begin(
  url: URL,
  { outbound, clock, silence }: Fetching,
  outer: AbortSignal,
  headers: NonNullable<OpenOptions['headers']> = {},
): Promise<Attempt> {
  const late = () => new Error(`nothing came for ${silence / 1_000} seconds`)
  const watch = watchSilence(clock, silence, outer, late)
  let response: IncomingMessage | undefined
  const end = () => {
    watch.end()
    response?.destroy()
  }
  try {
    const opened = await open(url, outbound, watch.signal, { headers })
    response = opened.response
    // Its error comes to whoever reads it; before that it must not bring the process down.
    response.on('error', () => undefined)
    watch.touch()
    const name = fileNameOf({ ...opened, disposition: response.headers['content-disposition'] })
    const { signal, touch } = watch
    return { ...extentOf(url, response), response, name, validator: validatorOf(response), signal, touch, end }
  } catch (error) {
    end()
    outer.throwIfAborted()
    throw error
  }
}

function extentOf(url: URL, { statusCode = 0, headers }: IncomingMessage): Pick<Attempt, 'total' | 'start'> {
  if (statusCode === 200) return { start: 0, total: lengthIn(headers['content-length']) }
  if (statusCode === 206) {
    const [, from, total] = /^bytes (\d{1,15})-\d{1,15}\/(\d{1,15}|\*)$/.exec(headers['content-range'] ?? '') ?? []
    if (from === undefined) throw refused(url, 'it answers with a part without saying which')
    return { start: Number(from), total: total === '*' ? undefined : Number(total) }
  }
  if (!PASSING.includes(statusCode)) throw refused(url, `the server answers ${statusCode}`)
  throw new PassingAnswer(`the server answers ${statusCode}`, retryAfter(headers['retry-after']))
}

const lengthIn = (header: string | undefined): number | undefined =>
  header !== undefined && /^\d{1,15}$/.test(header) ? Number(header) : undefined

/** Seconds are what servers send; the form with a date is not worth its trouble. */
const retryAfter = (header: string | undefined): number => (lengthIn(header) ?? 0) * 1_000

/** A weak `ETag` says that the file means the same, not that it is the same. */
function validatorOf({ headers }: IncomingMessage): string | undefined {
  const { etag = '' } = headers
  return /^"[^"]*"$/.test(etag) ? etag : headers['last-modified']
}

/** The error when a connection has failed too often. */
export const gaveUp = (url: URL, tries: number, error: unknown) =>
  refused(url, `after ${tries === 1 ? 'one try' : `${tries} tries`}: ${messageOf(error)}`)
