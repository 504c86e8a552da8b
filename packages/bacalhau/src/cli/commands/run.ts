import { ApiError, type Client } from '@bacalhau/client'
import type { JobSpec } from '@bacalhau/models'
import { messageOf } from '../../runtime/error.ts'
import type { runFlags } from '../catalogue/running.ts'
import type { Invocation } from '../command.ts'
import { connect } from '../connection.ts'
import { runJob } from '../job/run-job.ts'
import { isForPrograms, present, presentObject } from '../present.ts'
import { hasFileSources } from '../spec/file-sources.ts'
import { readSpec } from '../spec/read-spec.ts'
import { plainLine, plainText } from '../terminal/plain.ts'

export async function run(invocation: Invocation<typeof runFlags>): Promise<number> {
  const { args, flags, io, signal } = invocation
  const [where = '-'] = args
  const { spec, warnings, folder } = await readSpec(where, io, flags)
  const quiet = flags['hide-warnings'] || !flags['show-warnings']
  if (!quiet) for (const warning of warnings) await io.err.write(`Warning: ${plainLine(warning)}\n`)
  if (flags['dry-run']) return dryRun(spec, invocation)
  const client = await connect(io, flags)
  return runJob({ client, spec, folder, flags, io, signal, force: flags.force, quiet })
}

/** What the job would change of the one with its name; or, when there is nothing to compare with, the job itself. */
async function dryRun(spec: JobSpec, invocation: Invocation<typeof runFlags>): Promise<number> {
  const { flags, io, signal } = invocation
  // A job without a name is always new. Files are not uploaded for a trial, so what is in them cannot be compared.
  const diff =
    spec.Name === '' || hasFileSources(spec) || isForPrograms(flags)
      ? undefined
      : await diffOf(await connect(io, flags), spec, invocation)
  if (diff === undefined) await presentObject(io, flags, spec)
  else await present(io, flags, diff, () => (diff === '' ? 'Nothing would change.\n' : `${plainText(diff)}\n`))
  signal.throwIfAborted()
  return 0
}

/** Undefined when there is no such job, or when no node answers, which is told. */
async function diffOf(
  client: Client,
  spec: JobSpec,
  { io, signal }: Invocation<typeof runFlags>,
): Promise<string | undefined> {
  try {
    return (await client.jobs.diff(spec, { signal })).Diff
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    if (error.code === 'NotFound') return undefined
    await io.err.write(`Error: ${plainLine(messageOf(error))}\nWarning: falling back to offline mode...\n`)
    return undefined
  }
}
