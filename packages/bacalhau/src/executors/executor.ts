import type { NetworkSpec } from '@bacalhau/models'

/** A folder or file of the host that a job sees. */
export interface Mount {
  /** Absolute path on the host. Must exist. */
  readonly hostPath: string
  /** Absolute path in the job's own world, for example `/inputs`. */
  readonly guestPath: string
  readonly readOnly: boolean
  /** A writable folder or file of the machine that the job changes where it lies. Nobody bounds what it holds. */
  readonly inPlace?: true
}

/** What a job may use. Enforced from outside of the job. Each bound is optional only where the engine has its own. */
export interface ExecutionLimits {
  /** Bytes of memory. */
  readonly memory: number
  /** Cores, and whole GPUs. For engines that can bound them; not given: no bound, and no GPU. */
  readonly cpu?: number
  readonly gpu?: number
  /** Wall-clock milliseconds from start to end of the run. 0 means no bound. */
  readonly time: number
  /** Bytes of standard output and of standard error, each, that stay: the beginning and the newest. */
  readonly output: number
  /** Bytes that the job may keep in its writable mounts, together. */
  readonly disk: number
  /** Files and folders that the job may create in its writable mounts, together. */
  readonly files: number
}

export interface ExecutionRequest {
  readonly executionId: string
  readonly jobId: string
  /** `Params` of the task's engine, not yet checked. */
  readonly params: Readonly<Record<string, unknown>>
  /** Environment of the job, complete. */
  readonly env: Readonly<Record<string, string>>
  /** Inputs (read-only) and result folders (writable). */
  readonly mounts: readonly Mount[]
  /** Host files that receive standard output and standard error; the executor creates and appends to them while the job runs. */
  readonly stdoutPath: string
  readonly stderrPath: string
  /** Host file that the job reads as standard input; empty input when absent. */
  readonly stdinPath?: string
  /** What the job may reach; nothing when absent. Only engines that know networks are given one. */
  readonly network?: NetworkSpec
  readonly limits: ExecutionLimits
}

/** How a run ended. A non-zero exit code is an ordinary end; a failure says that the job could not run to its own end. */
export type ExecutionOutcome =
  | {
      readonly kind: 'exited'
      readonly exitCode: number
      /** What else there is to say, for example that a signal ended it. */
      readonly note?: string
    }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string; readonly hint?: string }

/** Told about a run while it goes on. */
export interface ExecutionObserver {
  /** More bytes are in the stdout or stderr file than before. Coalesced; may be called with nothing new. */
  onOutput(): void
  /**
   * There is too much output for its files: the beginning is in them, and the newest in further ones beside them, which are to be
   * joined at the end (`rolling-output.ts`). Told before `run` resolves, once or more.
   */
  onRolled?(): void
}

/** Runs jobs of one engine. Every implementation passes the suite in `compliance.ts`. */
export interface Executor {
  /** Name of the engine in a spec, lower case: `wasm`, `docker`, `noop`. */
  readonly engine: string
  /** Its jobs see no files: what is mounted stays unread, and no output is written. */
  readonly fileless?: true
  /** Gives its jobs the GPUs that they ask for. */
  readonly givesGpus?: true
  /** Can this node run the engine now? Cheap; asked again and again. */
  available(): Promise<boolean>
  /** Checks `Params` before a job is taken; throws a `BacalhauError` that names what is wrong. */
  validate(params: Readonly<Record<string, unknown>>): void
  /**
   * Runs one execution to its end. Resolves for every end that the job or a limit brings about; when `signal` aborts, the
   * job is ended at once and the outcome is a failure `ExecutionCancelled`. Partial output stays in place. Rejects only for
   * faults of the node itself.
   */
  run(request: ExecutionRequest, observer: ExecutionObserver, signal: AbortSignal): Promise<ExecutionOutcome>
  /** Runs a job that needs neither time nor files, now; undefined for any other. For engines that have such jobs. */
  runAtOnce?(params: ExecutionRequest['params']): ExecutionOutcome | undefined
  /** Why a job gets no such network from this engine on this node; undefined when it does. Engines without it give none at all. */
  networkRefusal?(network: NetworkSpec): string | undefined
  /**
   * Fetches what a job needs to begin, such as its image, and says in a few words what exactly that is. Does not count as
   * running, and has a bound of its own. `onPreparing` is told how far it is, for people to read, as often as one likes: "image
   * ubuntu:24.04: 34 % of 78 MB". Throws a `BacalhauError`, or the signal's reason.
   */
  prepare?(
    params: ExecutionRequest['params'],
    signal: AbortSignal,
    onPreparing?: (text: string) => void,
  ): Promise<string | undefined>
  /** Called once, before anything runs: of the jobs of a former process, only those in `held` are wanted still. */
  recover?(held: ReadonlySet<string>): Promise<void>
  /**
   * Is the job of this execution still here, from before a restart of the node? Then it needs no inputs: `run` goes on with it,
   * and its output comes again from the beginning.
   */
  survives?(executionId: string): boolean
  /** Ends whatever still runs and frees threads, containers and files. */
  stop(): Promise<void>
}
