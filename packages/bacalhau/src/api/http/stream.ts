import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import { LIMITS } from '../../runtime/limits.ts'

/**
 * A body of the bytes of `source`. The first bytes are awaited before, so that what fails at once is still answered with a
 * proper error; what fails later cuts the connection. A caller who takes nothing for a long time is cut off as well.
 */
export async function streamBody(source: AsyncIterable<Uint8Array>, reply: FastifyReply): Promise<Readable> {
  const iterator = source[Symbol.asyncIterator]()
  const first = await iterator.next()
  reply.raw.socket?.setTimeout(LIMITS.streamStall)
  return Readable.from(resume(iterator, first), { objectMode: false })
}

async function* resume(iterator: AsyncIterator<Uint8Array>, first: IteratorResult<Uint8Array>) {
  try {
    for (let step = first; step.done !== true; step = await iterator.next()) yield step.value
  } finally {
    await iterator.return?.()
  }
}
