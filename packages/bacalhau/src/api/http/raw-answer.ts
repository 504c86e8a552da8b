import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { BacalhauError, systemCode } from '../../runtime/error.ts'
import { encodeJson } from './answer.ts'
import { type Failure, toFailure } from './failure.ts'

/** Answers on a bare socket, before or instead of an HTTP exchange, and closes it. */
export function answerOnSocket(socket: Duplex, failure: Failure): void {
  const { Status, Message, ...rest } = failure
  const body = encodeJson({ Status, Message, RequestID: '', ...rest })
  const head = [
    `HTTP/1.1 ${Status} ${STATUS_CODES[Status] ?? 'Error'}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ]
  socket.on('error', () => socket.destroy())
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy())
}

/** Answers what is no HTTP request, or does not arrive in time. */
export function answerMalformed(error: Error, socket: Duplex): void {
  const code = systemCode(error)
  if (code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    answerOnSocket(socket, { ...failure('the request did not arrive in time'), Status: 408 })
  } else if (code === 'HPE_HEADER_OVERFLOW') {
    answerOnSocket(socket, { ...failure('the headers are too large'), Status: 431 })
  } else {
    answerOnSocket(socket, failure('this is not a valid HTTP request'))
  }
}

const failure = (message: string) => toFailure(new BacalhauError('BadRequest', message))
