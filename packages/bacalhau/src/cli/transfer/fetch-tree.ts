import { ApiError, type Client } from '@bacalhau/client'
import { readCar } from '../../content/car.ts'
import { parseContentRef } from '../../content/cid.ts'
import { isComplete } from '../../content/selection.ts'
import { BacalhauError, isBacalhauError } from '../../runtime/error.ts'
import type { BlockFile } from './block-file.ts'

/** The part of a client that is needed here. */
export type Source = { readonly data: Pick<Client['data'], 'get' | 'ls'> }

export interface FetchOptions {
  readonly onBytes: (count: number) => void
  /** Called each time that the connection is lost, before the next try. */
  readonly onLost: (why: string) => Promise<void>
  readonly pause: () => Promise<unknown>
  readonly signal: AbortSignal
}

/** Tries in a row that bring nothing new. */
const TRIES = 30

/**
 * Fetches into `file` every block of `source` that is not there yet, each checked against its CID: whatever the node is, the
 * content is what the CID says. A lost connection is made again, and the rest is asked for.
 */
export async function fetchTree(client: Source, source: string, file: BlockFile, options: FetchOptions): Promise<void> {
  const selection = { ...parseContentRef(source), scope: 'all' } as const
  for (let failures = 0; !(await isComplete(selection, file));) {
    const before = file.count
    let problem: unknown
    try {
      // After a fruitless try: perhaps this node has another order, and what was skipped is what is missing.
      await fetchRest(client, source, file, failures > 0 ? 0 : file.count, options)
    } catch (error) {
      options.signal.throwIfAborted()
      if (!isPassing(error)) throw error
      problem = error
    }
    failures = file.count > before ? 0 : failures + 1
    if (await isComplete(selection, file)) return
    problem ??= new BacalhauError('ContentInvalid', `the node did not answer with all of ${source}`)
    if (failures === (problem instanceof ApiError ? TRIES : 2)) throw problem
    await options.onLost(problem instanceof Error ? problem.message : String(problem))
    await options.pause()
  }
}

async function fetchRest(client: Source, source: string, file: BlockFile, skip: number, options: FetchOptions) {
  const { onBytes, signal } = options
  const archive = await client.data.get(source, { format: 'car', skip, signal })
  for await (const { cid, block } of readCar(arriving(archive))) {
    if (file.has(cid)) continue
    await file.append(cid, block)
    onBytes(block.length)
  }
}

/** A body that breaks off is a lost connection, whatever the platform calls it. */
async function* arriving(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* body
  } catch (cause) {
    throw new ApiError(0, 'Unreachable', 'the connection broke off', { cause })
  }
}

/** Is this the trouble of a connection, which may be over soon? A CAR that is cut off looks invalid. */
const isPassing = (error: unknown): boolean =>
  (error instanceof ApiError && (error.status === 0 || error.status >= 500)) ||
  (isBacalhauError(error) &&
    error.code === 'ContentInvalid' &&
    /ends (?:too early|within a number)/.test(error.message))
