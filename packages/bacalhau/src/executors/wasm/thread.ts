import type { Mount } from '../executor.ts'
import type { Ending } from './failure.ts'
import type { JobLine } from './http/service.ts'

/** One job for a worker thread. Plain data: it is copied to the thread. */
export interface SandboxJob {
  readonly kind: 'run'
  /** Guest path of the module, or of a folder with exactly one. */
  readonly entryModule: string
  readonly entrypoint: string
  readonly parameters: readonly string[]
  /** Guest paths of modules that others may import from. */
  readonly importModules: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  readonly mounts: readonly Mount[]
  readonly stdoutPath: string
  readonly stderrPath: string
  readonly stdinPath: string | undefined
  readonly limits: {
    /** Pages of 64 KiB. */
    readonly memoryPages: number
    /** Bytes of each output stream. */
    readonly output: number
    /** Bytes in writable mounts. */
    readonly disk: number
    readonly files: number
  }
  /** Where the job makes HTTP requests, if it may. */
  readonly http: JobLine | undefined
  /** Numbers of 32 bits that node and thread both see, by `SHARED`. */
  readonly shared: SharedArrayBuffer
}

/** Which is 1 while news of output is on its way to the node, and which once output is in several files; the system's number of the thread. */
export const SHARED = { news: 0, rolled: 1, thread: 2 } as const
export const SHARED_BYTES = 12

/** The compiled modules that the node has, in the order of the keys asked for. */
export interface CachedModules {
  readonly kind: 'modules'
  readonly modules: readonly (WebAssembly.Module | undefined)[]
}

export type ToWorker = SandboxJob | CachedModules

export type FromWorker =
  /** Does the node have these compiled? It answers with `CachedModules`. */
  | { readonly kind: 'lookup'; readonly keys: readonly string[] }
  /** Compiled just now; for the node to keep. `bytes` is the size of the module's file. */
  | { readonly kind: 'compiled'; readonly key: string; readonly module: WebAssembly.Module; readonly bytes: number }
  /** More output is in the files. Sent once until the flag is cleared. */
  | { readonly kind: 'output' }
  /** The run is over. `reusable`: nothing of it is left in the thread but a little garbage. */
  | { readonly kind: 'ended'; readonly ending: Ending; readonly reusable: boolean }
  /** The node's own fault, such as an output file that cannot be made. */
  | { readonly kind: 'fault'; readonly message: string }
