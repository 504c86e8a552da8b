import type { SpecConfig } from '@bacalhau/models'
import { ApiError, unanswered } from './api-error.ts'
import { type ContentEntry, walkContent } from './content/walk.ts'
import { jobPath } from './job-address.ts'
import { pageOf, shaped } from './shape.ts'
import type { Transport } from './transport.ts'
import { type ArchiveEntry, untar } from './untar.ts'

const result = shaped<SpecConfig>({ Type: 'string' })

/**
 * One thing among results. It has a CID where it was verified against one; what comes from an archive, which a node or S3 gives, was
 * not.
 */
export type ResultEntry = ContentEntry | ArchiveEntry

export interface ReadResultsOptions {
  readonly namespace?: string
  readonly signal?: AbortSignal
}

/** The files that a job published, wherever its publisher has put them. */
export async function* readResults(
  transport: Transport,
  jobId: string,
  { namespace, signal }: ReadResultsOptions,
): AsyncGenerator<ResultEntry> {
  const path = jobPath(jobId, '/results')
  const { Items } = await transport.ask('GET', path, pageOf(result), { query: { namespace }, signal })
  for (const [index, published] of Items.entries()) {
    for await (const entry of readResult(transport, published, signal)) {
      yield Items.length === 1 ? entry : { ...entry, path: [index, entry.path].filter((step) => step !== '').join('/') }
    }
  }
}

function readResult(
  transport: Transport,
  { Type, Params = {} }: SpecConfig,
  signal: AbortSignal | undefined,
): AsyncGenerator<ResultEntry> {
  const [kind, { CID, URL, PreSignedURL }] = [Type.toLowerCase(), Params]
  if (kind === 'ipfs' && typeof CID === 'string') return walkContent(transport, CID, signal)
  const url = kind === 'urldownload' ? URL : kind === 's3presigned' ? PreSignedURL : undefined
  if (typeof url === 'string') return readArchive(transport, url, signal)
  throw new ApiError(0, 'NotImplemented', `results of type "${Type}" cannot be fetched from here`, {
    hint: 'Read where they are from the `results` of the job.',
  })
}

/** A gzipped tar archive. Nobody is told who asks: the URL itself is the permission. */
async function* readArchive(
  { platform }: Transport,
  url: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<ArchiveEntry> {
  const none = new AbortController().signal
  const place = url.replace(/\?.*$/s, '')
  const answer = await platform.fetch(url, { credentials: 'omit', signal: signal ?? none }).catch((error: unknown) => {
    signal?.throwIfAborted()
    throw unanswered(error, place)
  })
  if (!answer.ok || answer.body === null) {
    await answer.body?.cancel().catch(() => {})
    throw new ApiError(answer.status, 'NotFound', `the results are not at ${place}: it answers ${answer.status}`)
  }
  const unzipped = answer.body.pipeThrough(
    new DecompressionStream('gzip') as ReadableWritablePair<Uint8Array, Uint8Array>,
  )
  try {
    yield { kind: 'directory', path: '' }
    yield* untar(chunksOf(unzipped))
  } catch (error) {
    signal?.throwIfAborted()
    if (error instanceof ApiError) throw error
    throw new ApiError(0, 'ContentInvalid', `${place}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    })
  }
}

/** Not every browser can iterate over its streams. */
async function* chunksOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader()
  try {
    for (let step = await reader.read(); !step.done; step = await reader.read()) yield step.value
  } finally {
    await reader.cancel().catch(() => {})
  }
}
