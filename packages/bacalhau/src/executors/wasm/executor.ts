import { closeSync, openSync } from 'node:fs'
import type { NetworkSpec } from '@bacalhau/models'
import type { Clock } from '../../runtime/clock.ts'
import { BacalhauError, messageOf, systemCode } from '../../runtime/error.ts'
import { LIMITS } from '../../runtime/limits.ts'
import type { Logger } from '../../runtime/logger.ts'
import type { ExecutionObserver, ExecutionOutcome, ExecutionRequest, Executor } from '../executor.ts'
import { deadline } from './deadline.ts'
import { type Ending, failure, size } from './failure.ts'
import type { Reach } from './http/connection.ts'
import { createHttpService, type JobLine } from './http/service.ts'
import { createModuleCache, type ModuleCache } from './module-cache.ts'
import { parseWasmParams, type WasmParams } from './params.ts'
import { createThreadPool } from './pool.ts'
import { runOnThread, type ThreadEnd } from './sandbox.ts'
import { SHARED, SHARED_BYTES, type SandboxJob } from './thread.ts'
import { createThreadLine, type ThreadLine } from './thread-line.ts'
import { weigh } from './weight.ts'

export interface WasmExecutorOptions {
  readonly clock: Clock
  readonly logger: Logger
  /** How jobs reach the domains that their network lists; no job gets a network when absent. */
  readonly reach?: Reach
  /** Threads that stand ready for the next job. Each takes about 5 MB. */
  readonly poolSize?: number
}

const PAGE = 65_536
const MAX_PAGES = 65_536

/** Runs WebAssembly (WASI preview 1) in threads, confined to what a request mounts and allows. */
export function createWasmExecutor({ clock, logger, reach, poolSize = 1 }: WasmExecutorOptions): Executor {
  const pool = createThreadPool({ clock, size: poolSize })
  const line = createThreadLine(pool, clock)
  const modules = createModuleCache(LIMITS.wasmModuleCache)
  const http = reach && createHttpService({ clock, logger, reach })
  const openHttp = (network: NetworkSpec | undefined) =>
    network?.Type === 'HTTP' ? http?.open(network.Domains ?? []) : undefined
  const stopping = new AbortController()
  const running = new Set<Promise<unknown>>()

  const context: RunContext = { line, modules, clock, logger, stopping: stopping.signal }

  return {
    engine: 'wasm',
    available: async () => !stopping.signal.aborted,
    validate(params) {
      parseWasmParams(params)
    },
    networkRefusal: ({ Type }) => networkRefusal(Type, http !== undefined),
    async run(request, observer, signal) {
      const { limits } = request
      const params = tryParse(request)
      if ('code' in params) return params
      const line = openHttp(request.network)
      const job = jobOf(request, params, line && { port: line.port, flag: line.flag })
      const run = runJob(job, { ...context, observer, time: limits.time, cores: limits.cpu ?? 1 }, signal)
      running.add(run)
      try {
        return await run
      } finally {
        running.delete(run)
        line?.close()
      }
    },
    async stop() {
      stopping.abort()
      await Promise.allSettled(running)
      line.stop()
      await pool.stop()
      modules.clear()
    },
  }
}

function networkRefusal(type: NetworkSpec['Type'], http: boolean): string | undefined {
  if (type === 'Default' || type === 'None') return undefined
  if (type !== 'HTTP')
    return `jobs of the engine wasm get the network HTTP, which reaches listed domains only, or none; this one asks for ${type}`
  return http ? undefined : 'the operator of this node has not granted jobs the network HTTP (Engines.Wasm.Networks)'
}

interface RunContext {
  readonly line: ThreadLine
  readonly modules: ModuleCache
  readonly clock: Clock
  readonly logger: Logger
  /** Aborts when the node stops. */
  readonly stopping: AbortSignal
}

interface RunOptions extends RunContext {
  readonly observer: ExecutionObserver
  /** Milliseconds from the moment at which the job has its thread; 0 for no bound. */
  readonly time: number
  /** Of the processor, by which it is weighed against others. */
  readonly cores: number
}

