import type { InputSourceSpec } from '@bacalhau/models'
import { mkdir } from 'node:fs/promises'
import type { Mount } from '../executors/executor.ts'
import { BacalhauError, isBacalhauError, messageOf } from '../runtime/error.ts'
import { type PreparedInput, type Share, WHOLE } from '../sources/source.ts'
import { createArrivals } from './arrivals.ts'
import { type Capabilities, sourceFor } from './capabilities.ts'

export interface PreparedInputs {
  readonly mounts: readonly Mount[]
  /** Bytes that they have on the disk. */
  readonly bytes: number
  release(): Promise<void>
}

export interface InputsPlan {
  /** Inputs go into `<folder>-0` and so on. */
  readonly folder: string
  readonly share?: Share
  /** Bytes that they may have; no bound where absent. */
  readonly disk?: number
  /** Told how far they are. */
  readonly onPreparing?: (text: string) => void
}

/**
 * Fetches all inputs of a task side by side. When one fails the others are ended and released,
 * and its error is thrown.
 */
export async function prepareInputs(
  inputs: readonly InputSourceSpec[],
  capabilities: Capabilities,
  { folder, share = WHOLE, disk = Infinity, onPreparing = () => undefined }: InputsPlan,
  signal: AbortSignal,
): Promise<PreparedInputs> {
  if (inputs.length === 0) return { mounts: [], bytes: 0, release: async () => undefined }
  const failed = new AbortController()
  const either = AbortSignal.any([signal, failed.signal])
  const arrivals = createArrivals(inputs.length, disk, onPreparing)
  const results = await Promise.allSettled(
    inputs.map(async ({ Source }, index) => {
      const arrival = arrivals.next()
      try {
        const own = `${folder}-${index}`
        await mkdir(own, { mode: 0o700 })
        return await sourceFor(capabilities, Source).prepare(Source, own, either, share, arrival)
      } catch (error) {
        failed.abort(error)
        throw error
      } finally {
        arrival.done()
      }
    }),
  )
  const prepared = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
  const release = () => releaseAll(prepared)
  if (prepared.length < inputs.length) {
    await release()
    signal.throwIfAborted()
    throw inputError(failed.signal.reason)
  }
  const mounts = prepared.map((input, index) => toMount(input, inputs[index]?.Target ?? '/'))
  return { release, mounts, bytes: arrivals.bytes }
}

function toMount({ hostPath, writable = false }: PreparedInput, guestPath: string): Mount {
  return { hostPath, guestPath, readOnly: !writable, ...(writable ? { inPlace: true } : {}) }
}

/** An input that cannot be released keeps neither the others nor the execution from their end. */
async function releaseAll(inputs: readonly PreparedInput[]): Promise<void> {
  await Promise.allSettled(inputs.map((input) => input.release()))
}

function inputError(error: unknown): BacalhauError {
  if (isBacalhauError(error)) return error
  return new BacalhauError('InputFailed', `an input could not be prepared: ${messageOf(error)}`, { cause: error })
}
