import type { SpecConfig } from '@bacalhau/models'

export interface PublishRequest {
  /** Peer ID of the orchestrator that ordered the execution. */
  readonly orchestrator: string
  readonly jobId: string
  readonly executionId: string
  /** Folder with `stdout`, `stderr`, `exitCode` and one folder for each result path. Never follow links in it. */
  readonly folder: string
  /** The task's `Publisher`. */
  readonly spec: SpecConfig
}

/** Puts results where they can be fetched. Every implementation passes the suite in `compliance.ts`. */
export interface Publisher {
  /** Type in a spec, lower case: `ipfs`, `local`, `s3`, `s3managed`. */
  readonly type: string
  available(): Promise<boolean>
  /** Checks a spec's parameters; throws a `BacalhauError` that names what is wrong. */
  validate(spec: SpecConfig): void
  /** Publishes and says where: the `PublishedResult` of the execution. Throws `PublishFailed` or `DiskFull`. */
  publish(request: PublishRequest, signal: AbortSignal): Promise<SpecConfig>
}
