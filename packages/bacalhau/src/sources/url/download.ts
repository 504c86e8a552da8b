import { type FileHandle, open } from 'node:fs/promises'
import { retryPause } from '../../network/backoff.ts'
import { sleep } from '../../runtime/clock.ts'
import { BacalhauError, isBacalhauError, messageOf, systemCode } from '../../runtime/error.ts'
import { LIMITS } from '../../runtime/limits.ts'
import type { DiskRoom } from '../disk-room.ts'
import { refused } from '../outbound/request.ts'
import { type Attempt, begin, type Fetching, gaveUp, PassingAnswer } from './attempt.ts'

/** How often it is looked whether there still is room for a file whose length nobody knows, in bytes. */
const LOOK_EVERY = 64 * 1024 * 1024

/** What is there of a file from an earlier download: so many bytes of the version that the validator tells from others. */
export interface Rest {
  readonly at: number
  readonly validator: string
}

const rangeOf = ({ at, validator }: Rest) => ({ range: `bytes=${at}-`, 'if-range': validator })

/**
 * The first answer for `url` that is worth reading; tries that fail in passing are repeated. Where something is there already, it
 * begins behind that if the server can do so and still has the same file; else at the beginning.
 */
export async function knock(url: URL, fetching: Fetching, signal: AbortSignal, rest?: Rest): Promise<Attempt> {
  for (let failures = 1; ; failures += 1) {
    try {
      const attempt = await begin(url, fetching, signal, rest === undefined ? {} : rangeOf(rest))
      if (attempt.start === 0 || (attempt.start === rest?.at && attempt.validator === rest.validator)) return attempt
      attempt.end()
      rest = undefined
    } catch (error) {
      // What a server does not want to give in parts it may give as a whole.
      if (rest !== undefined && isBacalhauError(error)) rest = undefined
      else await orGiveUp(url, error, failures, fetching, signal)
    }
  }
}

/** Waits before the next try; throws when there is to be none. */
async function orGiveUp(
  url: URL,
  error: unknown,
  failures: number,
  { clock, random, retries }: Fetching,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted()
  if (isBacalhauError(error)) throw error
  if (['ENOSPC', 'EDQUOT'].includes(systemCode(error) ?? '')) {
    throw new BacalhauError('DiskFull', 'the disk of the node is full', { cause: error })
  }
  if (failures > retries) throw gaveUp(url, failures, error)
  const asked = error instanceof PassingAnswer ? error.pause : 0
  await sleep(clock, Math.min(LIMITS.urlPause, Math.max(asked, retryPause(failures, random))), signal)
}

interface Target {
  readonly handle: FileHandle
  readonly url: URL
  readonly fetching: Fetching
  readonly room: DiskRoom
  /** Bytes that are there. */
  at: number
}

/**
 * Writes the file that `first` begins to `place`, and says how many bytes it has. What is at `place` must end where `first` begins, or
 * not exist. When the connection breaks off, the rest is asked for, as far as the server can do that and the file is still the
 * same. What was written stays when it throws.
 */
export async function download(
  url: URL,
  first: Attempt,
  place: string,
  { room, ...fetching }: Fetching & { readonly room: DiskRoom },
  signal: AbortSignal,
): Promise<number> {
  const handle = await open(place, first.start === 0 ? 'wx' : 'r+', 0o644)
  const target: Target = { handle, url, fetching, room, at: first.start }
  let attempt: Attempt | undefined = first
  try {
    for (let failures = 1; ; failures += 1) {
      const before = target.at
      try {
        attempt ??= await again(target, first, signal)
        await take(target, attempt, signal)
        return target.at
      } catch (error) {
        if (target.at > before) failures = 1
        await orGiveUp(url, error, failures, fetching, signal)
      } finally {
        attempt?.end()
        attempt = undefined
      }
    }
  } finally {
    await handle.close()
  }
}

/** Asks for the rest, or for all of it where the file cannot be told from another one. */
async function again({ url, fetching, at }: Target, first: Attempt, signal: AbortSignal): Promise<Attempt> {
  const { validator, total } = first
  const range = validator !== undefined && at > 0 ? rangeOf({ at, validator }) : undefined
  const attempt = await begin(url, fetching, signal, range)
  const changed = validator !== undefined && (attempt.validator !== validator || attempt.total !== total)
  const misplaced = attempt.start !== 0 && attempt.start !== at
  if (!changed && !misplaced) return attempt
  attempt.end()
  throw refused(
    url,
    changed ? 'it changed while it was being fetched' : 'it answers with another part than was asked for',
  )
}

async function take(target: Target, attempt: Attempt, signal: AbortSignal): Promise<void> {
  const { total } = attempt
  if (attempt.start < target.at) {
    await target.handle.truncate(attempt.start)
    target.fetching.onBytes?.(attempt.start - target.at)
  }
  target.at = attempt.start
  checkSize(target, total ?? 0)
  let look = target.at + LOOK_EVERY
  try {
    for await (const chunk of attempt.response as AsyncIterable<Uint8Array>) {
      attempt.touch()
      checkSize(target, target.at + chunk.length)
      await target.handle.write(chunk, 0, chunk.length, target.at)
      target.at += chunk.length
      target.fetching.onBytes?.(chunk.length)
      if (total === undefined && target.at > look) {
        look = target.at + LOOK_EVERY
        const release = await target.room.reserve(0)
        release()
      }
    }
  } catch (error) {
    signal.throwIfAborted()
    // Silence, or another caller that shared this connection and has left: nothing that a new one could not mend.
    if (attempt.signal.aborted) throw new Error(messageOf(attempt.signal.reason), { cause: error })
    throw error
  }
  if (total !== undefined && target.at !== total) throw new Error(`it ended after ${target.at} of ${total} bytes`)
}

function checkSize({ url, fetching: { maxBytes } }: Target, bytes: number): void {
  if (bytes <= maxBytes) return
  throw new BacalhauError('ContentTooLarge', refused(url, `it has more than ${maxBytes} bytes`).message, {
    hint: 'The operator of the node sets the bound with InputSources.MaxSize.',
  })
}
