import type { Execution } from '@bacalhau/models'
import { EXECUTION_STATES, type ExecutionState, isFinalExecutionState } from '@bacalhau/models/execution-state'
import { ApiError, isApiError, isNobodyThere } from './api-error.ts'
import { jobPath } from './job-address.ts'
import { type LogEnd, type LogPart, readSocket } from './log-socket.ts'
import { sleep } from './platform.ts'
import { mayReopen, pauseAfter, STREAM_RETRIES } from './retry.ts'
import { pageOf, shaped } from './shape.ts'
import type { Transport } from './transport.ts'

export interface LogOptions {
  /** Go on with new output until the execution ends. */
  readonly follow?: boolean
  /** Only output from now on. What is written while a broken connection is renewed cannot be told from the rest, so it ends. */
  readonly tail?: boolean
  /** Only the last so many lines of each stream, and what follows. Ends with a broken connection, as with `tail`. */
  readonly lines?: number
  /** Only what lies beyond this many bytes of each stream. */
  readonly offset?: number | { readonly stdout: number; readonly stderr: number }
  /** One execution; else the newest one of the job. */
  readonly executionId?: string
  readonly namespace?: string
  readonly signal?: AbortSignal
  /** Called when the stream broke off, before each try to open it again. */
  readonly onLost?: (error: ApiError) => void
}

/** Tries to open a stream that has never stood; after that `STREAM_RETRIES` holds. */
const FIRST_TRIES = 3

/**
 * The output of one execution. A connection that breaks off is opened again: the server then gives the output from its
 * beginning, of which as many characters as the reader has had of each stream are left out. Holds little more than what the
 * network has under way, however slow the reader is. Ends the connection when the reader leaves.
 */
export async function* readLogs(transport: Transport, id: string, options: LogOptions): AsyncGenerator<LogPart> {
  const { signal, onLost, tail = false } = options
  // Only who knows where the output began can go on where it stopped.
  const lasting = !tail && options.lines === undefined
  signal?.throwIfAborted()
  const given = { stdout: 0, stderr: 0 }
  const pin = createPin(transport, id, options)
  await pin.look()
  let had = false
  for (let failures = 0; ;) {
    const skipped = { ...given }
    const session = readSocket(transport, socketUrl(transport, id, pin.executionId(), options), !lasting, signal)
    let step = await session.next()
    try {
      for (; step.done !== true; step = await session.next()) {
        failures = 0
        // An execution that was not there yet at first is from now on.
        if (!had) void pin.look().catch(() => {})
        had = true
        const part = withoutStart(step.value, skipped)
        given[part.stream] += part.text.length
        if (part.text !== '') yield part
      }
    } finally {
      if (step.done !== true) await session.return({ kind: 'complete' })
    }
    signal?.throwIfAborted()
    if (step.value.kind === 'complete') return
    if (step.value.kind === 'overflow') continue
    failures += 1
    const error = await diagnose(transport, id, step.value, pin, options)
    const tries = had ? STREAM_RETRIES.tries : FIRST_TRIES
    if (!lasting || failures >= tries || !mayReopen(error) || (!had && isNobodyThere(error))) throw error
    onLost?.(error)
    const { platform } = transport
    await sleep(platform, pauseAfter(failures, error, STREAM_RETRIES, platform.random), signal)
  }
}

function socketUrl(transport: Transport, id: string, executionId: string | undefined, options: LogOptions): string {
  const { follow, tail, lines, offset, namespace } = options
  const place = typeof offset === 'object' ? `${offset.stdout},${offset.stderr}` : offset
  const query = { follow, tail, lines, offset: place, execution_id: executionId, namespace }
  return transport.url(jobPath(id, '/logs'), query).replace(/^http/, 'ws')
}

/** What is left of a part once the characters that the reader has had are taken away; they are counted down. */
function withoutStart({ stream, text }: LogPart, skipped: Record<LogPart['stream'], number>): LogPart {
  const count = Math.min(skipped[stream], text.length)
  skipped[stream] -= count
  return count === 0 ? { stream, text } : { stream, text: text.slice(count) }
}

/** Which execution is read: the same one after a broken connection, even if others have started since. */
interface Pin {
  executionId(): string | undefined
  look(): Promise<void>
  /** Has it ended, or is it not known? */
  hasEnded(): Promise<boolean>
}

const execution = shaped<Execution>({ ID: 'string', ComputeState: 'object' })

function createPin(transport: Transport, id: string, { executionId, namespace, signal }: LogOptions): Pin {
  let pinned = executionId
  const list = async () => {
    const query = { namespace, order_by: 'modified_at', reverse: true, limit: 100 }
    return (await transport.ask('GET', jobPath(id, '/executions'), pageOf(execution), { query, signal })).Items
  }
  return {
    executionId: () => pinned,
    async look() {
      pinned ??= newestTaken(await list())?.ID
    },
    async hasEnded() {
      const found = (await list()).find(({ ID }) => pinned !== undefined && ID.startsWith(pinned))
      return found === undefined || isFinalExecutionState(stateOf(found))
    },
  }
}

const stateOf = ({ ComputeState }: Execution) => ComputeState.StateType as ExecutionState

/** The rule of the server, which is also that of the documented one: nodes that refused have no output. */
function newestTaken(executions: readonly Execution[]): Execution | undefined {
  const taken = executions.filter((execution) => {
    const state = stateOf(execution)
    if (state === EXECUTION_STATES.AskForBidRejected) return false
    return isFinalExecutionState(state) || state >= EXECUTION_STATES.BidAccepted
  })
  return taken.toSorted((a, b) => a.ModifyTime - b.ModifyTime).at(-1)
}

/** What the server says about logs has no code; by their texts, which are documented, some can be told. */
function toldError(id: string, message: string): ApiError {
  if (!/^(?:unable to find execution|no executions found)/.test(message))
    return new ApiError(200, 'LogsFailed', message)
  return new ApiError(404, 'NotFound', message, {
    hint: `See \`bacalhau job executions ${id} --all-versions\` for those that there are.`,
  })
}

/** Why a stream ended. A refused handshake tells a WebSocket nothing; an ordinary question gets the reason. */
async function diagnose(
  transport: Transport,
  id: string,
  end: LogEnd,
  pin: Pin,
  { namespace, follow, signal }: LogOptions,
): Promise<ApiError> {
  try {
    await transport.ask('GET', jobPath(id), shaped<object>({}), { query: { namespace }, signal })
    const told = end.kind === 'error'
    // What the server says stays so, unless the execution goes on: then only its node was out of reach.
    const final = told && (follow !== true || (await pin.hasEnded()))
    if (final) return toldError(id, end.message)
  } catch (error) {
    if (isApiError(error)) return error
    throw error
  }
  const why = end.kind === 'error' ? end.message : `the log stream broke off (${end.kind})`
  return new ApiError(0, 'LogsFailed', why)
}
