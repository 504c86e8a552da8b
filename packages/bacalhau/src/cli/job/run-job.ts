import path from 'node:path'
import type { Client } from '@bacalhau/client'
import { EXECUTION_STATES, type JobSpec } from '@bacalhau/models'
import { messageOf } from '../../runtime/error.ts'
import { Interruption } from '../interruption.ts'
import type { Io } from '../io.ts'
import { present, type PrintFlags } from '../present.ts'
import { sameNode, type SettingFlags } from '../settings.ts'
import { plainLine } from '../terminal/plain.ts'
import { createProgress, type Progress, silentProgress } from '../terminal/progress.ts'
import { styleFor } from '../terminal/style.ts'
import { formatFields, indented } from '../terminal/table.ts'
import { download } from '../transfer/download.ts'
import { upload } from '../transfer/upload.ts'
import { uploadFileSources } from '../spec/file-sources.ts'
import { printOutput } from './follow-output.ts'
import { failureOf, nextSteps, outcomeText } from './outcome-text.ts'
import { progressText } from './progress-text.ts'
import { downloadsOf } from './results.ts'
import { shortId } from './short-id.ts'
import { type Snapshot, watchJob } from './watch-job.ts'

export interface RunFlags extends PrintFlags, SettingFlags {
  readonly wait: boolean
  readonly follow: boolean
  readonly 'id-only': boolean
  readonly download: string | undefined
}

export interface RunRequest {
  readonly client: Client
  readonly spec: JobSpec
  /** Folder that the paths of local inputs start from. */
  readonly folder: string
  readonly flags: RunFlags
  readonly io: Io
  readonly signal: AbortSignal
}

/**
 * Uploads local inputs, submits the job and, if wanted, waits for its end. Resolves with the exit code; throws `JobFailed` when
 * the job ends otherwise than well.
 */
export async function runJob(request: RunRequest): Promise<number> {
  const { client, flags, io, signal } = request
  const progress = flags['id-only']
    ? silentProgress
    : createProgress(io.err, styleFor(io.err, io.env, flags['no-color']), io.clock)
  const spec = await uploadFileSources(request.spec, request.folder, async (file) => {
    const { CID } = await upload(client, file, { progress, signal })
    return CID
  })
  const { JobID, Warnings } = await client.jobs.submit(spec, { signal })
  for (const warning of Warnings ?? []) await io.err.write(`Warning: ${plainLine(warning)}\n`)
  if (flags['id-only']) await io.out.write(`${JobID}\n`)
  if (!flags.wait) return tellSubmitted(JobID, request)
  if (!flags['id-only']) await io.err.write(`Job ${JobID}\n`)
  let snapshot: Snapshot
  try {
    snapshot = await waitForEnd(JobID, request, progress)
  } catch (error) {
    await progress.clear()
    if (!signal.aborted) throw error
    await tellInterrupted(JobID, request)
    return signal.reason instanceof Interruption ? signal.reason.exitCode : 130
  }
  return tellOutcome(snapshot, request, progress)
}

async function tellSubmitted(id: string, { flags, io }: RunRequest): Promise<number> {
  if (flags['id-only']) return 0
  await present(
    io,
    flags,
    { JobID: id },
    () => `Job ${id} submitted.\n  bacalhau job describe ${shortId(id)}${sameNode(flags)}\n`,
  )
  return 0
}

async function tellInterrupted(id: string, { flags, io }: RunRequest): Promise<void> {
  const steps = formatFields([
    [`bacalhau job describe ${shortId(id)}${sameNode(flags)}`, 'look at it'],
    [`bacalhau job stop ${shortId(id)}${sameNode(flags)}`, 'stop it'],
  ])
  await io.err.write(`No longer waiting. The job goes on.\n${indented(steps)}`)
}

/** Output and progress take turns on a terminal: while output comes, it says enough. */
async function waitForEnd(id: string, request: RunRequest, progress: Progress): Promise<Snapshot> {
  const { client, spec, flags, io, signal } = request
  const namespace = spec.Namespace
  let output: Promise<void> | undefined
  const snapshot = await watchJob(client, id, {
    namespace,
    signal,
    onLost: () => progress.update('the node does not answer; the job may go on; trying again'),
    async onChange({ job, executions }) {
      const started = executions.find(({ ComputeState }) => hasOutput(ComputeState.StateType))
      if (flags.follow && output === undefined && started !== undefined) {
        await progress.clear()
        output = printOutput(client, id, io, { follow: true, executionId: started.ID, namespace, signal }).catch(
          async (error: unknown) => {
            if (!signal.aborted)
              await io.err.write(`Warning: the output cannot be followed: ${plainLine(messageOf(error))}\n`)
          },
        )
      }
      if (output === undefined) await progress.update(progressText(job, executions))
    },
  })
  await output
  await progress.clear()
  return snapshot
}

const hasOutput = (state: number) =>
  state === EXECUTION_STATES.Running || state === EXECUTION_STATES.Publishing || state === EXECUTION_STATES.Completed

async function tellOutcome(snapshot: Snapshot, request: RunRequest, progress: Progress): Promise<number> {
  const { client, flags, io, signal } = request
  const failure = failureOf(snapshot)
  const { job, executions } = snapshot
  if (!flags['id-only']) {
    await present(io, flags, { Job: job, Executions: executions }, (style) => {
      const steps =
        flags.download === undefined || failure !== undefined ? nextSteps(snapshot, sameNode(flags), style) : ''
      return outcomeText(snapshot, !flags.follow, style) + steps
    })
  }
  if (failure !== undefined) throw failure
  if (flags.download !== undefined) {
    const folder = path.resolve(io.cwd, flags.download)
    await download(client, downloadsOf(snapshot, '', folder), { progress, signal })
    await io.err.write(`Results are in ${folder}\n`)
  }
  return 0
}
