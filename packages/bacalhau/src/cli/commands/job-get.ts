import path from 'node:path'
import type { jobGetFlags } from '../catalogue/jobs.ts'
import type { Invocation } from '../command.ts'
import { connect } from '../connection.ts'
import { downloadsOf, resultsOf } from '../job/results.ts'
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
  const items = downloadsOf(snapshot, inner, folder)
  for (const { execution, partial } of resultsOf(snapshot)) {
    if (partial) {
      await io.err.write(`Warning: execution ${shortId(execution.ID)} did not complete; this is what it had written.\n`)
    }
  }
  await download(client, items, transferWorld({ io, flags, signal }))
  const [first, second] = items
  const place = first !== undefined && second === undefined ? first.target : folder
  await present(io, flags, { JobID: job.ID, Path: place }, () => `${plainLine(place)}\n`)
  return 0
}
