/** A piece of output, in the order in which it was written within its stream. */
export interface LogChunk {
  readonly stream: 'stdout' | 'stderr'
  readonly bytes: Uint8Array
}

/** Bytes of each stream. */
export interface LogPlace {
  readonly stdout: number
  readonly stderr: number
}

/** Which part of the output is wanted; without anything all of it. */
export interface LogSelection {
  /** Go on with new output until the execution ends. */
  readonly follow: boolean
  /** Only output from now on. */
  readonly tail: boolean
  /** Only the last so many lines of each stream, and what follows. */
  readonly lines?: number
  /** Only what lies beyond this place. Together with `lines`, whichever begins later. */
  readonly offset?: LogPlace
}

export interface LogOptions extends LogSelection {
  /** Peer ID of who wants to read. */
  readonly reader: string
}

/** Output of one execution on a compute node. Throws `NotFound` for one that is not there or belongs to someone else. */
export type LogReader = (executionId: string, options: LogOptions, signal: AbortSignal) => AsyncIterable<LogChunk>
