import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, readdir, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { StorageGrant, StorageRequest } from '../../link/storage-protocol.ts'
import { retryPause } from '../../network/backoff.ts'
import { type Clock, sleep } from '../../runtime/clock.ts'
import { BacalhauError, isBacalhauError, messageOf, systemCode } from '../../runtime/error.ts'
import { LIMITS } from '../../runtime/limits.ts'
import type { Random } from '../../runtime/random.ts'
import type { Outbound } from '../../sources/outbound/outbound.ts'
import { parseParams } from '../../sources/params.ts'
import { archiveOf } from '../archive.ts'
import type { Publisher, PublishRequest } from '../publisher.ts'
import { put, RefusedPut } from './put.ts'

/** Asks an orchestrator for a URL into its storage. */
export type AskForStorage = (
  orchestrator: string,
  request: StorageRequest,
  signal: AbortSignal,
) => Promise<StorageGrant>

export interface ManagedPublisherOptions {
  readonly ask: AskForStorage
  readonly outbound: Outbound
  readonly clock: Clock
  readonly random: Random
  /** Where archives lie until they are uploaded; nobody else's. */
  readonly folder: string
  /** Milliseconds in which a server has to take something, or to answer. */
  readonly silence: number
}

/** Tries to upload one archive; each with a URL of its own, for the one before may not be good any more. */
const TRIES = 6

/**
 * Puts results into the bucket of the orchestrator that ordered the execution, by a URL that it signs: this node needs no
 * credentials. The archive is made first, since its length is part of what is signed.
 */
export async function createManagedPublisher(options: ManagedPublisherOptions): Promise<Publisher> {
  const { folder } = options
  await mkdir(folder, { recursive: true, mode: 0o700 })
  // What a former process left is of no use to anybody.
  for (const name of await readdir(folder)) await rm(path.join(folder, name), { recursive: true, force: true })
  let made = 0
  return {
    type: 's3managed',
    available: async () => true,
    validate: (spec) => void parseParams(z.strictObject({}), spec),
    async publish(request, signal) {
      signal.throwIfAborted()
      const archive = path.join(folder, `${(made += 1)}.tar.gz`)
      try {
        const { bytes, sha256 } = await pack(request, archive, signal)
        await upload(request, archive, bytes, options, signal)
        const { jobId: JobID, executionId: ExecutionID } = request
        return { Type: 's3managed', Params: { JobID, ExecutionID, ChecksumSHA256: sha256 } }
      } finally {
        await rm(archive, { force: true })
      }
    },
  }
}

/** Writes the archive; says how long it is, and its checksum in base64. */
async function pack({ folder }: PublishRequest, archive: string, signal: AbortSignal) {
  try {
    await stat(folder)
    const hash = createHash('sha256')
    await pipeline(
      archiveOf(folder, signal),
      async function* (chunks: AsyncIterable<Uint8Array>) {
        for await (const chunk of chunks) {
          hash.update(chunk)
          yield chunk
        }
      },
      createWriteStream(archive, { flags: 'wx', mode: 0o600 }),
    )
    const { size: bytes } = await stat(archive)
    if (bytes > LIMITS.managedResult) {
      throw new BacalhauError(
        'PublishFailed',
        `the results have ${bytes} bytes, and s3managed takes ${LIMITS.managedResult}`,
        {
          hint: 'Publish them to ipfs, or to s3 with credentials on the compute node.',
        },
      )
    }
    return { bytes, sha256: hash.digest('base64') }
  } catch (cause) {
    signal.throwIfAborted()
    if (isBacalhauError(cause)) throw cause
    if (['ENOSPC', 'EDQUOT'].includes(systemCode(cause) ?? '')) {
      throw new BacalhauError('DiskFull', 'the disk of the node is full', { cause })
    }
    throw failed(cause)
  }
}

async function upload(
  { orchestrator, jobId, executionId }: PublishRequest,
  archive: string,
  bytes: number,
  options: ManagedPublisherOptions,
  signal: AbortSignal,
): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      const grant = await options.ask(orchestrator, { want: 'put', jobId, executionId, bytes }, signal)
      return await put(grant, createReadStream(archive, { highWaterMark: 1024 * 1024 }), options, signal)
    } catch (error) {
      signal.throwIfAborted()
      // What the orchestrator or the rules of this node refuse once they refuse again.
      const final = isBacalhauError(error) ? error.code !== 'PeerUnreachable' : error instanceof RefusedPut
      if (final || tries === TRIES) throw failed(error)
      await sleep(options.clock, retryPause(tries, options.random), signal)
    }
  }
}

function failed(cause: unknown): BacalhauError {
  const hint = isBacalhauError(cause) && cause.hint !== undefined ? { hint: cause.hint } : {}
  return new BacalhauError('PublishFailed', `the results could not be published: ${messageOf(cause)}`, {
    cause,
    ...hint,
  })
}
