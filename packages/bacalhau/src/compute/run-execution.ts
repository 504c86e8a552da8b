import type { FinalReport, SpecConfig, Task } from '@bacalhau/models'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { ExecutionOutcome, ExecutionRequest, Executor } from '../executors/executor.ts'
import type { Clock } from '../runtime/clock.ts'
import { BacalhauError, isBacalhauError, messageOf, systemCode } from '../runtime/error.ts'
import { LIMITS } from '../runtime/limits.ts'
import type { Logger } from '../runtime/logger.ts'
import { type Capabilities, executorFor, publisherFor } from './capabilities.ts'
import { environmentOf } from './environment.ts'
import { createExecutionFolder, type ExecutionFolder, joinOutput } from './execution-folder.ts'
import { type PreparedInputs, prepareInputs } from './inputs.ts'
import type { JoinedOutput } from './output-log.ts'
import type { NodeEnvironment } from './policy/node-environment.ts'
import { summarise } from './run-output.ts'
import type { ExecutionOrder, RunHooks } from './runner.ts'
import { withinTime } from './time-limit.ts'

export interface RunContext extends RunHooks {
  readonly capabilities: Capabilities
  readonly environment: NodeEnvironment
  readonly folder: ExecutionFolder
  /** Bytes of standard output and of standard error, each; `LIMITS.executionOutput` where absent. */
  readonly outputLimit?: number
  readonly clock: Clock
  readonly logger: Logger
  /** The output files may have grown. */
  onOutput(): void
  /** Nothing more is written to them, and where they rolled they have been joined. */
  onJoined(joined: JoinedOutput): void
}

type Failure = Extract<ExecutionOutcome, { kind: 'failed' }>

/** A run that took place, and how long it took, without inputs and results: milliseconds. */
interface Run {
  readonly outcome: ExecutionOutcome
  readonly milliseconds: number
}

/** What a task that publishes nothing leaves: no place. */
export const NO_RESULT: SpecConfig = { Type: '' }

/**
 * Runs one execution: inputs, the run itself, results, publication, each within a time of its own. Never rejects: whatever goes
 * wrong becomes the final report, with the head of the output as far as there is any. What a failed run has written is published
 * all the same. When `signal` aborts, everything ends at once and its reason becomes the report; then nothing is published.
 */
export async function runExecution(
  order: ExecutionOrder,
  context: RunContext,
  signal: AbortSignal,
): Promise<FinalReport> {
  const [task] = order.job.Tasks
  try {
    if (task === undefined) throw new BacalhauError('ValidationError', 'the job has no task')
    const names = task.ResultPaths.map(({ Name }) => Name)
    await createExecutionFolder(context.folder, names, survives(order, task, context))
    const run = await prepareAndRun(order, task, context, signal)
    signal.throwIfAborted()
    return await conclude(order, task, run, context, signal)
  } catch (error) {
    return withoutResults(order, signal.aborted ? signal.reason : error, context)
  }
}

/** The same for an engine without files, and a task without inputs and results: nothing touches the disk. */
export async function runFileless(
  order: ExecutionOrder,
  executor: Executor,
  context: RunContext,
  signal: AbortSignal,
): Promise<FinalReport> {
  const { executionId, job } = order
  try {
    const [task] = job.Tasks
    if (task === undefined) throw new BacalhauError('ValidationError', 'the job has no task')
    signal.throwIfAborted()
    const { outcome, milliseconds } = await timedRun(
      executor,
      toRequest(order, task, NO_INPUTS, context),
      context,
      signal,
    )
    signal.throwIfAborted()
    if (outcome.kind === 'failed') return failed(executionId, outcome)
    return { type: 'completed', executionId, output: outputOf(outcome), result: NO_RESULT, milliseconds }
  } catch (error) {
    return ending(order, signal.aborted ? signal.reason : error, context)
  }
}

/** The record of a run without output: none, when there is nothing to say. */
export function outputOf({ exitCode }: Extract<ExecutionOutcome, { kind: 'exited' }>) {
  if (exitCode === 0) return null
  return {
    Stdout: '',
    StdoutTruncated: false,
    stderr: '',
    StderrTruncated: false,
    ExitCode: exitCode,
    ErrorMsg: '',
  }
}

async function prepareAndRun(
  order: ExecutionOrder,
  task: Task,
  context: RunContext,
  signal: AbortSignal,
): Promise<Run> {
  const { capabilities, clock, folder } = context
  const onPreparing = (text: string) => context.onPreparing(text)
  const late = () =>
    new BacalhauError('InputFailed', `the inputs did not arrive within ${LIMITS.inputs / 60_000} minutes`)
  const executor = executorFor(capabilities, task.Engine)
  // A job that has outlived its node has its inputs.
  const sources = survives(order, task, context) ? [] : task.InputSources
  const execution = { orchestrator: order.orchestrator, jobId: order.job.ID, executionId: order.executionId }
  const share = { count: order.job.Count, index: order.partitionIndex, execution }
  const disk = order.resources.Disk > 0 ? { disk: order.resources.Disk } : {}
  const inputs = await withinTime({ clock, milliseconds: LIMITS.inputs, late }, signal, (limited) =>
    prepareInputs(sources, capabilities, { folder: folder.inputs, share, onPreparing, ...disk }, limited),
  )
  let rolled = false
  const onRolled = () => void (rolled = true)
  try {
    signal.throwIfAborted()
    const request = toRequest(order, task, inputs, context)
    const note = await prepareEngine(executor, request, context, signal)
    return await timedRun(executor, request, { ...context, onRolled, ...(note === undefined ? {} : { note }) }, signal)
  } finally {
    if (rolled) await join(context)
    await inputs.release()
  }
}

