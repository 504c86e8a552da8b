import path from 'node:path'
import type { Client } from '@bacalhau/client'
import { EXECUTION_STATES, type Execution, isFinalJobState, type Job } from '@bacalhau/models'
import { messageOf } from '../../runtime/error.ts'
import { printFailure } from '../failure.ts'
import { Interruption } from '../interruption.ts'
import type { Io } from '../io.ts'
import { isForPrograms, present, type PrintFlags } from '../present.ts'
import { tableText } from '../present-table.ts'
import { sameNode, type SettingFlags } from '../settings.ts'
import { plainLine } from '../terminal/plain.ts'
import { createProgress, type Progress, silentProgress } from '../terminal/progress.ts'
import { styleFor } from '../terminal/style.ts'
import { formatFields, indented } from '../terminal/table.ts'
import { formatSpan } from '../terminal/time.ts'
import { EXECUTION_COLUMNS } from './execution-table.ts'
import { printOutput } from './follow-output.ts'
import { createLogPrinter } from './log-printer.ts'
import { failureOf, nextSteps, outcomeText } from './outcome-text.ts'
import { progressOfJob } from './progress-text.ts'
import { downloadsOf } from './results.ts'
import { shortId } from './short-id.ts'
import { createTrack, type Track } from './track.ts'
import { type Snapshot, watchJob } from './watch-job.ts'

export interface AwaitFlags extends PrintFlags, SettingFlags {
  readonly wait: boolean
  readonly follow: boolean
  readonly 'id-only': boolean
  readonly 'wait-timeout-secs': number | undefined
  readonly 'node-details': boolean
  readonly 'exit-code': boolean
  readonly download: string | undefined
}

export interface AwaitRequest {
  readonly client: Client
  /** Of the job. */
  readonly namespace: string
  readonly flags: AwaitFlags
  readonly io: Io
  readonly signal: AbortSignal
}

/** What says how far things are while this command works. */
export const progressOf = ({ flags, io }: Pick<AwaitRequest, 'flags' | 'io'>): Progress =>
  flags['id-only'] ? silentProgress : createProgress(io.err, styleFor(io.err, io.env, flags['no-color']), io.clock)

/**
 * Goes on with a job that has just been submitted: waits for its end, if wanted, and tells what became of it. Resolves with
 * the exit code; throws `JobFailed` when the job ends otherwise than well. A job that never ends is waited for until it runs.
 */
export async function awaitJob(id: string, request: AwaitRequest, progress: Progress): Promise<number> {
  const { flags, io, signal } = request
  await tellSubmitted(id, request)
  if (!flags.wait) return 0
  const patience = new AbortController()
  const seconds = flags['wait-timeout-secs'] ?? 0
  const timer = seconds === 0 ? undefined : io.clock.after(seconds * 1_000, () => patience.abort())
  let snapshot: Snapshot
  try {
    const whileWaiting = AbortSignal.any([signal, patience.signal])
    snapshot = await waitForEnd(id, { ...request, signal: whileWaiting }, progress)
  } catch (error) {
    await progress.clear()
    if (signal.aborted) {
      await tellInterrupted(id, 'No longer waiting. The job goes on.', request)
      return signal.reason instanceof Interruption ? signal.reason.exitCode : 130
    }
    if (!patience.signal.aborted) throw error
    const span = formatSpan(seconds * 1_000)
    await tellInterrupted(id, `Progress tracking timed out after ${span}. The job is still running.`, request)
    return 1
  } finally {
    timer?.cancel()
  }
  return tellOutcome(await completed(snapshot, request), request, progress)
}

/** Says that the job is there, on standard output unless that is for the output of the job or for a program. */
async function tellSubmitted(id: string, { flags, io }: AwaitRequest): Promise<void> {
  if (flags['id-only']) return io.out.write(`${id}\n`)
  const said = `Job successfully submitted. Job ID: ${id}\n`
  if (flags.wait) {
    const output = flags.follow || isForPrograms(flags) ? io.err : io.out
    const next = 'Checking job status... (Enter Ctrl+C to exit at any time, your job will continue running):\n'
    return output.write(flags.follow ? said : said + next)
  }
  const more = `\nTo get more details about the run, execute:\n\tbacalhau job describe ${id}${sameNode(flags)}\n`
  await present(io, flags, { JobID: id }, () => said + more)
}

async function tellInterrupted(id: string, why: string, { flags, io }: AwaitRequest): Promise<void> {
  const steps = formatFields([
    [`bacalhau job logs --follow ${shortId(id)}${sameNode(flags)}`, 'watch its output'],
    [`bacalhau job describe ${shortId(id)}${sameNode(flags)}`, 'look at it'],
    [`bacalhau job stop ${shortId(id)}${sameNode(flags)}`, 'stop it'],
  ])
  await io.err.write(`${why}\n${indented(steps)}`)
}

