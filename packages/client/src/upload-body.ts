import type { Body } from './transport.ts'

type Chunk = Uint8Array | Blob

export interface Source {
  readonly body: Body
  /** Why the bytes broke off, if they did. */
  failure(): Error | undefined
}

/**
 * What to send for this content. Where bodies cannot be streamed, all of it is gathered first, as a Blob, which browsers keep
 * outside of memory when it is large.
 */
export async function bodyOf(content: Body | AsyncIterable<Chunk>, streams: boolean): Promise<Source> {
  const isWhole = typeof content === 'string' || content instanceof Blob || content instanceof Uint8Array
  if (isWhole) return { body: content, failure: () => undefined }
  const chunks = chunksOf(content)
  if (streams) return streamOf(chunks)
  const parts = (await Array.fromAsync(chunks)) as (Uint8Array<ArrayBuffer> | Blob)[]
  return { body: new Blob(parts), failure: () => undefined }
}

/** Not every browser can iterate over its streams. */
async function* chunksOf(content: ReadableStream<Uint8Array> | AsyncIterable<Chunk>): AsyncGenerator<Chunk> {
  if (!(content instanceof ReadableStream)) return yield* content
  const reader = content.getReader()
  try {
    for (let step = await reader.read(); !step.done; step = await reader.read()) yield step.value
  } finally {
    await reader.cancel().catch(() => {})
  }
}

function streamOf(chunks: AsyncGenerator<Chunk>): Source {
  const bytes = bytesOf(chunks)
  let failure: Error | undefined
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const step = await bytes.next()
        if (step.done === true) controller.close()
        else controller.enqueue(step.value)
      } catch (error) {
        failure = error instanceof Error ? error : new Error(String(error))
        throw failure
      }
    },
    async cancel() {
      await bytes.return(undefined)
    },
  })
  return { body, failure: () => failure }
}

async function* bytesOf(chunks: AsyncGenerator<Chunk>): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    if (chunk instanceof Blob) yield* chunksOf(chunk.stream()) as AsyncGenerator<Uint8Array>
    else if (chunk.length > 0) yield chunk
  }
}