/** What could not be joined is lost to readers, and nothing else. */
async function join(context: RunContext): Promise<void> {
  try {
    context.onJoined(await joinOutput(context.folder))
  } catch (error) {
    context.logger.warn({ error: messageOf(error) }, 'the output of a job could not be put together')
  }
}

const survives = ({ executionId }: ExecutionOrder, task: Task, { capabilities }: RunContext): boolean =>
  executorFor(capabilities, task.Engine).survives?.(executionId) ?? false

/** What the engine fetches first, and what it says of that. */
async function prepareEngine(
  executor: Executor,
  { executionId, params }: ExecutionRequest,
  context: RunContext,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (executor.prepare === undefined || executor.survives?.(executionId) === true) return undefined
  const late = () =>
    new BacalhauError('TimeOut', `the job could not begin within ${LIMITS.engineStart / 60_000} minutes`)
  const limit = { clock: context.clock, milliseconds: LIMITS.engineStart, late }
  const onPreparing = (text: string) => context.onPreparing(text)
  return withinTime(limit, signal, async (limited) => executor.prepare?.(params, limited, onPreparing))
}

/** The run itself, which alone counts against the execution timeout. */
async function timedRun(
  executor: Executor,
  request: ExecutionRequest,
  context: RunContext & { readonly note?: string; readonly onRolled?: () => void },
  signal: AbortSignal,
): Promise<Run> {
  context.onProgress(6, context.note)
  const begun = context.clock.monotonic()
  const outcome = await executor.run(request, context, signal)
  return { outcome, milliseconds: Math.round((context.clock.monotonic() - begun) * 1000) / 1000 }
}

const NO_INPUTS = { mounts: [], bytes: 0 }

function toRequest(
  order: ExecutionOrder,
  task: Task,
  inputs: Pick<PreparedInputs, 'mounts' | 'bytes'>,
  { environment, folder, outputLimit = LIMITS.executionOutput }: RunContext,
): ExecutionRequest {
  const { executionId, job, resources } = order
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
    env: environmentOf(order, environment),
    mounts: [...inputs.mounts, ...outputs],
    stdoutPath: folder.stdout,
    stderrPath: folder.stderr,
    network: task.Network,
    limits: {
      memory: resources.Memory,
      cpu: resources.CPU,
      gpu: resources.GPU,
      time: (ExecutionTimeout ?? TotalTimeout ?? 0) * 1000,
      output: outputLimit,
      // What was asked for is for inputs and results together.
      disk: resources.Disk > 0 ? Math.max(1, resources.Disk - inputs.bytes) : LIMITS.executionDisk,
      files: LIMITS.executionFiles,
    },
  }
}

/** The report of a run that took place. */
async function conclude(
  order: ExecutionOrder,
  task: Task,
  { outcome, milliseconds }: Run,
  context: RunContext,
  signal: AbortSignal,
): Promise<FinalReport> {
  const { executionId } = order
  const exitCode = outcome.kind === 'exited' ? outcome.exitCode : -1
  const words = outcome.kind === 'failed' ? outcome.message : (outcome.note ?? '')
  const output = await summarise(context.folder, exitCode, words)
  try {
    const result = await publish(order, task, exitCode, context, signal)
    if (outcome.kind === 'exited') return { type: 'completed', executionId, output, result, milliseconds }
    return { ...failed(executionId, outcome), output, result }
  } catch (error) {
    if (signal.aborted) throw error
    // The first cause is what the user needs: a failed run stays a failed run.
    const failure = outcome.kind === 'failed' ? outcome : failureOf(error, 'PublishFailed')
    return { ...failed(executionId, failure), output }
  }
}

async function publish(
  order: ExecutionOrder,
  task: Task,
  exitCode: number,
  context: RunContext,
  signal: AbortSignal,
): Promise<SpecConfig> {
  const { capabilities, clock, folder } = context
  const publisher = publisherFor(capabilities, task.Publisher)
  if (publisher === undefined) return NO_RESULT
  context.onProgress(7)
  await writeFile(folder.exitCode, String(exitCode), { mode: 0o600 })
  // An engine that wrote nothing may not have made the files; the layout of results is fixed all the same.
  for (const file of [folder.stdout, folder.stderr]) await writeFile(file, '', { flag: 'a', mode: 0o600 })
  const request = {
    orchestrator: order.orchestrator,
    jobId: order.job.ID,
    executionId: order.executionId,
    folder: folder.results,
    spec: task.Publisher,
  }
  const late = () =>
    new BacalhauError('PublishFailed', `the results were not published within ${LIMITS.publish / 60_000} minutes`)
  return withinTime({ clock, milliseconds: LIMITS.publish, late }, signal, (limited) =>
    publisher.publish(request, limited),
  )
}

/** The report of an execution that was ended from outside, or never came to its run, with its output so far. */
async function withoutResults(order: ExecutionOrder, error: unknown, context: RunContext): Promise<FinalReport> {
  const report = ending(order, error, context)
  if (report.type !== 'failed') return report
  const output = await summarise(context.folder, -1, report.message).catch(() => undefined)
  return { ...report, ...(output === undefined ? {} : { output }) }
}

function ending({ executionId }: ExecutionOrder, error: unknown, { logger }: RunContext): FinalReport {
  const failure = failureOf(error, 'InternalError')
  if (failure.code === 'ExecutionCancelled') return { type: 'cancelled', executionId, message: failure.message }
  logger.debug({ executionId, code: failure.code, error: failure.message }, 'an execution failed')
  return failed(executionId, failure)
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
