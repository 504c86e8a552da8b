import type { runFlags } from '../catalogue/running.ts'
import type { Invocation } from '../command.ts'
import { connect } from '../connection.ts'
import { runJob } from '../job/run-job.ts'
import { toJson, toYaml } from '../present.ts'
import { readSpec } from '../spec/read-spec.ts'

export async function run({ args, flags, io, signal }: Invocation<typeof runFlags>): Promise<number> {
  const [where = '-'] = args
  const { spec, warnings, folder } = await readSpec(where, io)
  for (const warning of warnings) await io.err.write(`Warning: ${warning}\n`)
  if (flags['dry-run']) {
    await io.out.write(flags.output === 'json' ? toJson(spec, flags.pretty) : await toYaml(spec))
    return 0
  }
  return runJob({ client: await connect(io, flags), spec, folder, flags, io, signal, force: flags.force })
}