async function runJob(job: SandboxJob, options: RunOptions, signal: AbortSignal): Promise<Ending> {
  const { line, modules, clock, logger, stopping, observer, time, cores } = options
  const interrupt = interruption({ signal, stopping })
  const taken = line.take()
  const thread = await Promise.race([taken, interrupt.promise])
  if ('kind' in thread) {
    interrupt.release()
    makeOutputs(job)
    // Its turn still comes; then the next one is let through.
    void taken.then((unused) => line.giveBack(unused))
    return endingOf(thread, job)
  }
  const shared = new Int32Array(job.shared)
  const weight = weigh(clock, () => Atomics.load(shared, SHARED.thread), cores)
  const timer = deadline(clock, time, () => interrupt.end(tooLong(time)))
  const onOutput = () => notify(observer, logger)
  const end = await Promise.race([runOnThread(thread, job, { modules, onOutput }), interrupt.promise])
  timer.cancel()
  interrupt.release()
  const unweighted = weight.release()
  if (end.kind === 'ended' && end.reusable && unweighted) line.giveBack(thread)
  else {
    await line.discard(thread)
    makeOutputs(job)
  }
  if (Atomics.load(shared, SHARED.rolled) === 1) observer.onRolled?.()
  onOutput()
  const ending = endingOf(end, job)
  if (ending.kind === 'failed') logger.debug({ code: ending.code }, ending.message)
  return ending
}

/** The thread makes the output files, unless the job was ended before it got to that. */
function makeOutputs({ stdoutPath, stderrPath }: SandboxJob): void {
  for (const place of [stdoutPath, stderrPath]) closeSync(openSync(place, 'a'))
}

function tryParse({ params }: ExecutionRequest): WasmParams | (ExecutionOutcome & { kind: 'failed' }) {
  try {
    return parseWasmParams(params)
  } catch (error) {
    if (error instanceof BacalhauError) return failure(error.code, error.message, error.hint)
    throw error
  }
}

function jobOf(request: ExecutionRequest, params: WasmParams, http: JobLine | undefined): SandboxJob {
  const { memory, output, disk, files } = request.limits
  return {
    kind: 'run',
    entryModule: params.EntryModule,
    entrypoint: params.Entrypoint,
    parameters: params.Parameters,
    importModules: params.ImportModules,
    environment: { ...request.env },
    mounts: request.mounts.map(({ hostPath, guestPath, readOnly }) => ({ hostPath, guestPath, readOnly })),
    stdoutPath: request.stdoutPath,
    stderrPath: request.stderrPath,
    stdinPath: request.stdinPath,
    limits: { memoryPages: Math.min(Math.floor(memory / PAGE), MAX_PAGES), output, disk, files },
    http,
    shared: new SharedArrayBuffer(SHARED_BYTES),
  }
}

interface Interruption {
  /** Settles when somebody outside ends the run. */
  readonly promise: Promise<Extract<ThreadEnd, { kind: 'ended' }>>
  end(ending: Ending): void
  release(): void
}

/** The ends that come from outside: the caller cancels, the node stops, or whoever calls `end`. */
function interruption({ signal, stopping }: { signal: AbortSignal; stopping: AbortSignal }): Interruption {
  const { promise, resolve } = Promise.withResolvers<Awaited<Interruption['promise']>>()
  const end = (ending: Ending) => resolve({ kind: 'ended', ending, reusable: false })
  const onAbort = () => {
    const why = stopping.aborted ? 'the node is stopping' : 'it was cancelled'
    end(failure('ExecutionCancelled', `the job was ended: ${why}`))
  }
  for (const source of [signal, stopping]) {
    if (source.aborted) onAbort()
    source.addEventListener('abort', onAbort, { once: true })
  }
  return {
    promise,
    end,
    release() {
      for (const source of [signal, stopping]) source.removeEventListener('abort', onAbort)
    },
  }
}

const tooLong = (time: number) =>
  failure('ExecutionTimeout', `the job ran longer than the ${time / 1000} s that it may take`)

function endingOf(end: ThreadEnd, job: SandboxJob): Ending {
  switch (end.kind) {
    case 'ended':
      return end.ending
    case 'fault':
      throw new BacalhauError('InternalError', `the sandbox could not start: ${end.message}`, { component: 'wasm' })
    case 'died':
      if (systemCode(end.error) !== 'ERR_WORKER_OUT_OF_MEMORY')
        return failure('SandboxCrashed', `the thread of the job ended unexpectedly: ${messageOf(end.error)}`)
      return failure(
        'WasmMemoryExhausted',
        `the job made the sandbox itself run out of memory; its own memory was limited to ${size(job.limits.memoryPages * PAGE)}`,
        'Open, list and link less at once.',
      )
  }
}

function notify(observer: ExecutionObserver, logger: Logger): void {
  try {
    observer.onOutput()
  } catch (error) {
    logger.warn({ error: messageOf(error) }, 'an observer of output failed')
  }
}
