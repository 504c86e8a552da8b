import type { ComputeMessage, Offer, SpecConfig, Task } from '@bacalhau/models'
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { ExecutionOutcome, Mount } from '../executors/executor.ts'
import { withDeadline } from '../runtime/abort.ts'
import { BacalhauError, isBacalhauError, messageOf, systemCode } from '../runtime/error.ts'
import { LIMITS } from '../runtime/limits.ts'
import type { Logger } from '../runtime/logger.ts'
import { type Capabilities, executorFor, publisherFor } from './capabilities.ts'
import { environmentOf } from './environment.ts'
import { createExecutionFolder, type ExecutionFolder } from './execution-folder.ts'
import { prepareInputs } from './inputs.ts'
import { summarise } from './run-output.ts'

export interface RunContext {
  readonly capabilities: Capabilities
  readonly folder: ExecutionFolder
  readonly logger: Logger
  /** The run has begun, or its results are being published. */
  onProgress(state: 'running' | 'publishing'): void
  /** The output files may have grown. */
  onOutput(): void
}

type Failure = Extract<ExecutionOutcome, { kind: 'failed' }>
export type FinalReport = Extract<ComputeMessage, { type: 'completed' | 'failed' | 'cancelled' }>

const NOTHING: SpecConfig = { Type: '' }

/**
 * Runs one execution: inputs, the run itself, results, publication. Never rejects: whatever goes wrong becomes the final
 * report. When `signal` aborts, its reason says why; what was written until then is published all the same, except after a
 * cancellation, whose owner no longer wants it.
 */
export async function runExecution(offer: Offer, context: RunContext, signal: AbortSignal): Promise<FinalReport> {
  const [task] = offer.job.Tasks
  try {
    if (task === undefined) throw new BacalhauError('ValidationError', 'the job has no task')
    await createExecutionFolder(
      context.folder,
      task.ResultPaths.map(({ Name }) => Name),
    )
    const outcome = await prepareAndRun(offer, task, context, signal)
    return await conclude(offer, task, outcome, context, signal)
  } catch (error) {
    return withoutResults(offer, failureOf(error), context, signal)
  }
}

async function prepareAndRun(
  offer: Offer,
  task: Task,
  context: RunContext,
  signal: AbortSignal,
): Promise<ExecutionOutcome> {
  const { capabilities, folder } = context
  const limit = withDeadline(signal, LIMITS.inputs)
  const inputs = await prepareInputs(task.InputSources, capabilities, folder.inputs, limit)
  try {
    signal.throwIfAborted()
    context.onProgress('running')
    const outputs = task.ResultPaths.map(({ Name, Path }): Mount => ({
      hostPath: path.join(folder.results, Name),
      guestPath: Path,
      readOnly: false,
    }))
    return await executorFor(capabilities, task.Engine).run(
      {
        executionId: offer.executionId,
        jobId: offer.job.ID,
        params: task.Engine.Params ?? {},
        env: environmentOf(offer),
        mounts: [...inputs.mounts, ...outputs],
        stdoutPath: folder.stdout,
        stderrPath: folder.stderr,
        limits: {
          memory: offer.resources.Memory,
          time: (task.Timeouts.ExecutionTimeout ?? task.Timeouts.TotalTimeout ?? 0) * 1000,
          output: LIMITS.executionOutput,
          disk: offer.resources.Disk > 0 ? offer.resources.Disk : LIMITS.executionDisk,
          files: LIMITS.executionFiles,
        },
      },
      { onOutput: () => context.onOutput() },
      signal,
    )
  } finally {
    await inputs.release()
  }
}

/** The report of a run that took place. Partial output of a failed run is published as well, where that is possible. */
async function conclude(
  offer: Offer,
  task: Task,
  outcome: ExecutionOutcome,
  context: RunContext,
  signal: AbortSignal,
): Promise<FinalReport> {
  if (outcome.kind === 'failed' && isCancelled(signal)) return withoutResults(offer, outcome, context, signal)
  const { executionId } = offer
  const exitCode = outcome.kind === 'exited' ? outcome.exitCode : -1
  const output = await summarise(context.folder, exitCode, outcome.kind === 'failed' ? outcome.message : '')
  try {
    const result = await publish(offer, task, exitCode, context, outcome.kind === 'failed' ? undefined : signal)
    if (outcome.kind === 'exited') return { type: 'completed', executionId, output, result }
    return { ...failed(executionId, outcome), output, result }
  } catch (error) {
    // The first cause is what the user needs: a failed run stays a failed run.
    if (outcome.kind === 'failed') return { ...failed(executionId, outcome), output }
    return { ...failed(executionId, failureOf(error, 'PublishFailed')), output }
  }
}

async function publish(
  offer: Offer,
  task: Task,
  exitCode: number,
  context: RunContext,
  signal: AbortSignal | undefined,
): Promise<SpecConfig> {
  const publisher = publisherFor(context.capabilities, task.Publisher)
  if (publisher === undefined) return NOTHING
  context.onProgress('publishing')
  const { folder } = context
  await writeFile(folder.exitCode, String(exitCode), { mode: 0o600 })
  // An engine that wrote nothing may not have made the files; the layout of results is fixed all the same.
  for (const file of [folder.stdout, folder.stderr]) await writeFile(file, '', { flag: 'a', mode: 0o600 })
  const request = { jobId: offer.job.ID, executionId: offer.executionId, folder: folder.results, spec: task.Publisher }
  return publisher.publish(request, withDeadline(signal, LIMITS.publish))
}

async function withoutResults(
  offer: Offer,
  failure: Failure,
  context: RunContext,
  signal: AbortSignal,
): Promise<FinalReport> {
  const { executionId } = offer
  if (isCancelled(signal)) return { type: 'cancelled', executionId, message: messageOf(signal.reason) }
  context.logger.debug({ executionId, code: failure.code, error: failure.message }, 'an execution failed')
  await mkdir(context.folder.results, { recursive: true }).catch(() => undefined)
  const output = await summarise(context.folder, -1, failure.message).catch(() => undefined)
  return { ...failed(executionId, failure), ...(output === undefined ? {} : { output }) }
}

function failed(executionId: string, { code, message, hint }: Failure): Extract<FinalReport, { type: 'failed' }> {
  const bounded = message.slice(0, LIMITS.message)
  return {
    type: 'failed',
    executionId,
    code,
    message: bounded,
    ...(hint === undefined ? {} : { hint: hint.slice(0, LIMITS.message) }),
  }
}

/** Did the orchestrator ask for the end, rather than this node being stopped? */
const isCancelled = (signal: AbortSignal): boolean =>
  signal.aborted && isBacalhauError(signal.reason) && signal.reason.code === 'ExecutionCancelled'

function failureOf(error: unknown, code = 'InternalError'): Failure {
  if (isBacalhauError(error)) {
    return {
      kind: 'failed',
      code: error.code,
      message: error.message,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    }
  }
  if (systemCode(error) === 'ENOSPC')
    return { kind: 'failed', code: 'DiskFull', message: 'the disk of the node is full' }
  return { kind: 'failed', code, message: messageOf(error) }
}
