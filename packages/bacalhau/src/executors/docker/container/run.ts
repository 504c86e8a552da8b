import type { Readable } from 'node:stream'
import { type Clock, sleep, type Timer } from '../../../runtime/clock.ts'
import { isBacalhauError, messageOf } from '../../../runtime/error.ts'
import { LIMITS } from '../../../runtime/limits.ts'
import type { Logger } from '../../../runtime/logger.ts'
import type { ExecutionObserver, ExecutionOutcome, ExecutionRequest } from '../../executor.ts'
import { deadline } from '../../wasm/deadline.ts'
import { failure, size } from '../../wasm/failure.ts'
import type { Container } from '../engine/answers.ts'
import { EngineError } from '../engine/call.ts'
import type { Engine } from '../engine/engine.ts'
import type { Budget } from '../egress/budget.ts'
import { watchDisk } from './disk-watch.ts'
import { openOutput, type OutputSink } from './output.ts'
import { copyResults } from './results.ts'

export interface RunContext {
  readonly engine: Engine
  readonly clock: Clock
  readonly logger: Logger
  readonly observer: ExecutionObserver
  /** Milliseconds that the job has to end by itself when it is told to. */
  readonly grace: number
  /** What it may take of the network, where somebody counts. */
  readonly budget?: Budget
}

/** A container to be followed to its end. */
export interface Subject {
  readonly id: string
  /** It was begun by a former process, and runs or has ended by now. */
  readonly survivor: boolean
}

type Failed = Extract<ExecutionOutcome, { kind: 'failed' }>

/**
 * Starts a container, or takes up one that a former process has started, and follows it to its end: output into the files,
 * bounds of time and disk, and what it leaves in its result folders. Rejects with the reason of `signal`, or an `EngineError`.
 * The container is still there afterwards.
 */
export async function runContainer(
  subject: Subject,
  request: ExecutionRequest,
  context: RunContext,
  signal: AbortSignal,
): Promise<ExecutionOutcome> {
  const { engine } = context
  const sink = await openOutput({ ...request, limit: request.limits.output })
  const over = new AbortController()
  try {
    const begun = await begin(subject, engine, sink, { onOutput: () => notify(context), signal: over.signal })
    if ('kind' in begun) return begun
    const { output } = begun
    const ended = await follow(subject, request, context, signal)
    await drain(output, over, context)
    signal.throwIfAborted()
    if (sink.truncated) context.logger.warn({ executionId: request.executionId }, 'output of a job was cut off')
    return await conclude(ended, subject.id, request, { ...context, sink })
  } finally {
    over.abort()
    await sink.close()
    if (sink.rolled) context.observer.onRolled?.()
    notify(context)
  }
}

interface Begun {
  /** Settles at the end of the output, with the error that ended it too early, if one did. */
  readonly output: Promise<unknown>
}

interface Following {
  readonly onOutput: () => void
  /** Ends it. */
  readonly signal: AbortSignal
}

/**
 * Listens, then starts: so the first byte is heard. What runs already is heard from its beginning. Starting is never interrupted:
 * it takes a moment, and whoever ends the run finds something to end.
 */
async function begin(
  { id, survivor }: Subject,
  engine: Engine,
  sink: OutputSink,
  { onOutput, signal }: Following,
): Promise<Begun | Failed> {
  try {
    const source: Readable = await (survivor ? engine.logs(id, signal) : engine.attach(id, signal))
    const output = sink.follow(source, onOutput).catch((error: unknown) => error)
    if (!survivor) await engine.start(id, new AbortController().signal)
    return { output }
  } catch (error) {
    if (survivor || !(error instanceof EngineError) || error.status === 0) throw error
    return failure('ContainerStartFailed', `failed to start container: ${error.message}`)
  }
}

interface Ended {
  /** Why it was ended from here; undefined when it ended by itself. */
  readonly why: Failed | undefined
}

/** Waits for the end, and brings it about when time or disk are used up or `signal` aborts. */
async function follow(
  subject: Subject,
  request: ExecutionRequest,
  context: RunContext,
  signal: AbortSignal,
): Promise<Ended> {
  const { engine, clock, budget } = context
  const { id } = subject
  let why: Failed | undefined
  const killer = createKiller(id, context)
  const endWith = (reason: Failed) => {
    why ??= reason
    killer.kill()
  }
  signal.addEventListener('abort', killer.tell, { once: true })
  if (signal.aborted) killer.tell()
  const overBudget = () =>
    endWith(failure('NetworkLimit', 'the job sent and received more over the net than the node lets a job'))
  budget?.exceeded.addEventListener('abort', overBudget, { once: true })
  // The job runs already, and may have been quick.
  if (budget?.exceeded.aborted === true) overBudget()
  const watch = watchDisk({ id, engine, clock, limit: request.limits.disk, onExceeded: endWith })
  let timer: Timer | undefined
  try {
    const { time } = request.limits
    const late = () => {
      why ??= failure('ExecutionTimeout', `the job ran longer than the ${time / 1000} s that it may take`)
      killer.tell()
    }
    if (time > 0) timer = deadline(clock, Math.max(1, time - (await ageOf(subject, context))), late)
    await engine.wait(id, killer.gaveUp)
    return { why }
  } finally {
    signal.removeEventListener('abort', killer.tell)
    budget?.exceeded.removeEventListener('abort', overBudget)
    timer?.cancel()
    watch.stop()
    killer.stop()
  }
}

