import { ApiError } from './api-error.ts'
import type { Platform } from './platform.ts'

/** One event of a stream of server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html). */
export interface ServerSentEvent {
  readonly event: string
  readonly data: string
  /** The last that was sent; stays in force for the events after it. */
  readonly id: string
}

/** Characters of one line, and of the data of one event. */
const LONGEST = 16 * 1024 * 1024

/** Makes events of lines. */
export function createEventParser() {
  let id = ''
  let event = ''
  let data: string[] = []
  let length = 0
  const dispatch = (): ServerSentEvent | undefined => {
    const whole = { event: event === '' ? 'message' : event, data: data.join('\n'), id }
    const isEvent = data.length > 0
    event = ''
    data = []
    length = 0
    return isEvent ? whole : undefined
  }
  return (line: string): ServerSentEvent | undefined => {
    if (line === '') return dispatch()
    const colon = line.indexOf(':')
    const name = colon === -1 ? line : line.slice(0, colon)
    const value = colon === -1 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1)
    if (name === 'event') event = value
    else if (name === 'id' && !value.includes('\0')) id = value
    else if (name === 'data') {
      length += value.length
      if (length > LONGEST) throw tooLong()
      data.push(value)
    }
    return undefined
  }
}

/**
 * The events of the body of an answer. Throws what `unanswered` makes of it when nothing at all, not even a comment, comes
 * for `silence` milliseconds. Cancels the body when the reader leaves.
 */
export async function* readEvents(
  body: ReadableStream<Uint8Array>,
  silence: number,
  platform: Platform,
): AsyncGenerator<ServerSentEvent> {
  const parse = createEventParser()
  const decoder = new TextDecoder()
  const reader = body.getReader()
  let rest = ''
  try {
    for (;;) {
      const { done, value } = await readWithin(reader, silence, platform)
      if (done) return
      const lines = (rest + decoder.decode(value, { stream: true })).split('\n')
      rest = lines.pop() ?? ''
      if (rest.length > LONGEST) throw tooLong()
      for (const line of lines) {
        const event = parse(line.endsWith('\r') ? line.slice(0, -1) : line)
        if (event !== undefined) yield event
      }
    }
  } finally {
    // The stream may have failed already; then there is nothing to cancel.
    await reader.cancel().catch(() => {})
  }
}

async function readWithin(reader: ReadableStreamDefaultReader<Uint8Array>, silence: number, platform: Platform) {
  let silent = false
  const cancel = platform.after(silence, () => {
    silent = true
    void reader.cancel().catch(() => {})
  })
  try {
    const step = await reader.read()
    if (silent) throw new DOMException('nothing came for too long', 'TimeoutError')
    return step
  } finally {
    cancel()
  }
}

const tooLong = () => new ApiError(200, 'BadAnswer', 'the server sent an event that is too long')
