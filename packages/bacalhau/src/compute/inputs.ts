import type { InputSourceSpec } from '@bacalhau/models'
import { mkdir } from 'node:fs/promises'
import type { Mount } from '../executors/executor.ts'
import { BacalhauError, isBacalhauError, messageOf } from '../runtime/error.ts'
import { type PreparedInput, type Share, WHOLE } from '../sources/source.ts'
import { type Capabilities, sourceFor } from './capabilities.ts'

export interface PreparedInputs {
  readonly mounts: readonly Mount[]
  release(): Promise<void>
}

export interface InputsPlan {
  /** Inputs go into `<folder>-0` and so on. */
  readonly folder: string
  readonly share?: Share
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
  { folder, share = WHOLE, onPreparing = () => undefined }: InputsPlan,
  signal: AbortSignal,
): Promise<PreparedInputs> {
  if (inputs.length === 0) return { mounts: [], release: async () => undefined }
  const failed = new AbortController()
  const either = AbortSignal.any([signal, failed.signal])
  const notes = createNotes(inputs.length, onPreparing)
  const results = await Promise.allSettled(
    inputs.map(async ({ Source }, index) => {
      try {
        const own = `${folder}-${index}`
        await mkdir(own, { mode: 0o700 })
        const tell = (text: string) => notes.tell(index, text)
        return await sourceFor(capabilities, Source).prepare(Source, own, either, share, tell)
      } catch (error) {
        failed.abort(error)
        throw error
      } finally {
        notes.done(index)
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
  return { release, mounts: prepared.map((input, index) => toMount(input, inputs[index]?.Target ?? '/')) }
}

/** What there is to say of several inputs: how many have come, and how far the others are. */
function createNotes(count: number, onPreparing: (text: string) => void) {
  const open = new Map<number, string>(Array.from({ length: count }, (_, index) => [index, '']))
  const say = () => {
    const parts = [...open.values()].filter((text) => text !== '')
    const which = count === 1 ? 'the input' : `inputs, ${count - open.size} of ${count} here`
    onPreparing([`fetching ${which}`, ...parts].join('; '))
  }
  say()
  return {
    tell(index: number, text: string): void {
      if (!open.has(index)) return
      open.set(index, text)
      say()
    },
    done(index: number): void {
      if (open.delete(index) && open.size > 0) say()
    },
  }
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
