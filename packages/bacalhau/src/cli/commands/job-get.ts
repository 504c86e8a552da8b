import path from 'node:path'
import type { jobGetFlags } from '../catalogue/jobs.ts'
import type { Invocation } from '../command.ts'
import { connect } from '../connection.ts'
import { BacalhauError } from '../../runtime/error.ts'
import { downloadsOf, fetchableOf, rawDownloadsOf } from '../job/results.ts'
import { withSignedUrls } from '../job/signed-results.ts'
import { shortId } from '../job/short-id.ts'
import { present } from '../present.ts'
import { plainLine } from '../terminal/plain.ts'
import { download } from '../transfer/download.ts'
import { transferWorld } from '../transfer/transfer-world.ts'

export async function run({ args, flags, io, signal }: Invocation<typeof jobGetFlags>): Promise<number> {
  const [, id = '', inner = ''] = /^([^/]*)\/?(.*?)\/?$/s.exec(args[0] ?? '') ?? []
  const client = await connect(io, flags)
  const namespace = flags.namespace === undefined ? {} : { namespace: flags.namespace }
  const { Job: job } = await client.jobs.get(id, { ...namespace, signal })
  const snapshot = { job, executions: await client.jobs.executions(job.ID, { signal }) }
  const folder = path.resolve(io.cwd, flags['output-dir'] ?? `job-${shortId(job.ID)}`)
  const found = flags.raw ? rawDownloadsOf(snapshot, inner, folder) : downloadsOf(snapshot, inner, folder)
  const items = await withSignedUrls(found, () => client.jobs.results(job.ID, { signal }))
  for (const { execution, partial } of fetchableOf(snapshot)) {
    if (partial) {
      await io.err.write(`Warning: execution ${shortId(execution.ID)} did not complete; this is what it had written.\n`)
    }
  }
  await withTimeLimit(flags['download-timeout-secs'], signal, (limited) =>
    download(client, items, { ...transferWorld({ io, flags, signal: limited }), node: client.baseUrl }),
  )
  const [first, second] = items
  const place = first !== undefined && second === undefined ? first.target : folder
  const text = `Results for job '${job.ID}' have been written to...\n${plainLine(place)}\n`
  await present(io, flags, { JobID: job.ID, Path: place }, () => text)
  return 0
}

/** Ends the work after so many seconds; 0 or nothing: never. Throws `TimeOut` then. */
async function withTimeLimit<T>(
  seconds: number | undefined,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (seconds === undefined || seconds === 0) return work(signal)
  const limit = AbortSignal.timeout(seconds * 1_000)
  try {
    return await work(AbortSignal.any([signal, limit]))
  } catch (error) {
    if (!limit.aborted || signal.aborted) throw error
    throw new BacalhauError('TimeOut', `the results were not here after ${seconds} seconds`, {
      hint: 'Give it more time: --download-timeout-secs.',
    })
  }
}
