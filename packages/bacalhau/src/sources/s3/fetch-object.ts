import { createHash, type Hash } from 'node:crypto'
import { type FileHandle, mkdir, open } from 'node:fs/promises'
import path from 'node:path'
import type { S3Client } from '@aws-sdk/client-s3'
import { retryPause } from '../../network/backoff.ts'
import { type Clock, sleep } from '../../runtime/clock.ts'
import { BacalhauError, isBacalhauError, messageOf, systemCode } from '../../runtime/error.ts'
import type { Random } from '../../runtime/random.ts'
import { watchSilence } from '../url/watch.ts'
import { loadSdk } from './clients.ts'
import { statusOf } from './error.ts'
import { mismatch, type S3Object } from './objects.ts'
import type { S3Params } from './params.ts'

export interface Fetching {
  readonly clock: Clock
  readonly random: Random
  /** Milliseconds of silence after which a connection is given up, and tries after the first one that bring nothing new. */
  readonly silence: number
  readonly retries: number
  /** Told how many bytes more have come. */
  readonly onBytes?: (count: number) => void
}

interface Target {
  readonly handle: FileHandle
  /** Of what was written so far; only when it has to be compared. */
  readonly hash: Hash | undefined
  at: number
}

/** Writes an object below `folder`; goes on where a connection broke off. Throws what the SDK throws, or a `BacalhauError`. */
export async function fetchObject(
  object: S3Object,
  params: S3Params,
  client: S3Client,
  folder: string,
  fetching: Fetching,
  signal: AbortSignal,
): Promise<void> {
  const file = path.join(folder, ...object.name.split('/'))
  const handle = await openNew(file, object)
  try {
    const expected = params.ChecksumSHA256
    // Of an object that was sent in parts the checksum is that of their checksums.
    const hash = expected === undefined || expected.includes('-') ? undefined : createHash('sha256')
    const target: Target = { handle, hash, at: 0 }
    for (let failures = 1; target.at < object.bytes; failures += 1) {
      const before = target.at
      try {
        await take(target, object, params, client, fetching, signal)
      } catch (error) {
        if (target.at > before) failures = 1
        await orGiveUp(error, failures, fetching, signal)
      }
    }
    const got = hash?.digest('base64')
    if (got !== undefined && got !== expected) throw mismatch(params, got)
  } finally {
    await handle.close()
  }
}

/** Two keys may be one path, or one of them a folder above the other. */
async function openNew(file: string, { key }: S3Object): Promise<FileHandle> {
  try {
    await mkdir(path.dirname(file), { recursive: true })
    return await open(file, 'wx', 0o644)
  } catch (cause) {
    if (!['EEXIST', 'ENOTDIR', 'EISDIR'].includes(systemCode(cause) ?? '')) throw cause
    const problem = `the key ${JSON.stringify(key.slice(0, 300))} is in the way of another one`
    throw new BacalhauError('InputFailed', problem, { cause })
  }
}

async function take(
  target: Target,
  { key, etag, versionId, bytes }: S3Object,
  { Bucket }: S3Params,
  client: S3Client,
  { clock, silence, onBytes }: Fetching,
  outer: AbortSignal,
): Promise<void> {
  const { GetObjectCommand } = await loadSdk()
  const watch = watchSilence(clock, silence, outer, () => new Error(`nothing came for ${silence / 1_000} seconds`))
  try {
    const command = new GetObjectCommand({
      Bucket,
      Key: key,
      ...(etag === undefined ? {} : { IfMatch: etag }),
      ...(versionId === undefined ? {} : { VersionId: versionId }),
      ...(target.at === 0 ? {} : { Range: `bytes=${target.at}-` }),
    })
    const { Body, ContentRange } = await client.send(command, { abortSignal: watch.signal })
    if (Body === undefined) throw new Error('the answer has no body')
    if (target.at > 0 && ContentRange?.startsWith(`bytes ${target.at}-`) !== true) {
      throw new BacalhauError('InputFailed', `the server does not give the rest of ${key}`)
    }
    const body = Body as AsyncIterable<Uint8Array> & { destroy(): void }
    const stop = () => body.destroy()
    watch.signal.addEventListener('abort', stop, { once: true })
    try {
      for await (const chunk of body) {
        watch.touch()
        if (target.at + chunk.length > bytes) throw new BacalhauError('InputFailed', `${key} is longer than was said`)
        await target.handle.write(chunk, 0, chunk.length, target.at)
        target.hash?.update(chunk)
        target.at += chunk.length
        onBytes?.(chunk.length)
      }
    } finally {
      watch.signal.removeEventListener('abort', stop)
      body.destroy()
    }
    if (target.at < bytes) throw new Error(`${key} ended after ${target.at} of ${bytes} bytes`)
  } catch (error) {
    outer.throwIfAborted()
    if (watch.signal.aborted) throw new Error(messageOf(watch.signal.reason), { cause: error })
    throw error
  } finally {
    watch.end()
  }
}

/** What the server has said no to, it would again. */
async function orGiveUp(error: unknown, failures: number, fetching: Fetching, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  const status = statusOf(error) ?? 500
  const final = isBacalhauError(error) || ['ENOSPC', 'EDQUOT'].includes(systemCode(error) ?? '') || status < 500
  if (final || failures > fetching.retries) throw error
  await sleep(fetching.clock, retryPause(failures, fetching.random), signal)
}
