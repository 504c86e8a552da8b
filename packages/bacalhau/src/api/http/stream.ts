import { Readable } from 'node:stream'

/**
 * A body of the bytes of `source`. The first bytes are awaited before, so that what fails at once is still answered with a
 * proper error; what fails later cuts the connection.
 */
export async function streamBody(source: AsyncIterable<Uint8Array>): Promise<Readable> {
  const iterator = source[Symbol.asyncIterator]()
  const first = await iterator.next()
  return Readable.from(resume(iterator, first), { objectMode: false })
}

async function* resume(iterator: AsyncIterator<Uint8Array>, first: IteratorResult<Uint8Array>) {
  try {
    for (let step = first; step.done !== true; step = await iterator.next()) yield step.value
  } finally {
    await iterator.return?.()
  }
}