/** Milliseconds that a container has run before this process took it up. */
async function ageOf({ id, survivor }: Subject, { engine, clock }: RunContext): Promise<number> {
  const started = survivor ? (await engine.inspect(id)).State.StartedAt : undefined
  return started === undefined ? 0 : Math.max(0, clock.now() - started)
}

/** Ends a container. An engine that does not do it in time is not waited for: `gaveUp` aborts. */
function createKiller(id: string, { engine, clock, logger, grace }: RunContext) {
  const gaveUp = new AbortController()
  let patience: Timer | undefined
  const end = (ending: Promise<void>, time: number) => {
    ending.catch((error: unknown) => logger.warn({ id, error: messageOf(error) }, 'cannot end a container'))
    const stuck = new EngineError(0, 'the container engine did not end the job')
    patience ??= clock.after(LIMITS.engineAnswer + time, () => gaveUp.abort(stuck))
  }
  const kill = () => end(engine.kill(id), 0)
  return {
    gaveUp: gaveUp.signal,
    /** At once. */
    kill,
    /** Tells it first, so that it can put its things in order. */
    tell: () => (grace === 0 ? kill() : end(engine.stop(id, Math.ceil(grace / 1_000)), grace)),
    stop: () => patience?.cancel(),
  }
}

/** The last of the output is on its way; an engine that never ends its stream keeps nobody. */
async function drain(output: Promise<unknown>, over: AbortController, { clock, logger }: RunContext): Promise<void> {
  const patience = new AbortController()
  const late = sleep(clock, LIMITS.engineDrain, patience.signal).then(
    () => over.abort(),
    () => undefined,
  )
  const error = await output
  patience.abort()
  await late
  if (error !== undefined) logger.warn({ error: messageOf(error) }, 'the output of a container broke off')
}

interface Conclusion extends RunContext {
  readonly sink: OutputSink
}

async function conclude(
  { why }: Ended,
  id: string,
  request: ExecutionRequest,
  context: Conclusion,
): Promise<ExecutionOutcome> {
  const { State } = await context.engine.inspect(id)
  const lost = await collect(id, request, context)
  // What came first is what the user needs to know.
  return why ?? judge(State, request) ?? lost ?? { kind: 'exited', exitCode: State.ExitCode, ...noteOf(State) }
}

/** The kernel marks a container when it ends any of its processes for want of memory; a job that copes with that has not failed. */
function judge(
  { OOMKilled, ExitCode, Error: problem }: Container['State'],
  { limits }: ExecutionRequest,
): Failed | undefined {
  if (OOMKilled === true && ExitCode !== 0) {
    return failure(
      'MemoryLimit',
      `memory limit exceeded: the job may use ${size(limits.memory)} (exit code ${ExitCode})`,
    )
  }
  if (problem !== undefined && problem !== '') return failure('EngineFailed', `the engine ended the job: ${problem}`)
  return undefined
}

const SIGNALS: Readonly<Record<number, string>> = {
  4: 'SIGILL',
  6: 'SIGABRT',
  7: 'SIGBUS',
  8: 'SIGFPE',
  9: 'SIGKILL',
  11: 'SIGSEGV',
  13: 'SIGPIPE',
  15: 'SIGTERM',
  31: 'SIGSYS',
}

/** 128 and the number of a signal is how engines and shells tell that it ended the job. */
function noteOf({ ExitCode, OOMKilled }: Container['State']): { note?: string } {
  if (OOMKilled === true) return { note: 'a process of the job was ended because the memory limit was exceeded' }
  const signal = SIGNALS[ExitCode - 128]
  return signal === undefined ? {} : { note: `exit code ${ExitCode}: the job was ended by ${signal}` }
}

async function collect(
  id: string,
  { mounts, limits }: ExecutionRequest,
  { engine }: RunContext,
): Promise<Failed | undefined> {
  const left = { bytes: limits.disk, files: limits.files }
  for (const { guestPath, hostPath, readOnly, inPlace } of mounts) {
    if (readOnly || inPlace === true) continue
    try {
      const archive = await engine.pack(id, guestPath, new AbortController().signal)
      await copyResults(archive, { hostPath }, left)
    } catch (error) {
      // The job has removed its own folder: then it left nothing.
      if (error instanceof EngineError && error.status === 404) continue
      if (!isBacalhauError(error)) throw error
      return failure(error.code, error.message, error.hint)
    }
  }
  return undefined
}

function notify({ observer, logger }: RunContext): void {
  try {
    observer.onOutput()
  } catch (error) {
    logger.warn({ error: messageOf(error) }, 'an observer of output failed')
  }
}