/** Output and progress take turns on a terminal: while output comes, it says enough. */
async function waitForEnd(id: string, request: AwaitRequest, progress: Progress): Promise<Snapshot> {
  const { client, namespace, flags, io, signal } = request
  const track = createTrack(io.clock)
  let output: Promise<void> | undefined
  const snapshot = await watchJob(client, id, {
    namespace,
    signal,
    isEnough: ({ job }) => !flags.follow && isEndless(job) && job.State.StateType === 'Running',
    onLost: () => progress.update('the node does not answer; the job may go on; trying again'),
    async onChange({ job, executions }) {
      if (flags.follow && output === undefined && executions.some(hasOutput)) {
        await progress.clear()
        output = followOutput(id, request)
      }
      if (output === undefined) await tellProgress(progress, track, { job, executions })
    },
  })
  await output
  await progress.clear()
  return snapshot
}

/** Prints the output up to the end of the job. That this fails is no failure of the job. */
async function followOutput(id: string, { client, namespace, flags, io, signal }: AwaitRequest): Promise<void> {
  const printer = createLogPrinter(io, flags['no-color'])
  try {
    await printOutput({ client, id, namespace, printer, signal }, { follow: true, tail: false })
  } catch (error) {
    if (!signal.aborted) await printer.note(`Warning: the output cannot be followed: ${plainLine(messageOf(error))}`)
  }
}

/** How much of a task array is done changes all the time: that is only for a terminal. */
async function tellProgress(
  progress: Progress,
  track: Track,
  { job, executions }: Pick<Snapshot, 'job' | 'executions'>,
) {
  const now = progressOfJob(job, executions)
  track.enter(now)
  const isArray = job.State.StateType === 'Running' && job.Count > 1
  await progress.update(isArray ? 'running' : now.text, (columns) => track.text(columns))
}

const isEndless = ({ Type }: Job) => Type === 'service' || Type === 'daemon'

const hasOutput = ({ ComputeState: { StateType } }: Execution) =>
  StateType === EXECUTION_STATES.Running ||
  StateType === EXECUTION_STATES.Publishing ||
  StateType === EXECUTION_STATES.Completed

/** With all executions, where they are wanted and there are more. */
async function completed(snapshot: Snapshot, { client, namespace, flags, signal }: AwaitRequest): Promise<Snapshot> {
  const wanted = flags.download !== undefined || flags['node-details'] || flags['exit-code'] || isForPrograms(flags)
  if (!snapshot.more || !wanted) return snapshot
  const executions = await client.jobs.executions(snapshot.job.ID, { namespace, signal })
  return { ...snapshot, executions, more: false }
}

async function tellOutcome(snapshot: Snapshot, request: AwaitRequest, progress: Progress): Promise<number> {
  const { flags, io } = request
  const failure = failureOf(snapshot)
  const { job, executions } = snapshot
  if (!flags['id-only']) {
    await present(io, flags, { Job: job, Executions: executions }, (style) => {
      const nodes = flags['node-details'] ? `\n${tableText(executions, EXECUTION_COLUMNS, PLAIN_TABLE, io)}` : ''
      const steps = flags.download === undefined || failure !== undefined ? nextSteps(snapshot, sameNode(flags)) : ''
      return outcomeText(snapshot, !flags.follow, style) + nodes + steps
    })
  }
  const code = flags['exit-code'] ? exitCodeOf(snapshot) : 0
  if (failure !== undefined) {
    if (code === 0) throw failure
    await printFailure(failure, io, flags['no-color'])
    return code
  }
  if (flags.download !== undefined && isFinalJobState(job.State.StateType)) {
    await fetchResults(flags.download, snapshot, request, progress)
  }
  return code
}

const PLAIN_TABLE = { wide: false, 'hide-header': false, 'no-style': false, 'no-color': true } as const

/** The exit code of the job's process: of several, the first that is not 0. */
function exitCodeOf({ executions }: Snapshot): number {
  const codes = executions.flatMap(({ RunOutput }) => RunOutput?.ExitCode ?? [])
  // An exit status has eight bits; a code that would look like success in them must not.
  return Math.min(codes.find((code) => code !== 0) ?? 0, 255) & 255
}

async function fetchResults(
  where: string,
  snapshot: Snapshot,
  request: AwaitRequest,
  progress: Progress,
): Promise<void> {
  const { client, io, signal } = request
  const folder = path.resolve(io.cwd, where)
  // Reading content takes libraries that a command without it can do without.
  const { download } = await import('../transfer/download.ts')
  const tell = (text: string) => io.err.write(`${text}\n`)
  await download(client, downloadsOf(snapshot, '', folder), { progress, clock: io.clock, tell, signal })
  await io.err.write(`Results are in ${folder}\n`)
}
