import { ApiError, type Client, type LogPart } from '@bacalhau/client'
import { type Execution, type ExecutionState, isFinalExecutionState } from '@bacalhau/models'
import { pause as pauseHere } from '../pause.ts'
import { plainLine } from '../terminal/plain.ts'
import { latestRun, successorOf } from './chain-of-runs.ts'
import type { LogPrinter } from './log-printer.ts'
import { shortId } from './short-id.ts'

export interface OutputRequest {
  readonly client: Client
  /** Of the job: an id, the beginning of one, or a name. */
  readonly id: string
  readonly namespace?: string | undefined
  readonly printer: LogPrinter
  readonly signal: AbortSignal
  /** Waits some milliseconds. */
  readonly pause?: (milliseconds: number, signal: AbortSignal) => Promise<unknown>
}

export interface OutputOptions {
  /** One execution, by its id or a beginning of it; else the newest one, and those that take its place. */
  readonly executionId?: string | undefined
  /** Go on with new output until the job, or the one execution, has ended. */
  readonly follow: boolean
  /** Only output from now on. */
  readonly tail: boolean
  /** Only the last so many lines of each stream, and what follows. */
  readonly lines?: number | undefined
}

type Ready = Required<OutputRequest>

/** Milliseconds between two tries to reach a node that does not answer. */
const PAUSE = 1_000
/** A node that restarts is back by then. */
const TRIES = 60

/**
 * Prints the output of a job: each character once and in its order, whatever happens meanwhile. When the connection breaks off,
 * it is made again and the output goes on where it stopped. When the job is run again on another node, the output of that run is
 * printed from its beginning. Both are said with a line on standard error.
 */
export async function printOutput(request: OutputRequest, options: OutputOptions): Promise<void> {
  const { pause = pauseHere } = request
  const ready: Ready = { ...request, namespace: request.namespace, pause }
  const { executionId, follow } = options
  if (executionId !== undefined) return printRun(ready, executionId, options)
  let run = await patiently(ready, () => latestRun(ready, follow))
  if (run === undefined) {
    // The server knows best how to say that there is nothing.
    for await (const part of ready.client.jobs.logs(ready.id, logOptions(ready, { follow })))
      await ready.printer.print(part)
    return
  }
  for (let { tail, lines } = options; ; tail = false, lines = undefined) {
    await printRun(ready, run.ID, { follow, tail, lines })
    if (!follow) return
    const last: Execution = run
    const next = await patiently(ready, () => successorOf(ready, last))
    if (next === undefined) return
    await ready.printer.note(takeover(next.replaced, next.by))
    run = next.by
  }
}

function takeover(old: Execution, next: Execution): string {
  const { Message = '' } = old.ComputeState
  const why = Message === '' ? '' : ` (${plainLine(Message)})`
  const end = isFinalExecutionState(old.ComputeState.StateType as ExecutionState) ? 'has ended' : 'is given up'
  return `The run on ${shortId(old.NodeID)} ${end}${why}. The job runs again on ${shortId(next.NodeID)}; its output from the beginning:`
}

const logOptions = (
  { namespace, signal }: Pick<Ready, 'namespace' | 'signal'>,
  rest: { follow: boolean; executionId?: string },
) => ({
  ...rest,
  signal,
  ...(namespace === undefined ? {} : { namespace }),
})

/** Characters of each stream. Output is decoded the same way each time that it is read, so they count its bytes as well. */
interface Place {
  readonly stdout: number
  readonly stderr: number
}

async function printRun(request: Ready, executionId: string, { follow, tail, lines }: OutputOptions): Promise<void> {
  const { client, id, printer } = request
  // Only who knows how much was there can tell, after the connection was lost, what is new.
  const place = tail ? await patiently(request, () => measure(request, executionId)) : { stdout: 0, stderr: 0 }
  // The client finds its place again by itself; here it is only said.
  let lost: Promise<void> | undefined
  const onLost = (error: ApiError) => {
    lost ??= printer.note(`The output broke off (${plainLine(error.message)}); trying again.`)
  }
  const some = lines === undefined ? {} : { lines }
  const parts = client.jobs.logs(id, { ...logOptions(request, { follow, executionId }), ...some, onLost })
  for await (const part of beyond(place, parts)) {
    if (lost !== undefined) {
      await lost
      await printer.note('Connected again; the output goes on where it stopped.')
      lost = undefined
    }
    await printer.print(part)
  }
  await lost
}

/** What lies beyond `place`. */
async function* beyond(place: Place, parts: AsyncIterable<LogPart>): AsyncGenerator<LogPart> {
  const skip = { ...place }
  for await (const { stream, text } of parts) {
    const known = Math.min(skip[stream], text.length)
    skip[stream] -= known
    if (known < text.length) yield { stream, text: text.slice(known) }
  }
}

async function measure(request: Ready, executionId: string): Promise<Place> {
  const place = { stdout: 0, stderr: 0 }
  const parts = request.client.jobs.logs(request.id, logOptions(request, { follow: false, executionId }))
  for await (const { stream, text } of parts) place[stream] += text.length
  return place
}

/** Is this the trouble of a connection, which may be over soon? */
const isPassing = (error: unknown): boolean => error instanceof ApiError && (error.status === 0 || error.status >= 500)

async function patiently<T>(request: Ready, ask: () => Promise<T>): Promise<T> {
  for (let failures = 1; ; failures++) {
    try {
      return await ask()
    } catch (error) {
      if (request.signal.aborted || !isPassing(error) || failures === TRIES) throw error
      if (failures === 1) await request.printer.note('The node does not answer; trying again.')
      await request.pause(PAUSE, request.signal)
    }
  }
}
