import { BacalhauError } from '../runtime/error.ts'
import type { Write } from './store.ts'

/** Writes that take effect together, and who waits for them. */
export interface Unit {
  /** Each with its document as JSON, empty where there is none. */
  readonly writes: readonly (readonly [write: Write, json: string])[]
  resolve(): void
  reject(error: unknown): void
}

/** Documents become text at once, so that a caller who changes one later does not change what was committed. */
export function unitOf(writes: readonly Write[], resolve: () => void, reject: (error: unknown) => void): Unit {
  return { writes: writes.map((write) => [write, encode(write)]), resolve, reject }
}

function encode(write: Write): string {
  if (write.op !== 'put') return ''
  const json: string | undefined = JSON.stringify(write.value)
  // Of no document, such as `undefined`, nothing would be left: a fault of the program.
  if (json === undefined) throw new TypeError(`${write.table}/${write.key} is no JSON document`)
  return json
}

export const storeStopped = (): BacalhauError => new BacalhauError('ServiceUnavailable', 'The store is stopped.')
