import {
  EXECUTION_STATES,
  type Execution,
  type ExecutionState,
  isFinalExecutionState,
  type Job,
} from '@bacalhau/models'
import type { StorageDesk, StorageRequest } from '../link/storage-protocol.ts'
import type { ManagedBucket } from '../publishers/s3-managed/bucket.ts'
import { BacalhauError } from '../runtime/error.ts'
import { LIMITS } from '../runtime/limits.ts'
import { openedJobInput } from '../sources/job/params.ts'
import type { Orchestrator } from './service.ts'

/**
 * Opens the bucket of this orchestrator to compute nodes: one that holds an execution may put its results, as long as it has not
 * ended, and get those of other executions that its job names as inputs. Nothing else is granted to anybody.
 */
export function createStorageDesk(
  orchestrator: Pick<Orchestrator, 'getJob' | 'listExecutions'>,
  bucket: ManagedBucket | undefined,
): StorageDesk {
  async function executionOf(jobId: string, executionId: string): Promise<Execution | undefined> {
    const match = ({ id }: { readonly id: string }) => id === executionId
    const { Items } = await orchestrator.listExecutions(jobId, { version: 0, match })
    return Items.find(({ ID }) => ID === executionId)
  }

  /** The job of a live execution that `peer` holds. */
  async function jobHeldBy(peer: string, { jobId, executionId }: StorageRequest): Promise<Job> {
    const execution = await executionOf(jobId, executionId).catch(() => undefined)
    const over = execution !== undefined && isFinalExecutionState(execution.ComputeState.StateType as ExecutionState)
    // Whether there is such an execution at all is nobody else's business.
    if (execution === undefined || over || execution.NodeID !== peer || execution.JobID !== jobId) {
      throw new BacalhauError('Forbidden', `the execution ${executionId} is not, or no longer, one of this node`)
    }
    return orchestrator.getJob(jobId, undefined, execution.JobVersion)
  }

  return async (peer, request) => {
    if (bucket === undefined) throw notOffered()
    const job = await jobHeldBy(peer, request)
    const [task] = job.Tasks
    if (request.want === 'put') {
      if (task?.Publisher.Type.toLowerCase() !== 's3managed') {
        throw new BacalhauError('Forbidden', 'the job does not publish to s3managed')
      }
      if (request.bytes > LIMITS.managedResult) {
        throw new BacalhauError('Forbidden', `results may have ${LIMITS.managedResult} bytes`)
      }
      return bucket.signPut(request, request.bytes)
    }
    const { of } = request
    const named = (task?.InputSources ?? []).some(({ Source }) => {
      const input = openedJobInput(Source)
      return input?.JobID === of.jobId && input.ExecutionID === of.executionId
    })
    const source = named ? await executionOf(of.jobId, of.executionId) : undefined
    if (source?.ComputeState.StateType !== EXECUTION_STATES.Completed) {
      throw new BacalhauError('Forbidden', `the results of ${of.executionId} are no input of this job`)
    }
    return { url: await bucket.signGet(of), headers: {} }
  }
}

/** Why there is no `s3managed`. */
export const notOffered = (): BacalhauError =>
  new BacalhauError('ValidationError', 'this orchestrator has no bucket for the publisher s3managed', {
    hint: 'Its operator sets Publishers.Types.S3Managed.Bucket and .Region. Without it, publish to ipfs or s3.',
  })
