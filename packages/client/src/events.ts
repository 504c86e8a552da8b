import type { JobEvent, JobHistory } from '@bacalhau/models'
import { ApiError, isApiError, unanswered } from './api-error.ts'
import { sleep } from './platform.ts'
import { mayReopen, pauseAfter, STREAM_RETRIES } from './retry.ts'
import { readEvents, type ServerSentEvent } from './server-sent-events.ts'
import { shaped } from './shape.ts'
import type { Transport } from './transport.ts'

export interface EventOptions {
  readonly signal?: AbortSignal
  /** Only jobs of this namespace. By default all that the caller may see. */
  readonly namespace?: string
  /** Only these jobs, by their full ids. */
  readonly jobIds?: readonly string[]
  /** Tell also each thing that happens to a job, as its history does. */
  readonly history?: boolean
  /** The cursor of an event that was seen before: go on after it. */
  readonly after?: string
  /** Called when the stream broke off, before each try to open it again. */
  readonly onLost?: (error: ApiError) => void
}

/** What the event stream tells. `cursor` is for `after`. */
export type ClientEvent =
  /** The stream stands: every change from now on will be told. Comes first, and once. */
  | { readonly type: 'ready'; readonly cursor: string }
  /** A job as it now is; changes that follow each other fast may be told as one. */
  | { readonly type: 'job'; readonly cursor: string; readonly job: JobEvent }
  | { readonly type: 'history'; readonly cursor: string; readonly event: JobHistory }
  /** Something may have been missed: look again at what matters. */
  | { readonly type: 'reset'; readonly cursor: string }

const PATH = '/api/v1/orchestrator/events'
/** The server says something every 15 seconds, a comment if there is nothing else. */
const SILENCE = 45_000

const jobEvent = shaped<JobEvent>({ JobID: 'string', Revision: 'number', State: 'object' })
const historyEvent = shaped<JobHistory>({ SeqNum: 'number', Event: 'object' })

/**
 * Changes of jobs as they happen, over one connection. A stream that breaks off is opened again where it was, so that nothing
 * is lost or told twice; after half a minute and more without an answer it ends with the last error. Ends at once, with the
 * signal's reason, when that aborts. `reached`: the node is known to be there.
 */
export async function* readJobEvents(
  transport: Transport,
  options: EventOptions = {},
  reached = false,
): AsyncGenerator<ClientEvent> {
  const { signal, onLost } = options
  const { platform } = transport
  let cursor = options.after
  let ready = false
  // Several things may have one cursor: when the stream breaks off among them, all of them come again.
  let told = new Set<string>()
  for (let failures = 0; ;) {
    let came = false
    try {
      for await (const event of openStream(transport, cursor, options)) {
        came = true
        failures = 0
        if (event.cursor !== '' && event.cursor !== cursor) {
          cursor = event.cursor
          told = new Set()
        }
        if (event.type === 'ready' && ready) continue
        if (event.type === 'history') {
          const name = `${event.event.JobID} ${event.event.SeqNum}`
          if (told.has(name)) continue
          told.add(name)
        }
        ready = true
        yield event
      }
      // Servers end streams that are old, and when they stop; the pause is for one that does nothing else.
      if (!came) throw new ApiError(0, 'Unreachable', `the event stream of ${transport.baseUrl} ended`)
      await sleep(platform, STREAM_RETRIES.firstPause, signal)
    } catch (error) {
      signal?.throwIfAborted()
      failures += 1
      if (failures >= STREAM_RETRIES.tries || !mayReopen(error)) throw error
      // Who cannot be reached the first time hears of it at once.
      if (!ready && !reached) throw error
      onLost?.(error)
      await sleep(platform, pauseAfter(failures, error, STREAM_RETRIES, platform.random), signal)
    }
  }
}

async function* openStream(
  transport: Transport,
  cursor: string | undefined,
  { namespace, jobIds, history, signal }: EventOptions,
): AsyncGenerator<ClientEvent> {
  const query = { namespace, job_id: jobIds?.join(','), history: history === true ? true : undefined }
  const headers = { accept: 'text/event-stream', 'last-event-id': cursor }
  const { body, headers: answered } = await transport.send('GET', PATH, { query, headers, signal })
  if (body === null || answered.get('content-type')?.startsWith('text/event-stream') !== true) {
    await body?.cancel()
    throw new ApiError(200, 'BadAnswer', `the server at ${transport.baseUrl} has no stream of events`)
  }
  try {
    for await (const event of readEvents(body, SILENCE, transport.platform)) {
      const told = toClientEvent(event)
      if (told !== undefined) yield told
    }
  } catch (error) {
    signal?.throwIfAborted()
    throw isApiError(error) ? error : unanswered(error, transport.baseUrl)
  }
}

/** Kinds of events that are not known are those of a newer server, and left out. */
function toClientEvent({ event, data, id: cursor }: ServerSentEvent): ClientEvent | undefined {
  switch (event) {
    case 'ready':
    case 'reset':
      return { type: event, cursor }
    case 'job':
      return { type: 'job', cursor, job: jobEvent(parse(data)) }
    case 'history':
      return { type: 'history', cursor, event: historyEvent(parse(data)) }
    default:
      return undefined
  }
}

function parse(data: string): unknown {
  try {
    return JSON.parse(data)
  } catch (cause) {
    throw new ApiError(200, 'BadAnswer', 'the server sent an event that is not JSON', { cause })
  }
}
