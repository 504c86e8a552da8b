import type { ComputeMessage, Offer, SpecConfig, Task } from '@bacalhau/models'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { ExecutionOutcome, ExecutionRequest, Mount } from '../executors/executor.ts'
import type { Clock } from '../runtime/clock.ts'
import { BacalhauError, isBacalhauError, messageOf, systemCode } from '../runtime/error.ts'
import { LIMITS } from '../runtime/limits.ts'
import type { Logger } from '../runtime/logger.ts'
import { type Capabilities, executorFor, publisherFor } from './capabilities.ts'
import { environmentOf } from './environment.ts'
import { createExecutionFolder, type ExecutionFolder } from './execution-folder.ts'
import { prepareInputs } from './inputs.ts'
import { summarise } from './run-output.ts'
import { withinTime } from './time-limit.ts'

export interface RunContext {
  readonly capabilities: Capabilities
  readonly folder: ExecutionFolder
  readonly clock: Clock
  readonly logger: Logger
  /** The run has begun, or its results are being published. */
  onProgress(state: 'running' | 'publishing'): void
  /** The output files may have grown. */
  onOutput(): void
}

type Failure = Extract<ExecutionOutcome, { kind: 'failed' }>
export type FinalReport = Extract<ComputeMessage, { type: 'completed' | 'failed' | 'cancelled' }>

/**
 * Runs one execution: inputs, the run itself, results, publication. Never rejects: whatever goes wrong becomes the final
 * report, with the head of the output as far as there is any. What a failed run has written is published all the same. When
 * `signal` aborts, everything ends at once and its reason becomes the report; then nothing is published.
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
    signal.throwIfAborted()
    return await conclude(offer, task, outcome, context, signal)
  } catch (error) {
    return withoutResults(offer, signal.aborted ? signal.reason : error, context)
  }
}

async function prepareAndRun(
  offer: Offer,
  task: Task,
  context: RunContext,
  signal: AbortSignal,
): Promise<ExecutionOutcome> {
  const { capabilities, clock, folder } = context
  const late = () =>
    new BacalhauError('InputFailed', `the inputs did not arrive within ${LIMITS.inputs / 60_000} minutes`)
  const inputs = await withinTime({ clock, milliseconds: LIMITS.inputs, late }, signal, (limited) =>
    prepareInputs(task.InputSources, capabilities, folder.inputs, limited),
  )
  try {
    signal.throwIfAborted()
    context.onProgress('running')
    const request = toRequest(offer, task, inputs.mounts, folder)
    return await executorFor(capabilities, task.Engine).run(request, { onOutput: () => context.onOutput() }, signal)
  } finally {
    await inputs.release()
  }
}

function toRequest(offer: Offer, task: Task, inputs: readonly Mount[], folder: ExecutionFolder): ExecutionRequest {
  const { executionId, job, resources } = offer
  const { ExecutionTimeout, TotalTimeout } = task.Timeouts
  const outputs = task.ResultPaths.map(({ Name, Path }) => ({
    hostPath: path.join(folder.results, Name),
    guestPath: Path,
    readOnly: false,
  }))
  return {
    executionId,
    jobId: job.ID,
    params: task.Engine.Params ?? {},
    env: environmentOf(offer),
    mounts: [...inputs, ...outputs],
    stdoutPath: folder.stdout,
    stderrPath: folder.stderr,
    limits: {
      memory: resources.Memory,
      time: (ExecutionTimeout ?? TotalTimeout ?? 0) * 1000,
      output: LIMITS.executionOutput,
      disk: resources.Disk > 0 ? resources.Disk : LIMITS.executionDisk,
      files: LIMITS.executionFiles,
    },
  }
}

/** The report of a run that took place. */
async function conclude(
  offer: Offer,
  task: Task,
  outcome: ExecutionOutcome,
  context: RunContext,
  signal: AbortSignal,
): Promise<FinalReport> {
  const { executionId } = offer
  const exitCode = outcome.kind === 'exited' ? outcome.exitCode : -1
  const output = await summarise(context.folder, exitCode, outcome.kind === 'failed' ? outcome.message : '')
  try {
    const result = await publish(offer, task, exitCode, context, signal)
    if (outcome.kind === 'exited') return { type: 'completed', executionId, output, result }
    return { ...failed(executionId, outcome), output, result }
  } catch (error) {
    if (signal.aborted) throw error
    // The first cause is what the user needs: a failed run stays a failed run.
    const failure = outcome.kind === 'failed' ? outcome : failureOf(error, 'PublishFailed')
    return { ...failed(executionId, failure), output }
  }
}

async function publish(
  offer: Offer,
  task: Task,
  exitCode: number,
  context: RunContext,
  signal: AbortSignal,
): Promise<SpecConfig> {
  const { capabilities, clock, folder } = context
  const publisher = publisherFor(capabilities, task.Publisher)
  if (publisher === undefined) return { Type: '' }
  context.onProgress('publishing')
  await writeFile(folder.exitCode, String(exitCode), { mode: 0o600 })
  // An engine that wrote nothing may not have made the files; the layout of results is fixed all the same.
  for (const file of [folder.stdout, folder.stderr]) await writeFile(file, '', { flag: 'a', mode: 0o600 })
  const request = { jobId: offer.job.ID, executionId: offer.executionId, folder: folder.results, spec: task.Publisher }
  const late = () =>
    new BacalhauError('PublishFailed', `the results were not published within ${LIMITS.publish / 60_000} minutes`)
  return withinTime({ clock, milliseconds: LIMITS.publish, late }, signal, (limited) =>
    publisher.publish(request, limited),
  )
}

/** The report of an execution that was ended from outside, or never came to its run. */
async function withoutResults(offer: Offer, error: unknown, context: RunContext): Promise<FinalReport> {
  const { executionId } = offer
  const failure = failureOf(error, 'InternalError')
  if (failure.code === 'ExecutionCancelled') return { type: 'cancelled', executionId, message: failure.message }
  context.logger.debug({ executionId, code: failure.code, error: failure.message }, 'an execution failed')
  const output = await summarise(context.folder, -1, failure.message).catch(() => undefined)
  return { ...failed(executionId, failure), ...(output === undefined ? {} : { output }) }
}

const bounded = (words: string): string => words.slice(0, LIMITS.message)

function failed(executionId: string, { code, message, hint }: Failure): Extract<FinalReport, { type: 'failed' }> {
  const shown = hint === undefined ? {} : { hint: bounded(hint) }
  return { type: 'failed', executionId, code, message: bounded(message), ...shown }
}

function failureOf(error: unknown, fallback: 'InternalError' | 'PublishFailed'): Failure {
  const full = ['ENOSPC', 'EDQUOT'].includes(systemCode(error) ?? '')
  const known = full ? new BacalhauError('DiskFull', 'the disk of the node is full', { cause: error }) : error
  if (!isBacalhauError(known)) return { kind: 'failed', code: fallback, message: messageOf(error) }
  const { code, message, hint } = known
  return { kind: 'failed', code, message: bounded(message), ...(hint === undefined ? {} : { hint }) }
}
