import type { FastifyInstance, FastifyRequest } from 'fastify'
import { BacalhauError } from '../../runtime/error.ts'
import { LIMITS } from '../../runtime/limits.ts'
import { accessOf } from '../auth/guard.ts'
import { networkOf } from './pace.ts'

/**
 * Bounds the memory that the bodies of one caller take at once, and refuses compressed ones, which unpack to any size. Streamed
 * bodies are not kept in memory and not counted.
 */
export function limitBodies(app: FastifyInstance): void {
  const held = new Map<string, number>()
  const change = (key: string, bytes: number) => {
    const sum = (held.get(key) ?? 0) + bytes
    if (sum > 0) held.set(key, sum)
    else held.delete(key)
  }
  app.addHook('preParsing', (request, reply, payload, done) => {
    const coding = request.headers['content-encoding'] ?? 'identity'
    if (coding.toLowerCase() !== 'identity') return done(compressed(coding))
    const bytes = request.routeOptions.config?.route?.streamed === true ? 0 : expectedBytes(request)
    if (bytes === 0) return done(null, payload)
    const key = holderOf(request)
    if ((held.get(key) ?? 0) + bytes > LIMITS.bodiesOfCaller) {
      void reply.header('connection', 'close').header('retry-after', '1')
      return done(tooMuch())
    }
    change(key, bytes)
    reply.raw.once('close', () => change(key, -bytes))
    done(null, payload)
  })
}

/** A body whose length is not told may have any up to the limit; one that is longer is refused by its length. */
function expectedBytes({ headers }: FastifyRequest): number {
  if (headers['transfer-encoding'] !== undefined) return LIMITS.requestBody
  return Math.min(Number(headers['content-length'] ?? 0), LIMITS.requestBody)
}

function holderOf(request: FastifyRequest): string {
  const { kind, name } = accessOf(request)
  return kind === 'stranger' ? networkOf(request.socket.remoteAddress ?? '') : `${kind} ${name}`
}

const compressed = (coding: string): BacalhauError =>
  new BacalhauError('UnsupportedMediaType', `bodies with Content-Encoding ${coding.slice(0, 64)} are not taken`, {
    hint: 'Send the body as it is.',
  })

const tooMuch = (): BacalhauError =>
  new BacalhauError('TooManyRequests', 'too many large requests of this caller are under way', {
    hint: 'Wait for the answers to some of them.',
  })
