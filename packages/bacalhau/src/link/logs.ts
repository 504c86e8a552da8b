/** A piece of output, in the order in which it was written within its stream. */
export interface LogChunk {
  readonly stream: 'stdout' | 'stderr'
  readonly bytes: Uint8Array
}

export interface LogOptions {
  /** Go on with new output until the execution ends. */
  readonly follow: boolean
  /** Only output from now on. */
  readonly tail: boolean
  /** Peer ID of who wants to read. */
  readonly reader: string
}

/** Output of one execution on a compute node. Throws `NotFound` for one that is not there or belongs to someone else. */
export type LogReader = (executionId: string, options: LogOptions, signal: AbortSignal) => AsyncIterable<LogChunk>
