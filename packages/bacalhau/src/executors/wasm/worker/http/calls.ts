import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import { LIMITS } from '../../../../runtime/limits.ts'
import { RunEnded } from '../../failure.ts'
import { type FromJob, HTTP_METHODS, HTTP_RESULT, type HttpWish, type ToJob } from '../../http/messages.ts'
import type { JobLine } from '../../http/service.ts'
import { ERRNO, errnoOf, WasiError } from '../wasi/errno.ts'
import type { GuestMemory } from '../wasi/guest-memory.ts'
import { syscall, type SyscallTable } from '../wasi/syscall.ts'

/** Where the answer goes in the memory of a module. Each length is the room when the call begins, and what came when it ends. */
interface Answer {
  readonly headers: Uint8Array
  readonly body: Uint8Array
  setStatus(value: number): void
  setHeadersLength(value: number): void
  setBodyLength(value: number): void
}

/** The host function for HTTP: `(method, url, headers, body, answer's headers, answer's body, status) -> result`. */
export function httpCalls(line: JobLine): SyscallTable {
  return {
    // A name such as `constructor` must not find anything.
    __proto__: null as never,
    http_request: syscall('iiiiiiiiiiii', (memory, method, urlAt, urlLength, headersAt, headersLength, ...rest) => {
      const [bodyAt, bodyLength, ...answerAt] = rest
      const { wish, body, answer } = asMemoryErrors(() => {
        const target = answerOf(memory, answerAt)
        memory.bytes(urlAt, urlLength)
        memory.bytes(headersAt, headersLength)
        checkLengths(urlLength, headersLength)
        const url = memory.text(urlAt, urlLength)
        const headers = memory.text(headersAt, headersLength)
        return {
          answer: target,
          body: memory.bytes(bodyAt, bodyLength),
          wish: {
            kind: 'request',
            method: HTTP_METHODS[method] ?? 'GET',
            url,
            headers,
            length: bodyLength,
            room: target.body.length,
          } satisfies HttpWish,
        }
      })
      const result = follow(line, wish, body, answer)
      if (result !== HTTP_RESULT.ok) throw new WasiError(result)
    }),
  }
}

/** Before anything is made of them: the node's own thread reads what is given here. */
function checkLengths(url: number, headers: number): void {
  if (url > LIMITS.wasmHttpUrl) throw new WasiError(HTTP_RESULT.invalidUrl)
  if (headers > LIMITS.wasmHttpHeaderBytes) throw new WasiError(HTTP_RESULT.badInput)
}

/** A pointer beyond memory and a text that is not UTF-8 have results of their own here. */
function asMemoryErrors<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    const errno = errnoOf(error)
    if (errno === ERRNO.fault) throw new WasiError(HTTP_RESULT.memoryError)
    throw errno === ERRNO.ilseq ? new WasiError(HTTP_RESULT.badInput) : error
  }
}

type AnswerPlaces = readonly [headers: number, headersLength: number, body: number, bodyLength: number, status: number]

function answerOf(memory: GuestMemory, places: AnswerPlaces): Answer {
  const [headers, headersLength, body, bodyLength, status] = places
  memory.bytes(status, 4)
  return {
    headers: memory.bytes(headers, memory.getU32(headersLength)),
    body: memory.bytes(body, memory.getU32(bodyLength)),
    setStatus: (value) => memory.setU32(status, value),
    setHeadersLength: (value) => memory.setU32(headersLength, value),
    setBodyLength: (value) => memory.setU32(bodyLength, value),
  }
}

/** Serves the node, which does the exchange, until it says how that went. The module stands still the while. */
function follow({ port, flag }: JobLine, wish: HttpWish, body: Uint8Array, answer: Answer): number {
  const send = (message: FromJob) => port.postMessage(message)
  const view = new Int32Array(flag)
  let got = 0
  send(wish)
  for (;;) {
    const message = receive(port, view)
    switch (message.kind) {
      case 'pull':
        send({ kind: 'piece', bytes: body.slice(message.from, message.to) })
        break
      case 'head':
        answer.setStatus(message.status)
        answer.setHeadersLength(fill(answer.headers, message.headers))
        answer.setBodyLength(0)
        break
      case 'chunk':
        got += fill(answer.body.subarray(got), message.bytes)
        send({ kind: 'taken' })
        break
      case 'done':
        if (message.result === HTTP_RESULT.ok) answer.setBodyLength(got)
        return message.result
      case 'end':
        throw new RunEnded(message.ending)
    }
  }
}

/** Copies as much as there is room for. */
function fill(target: Uint8Array, bytes: Uint8Array): number {
  const part = bytes.subarray(0, target.length)
  target.set(part)
  return part.length
}

/** Blocks this thread until there is a message. Ending the worker from outside wakes it. */
function receive(port: MessagePort, flag: Int32Array): ToJob {
  for (;;) {
    const received: { message: ToJob } | undefined = receiveMessageOnPort(port)
    if (received !== undefined) return received.message
    Atomics.wait(flag, 0, 0)
    Atomics.store(flag, 0, 0)
  }
}
