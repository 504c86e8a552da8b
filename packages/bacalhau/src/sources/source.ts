import type { SpecConfig } from '@bacalhau/models'
import type { Arrival } from './arrival.ts'

/** An input, ready on this host. */
export interface PreparedInput {
  /** Absolute host path of the file or folder. It may be shared with other executions, and so is only read, if not `writable`. */
  readonly hostPath: string
  readonly kind: 'file' | 'folder'
  /** The job may change it. */
  readonly writable?: boolean
  /** Frees what was prepared for this execution. Never deletes what others still use. */
  release(): Promise<void>
}

export interface InputSize {
  /** Bytes that the input will occupy. */
  readonly bytes: number
  /** Is all of it on this node already? */
  readonly local: boolean
}

/** Which part of an input that can be parted one execution of a job gets. */
export interface Share {
  /** Executions of the job, and which of them this one is, from 0. */
  readonly count: number
  readonly index: number
  /** Which execution that is, and who ordered it; absent where nobody did. */
  readonly execution?: { readonly orchestrator: string; readonly jobId: string; readonly executionId: string }
}

export const WHOLE: Share = { count: 1, index: 0 }

/** Brings inputs of one kind to this node. Every implementation passes the suite in `compliance.ts`. */
export interface InputSource {
  /** Types in a spec that this source serves, lower case: `inline`, `ipfs`, `local` and so on. */
  readonly types: readonly string[]
  available(): Promise<boolean>
  /** Checks a spec's parameters; throws a `BacalhauError` that names what is wrong. */
  validate(spec: SpecConfig): void
  /** Size and place, for admission. May look into the swarm, within `signal`. */
  measure(spec: SpecConfig, signal: AbortSignal, share?: Share): Promise<InputSize>
  /**
   * Makes the input available below `folder` (private to the execution, exists, may stay unused). Throws `InputFailed`,
   * `ContentNotFound` or the like; leaves nothing behind when it throws. `arrival` hears how far it is.
   */
  prepare(
    spec: SpecConfig,
    folder: string,
    signal: AbortSignal,
    share?: Share,
    arrival?: Arrival,
  ): Promise<PreparedInput>
}
