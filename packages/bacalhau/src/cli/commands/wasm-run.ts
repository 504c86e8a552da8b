import { describeProblems, parseSubmission } from '@bacalhau/models'
import { BacalhauError } from '../../runtime/error.ts'
import type { wasmRunFlags } from '../catalogue/running.ts'
import type { Invocation } from '../command.ts'
import { connect } from '../connection.ts'
import { runJob } from '../job/run-job.ts'
import { toJson, toYaml } from '../present.ts'
import { outputFormat, wasmSpec } from '../spec/wasm-spec.ts'

export async function run({ args, flags, io, signal }: Invocation<typeof wasmRunFlags>): Promise<number> {
  const parsed = parseSubmission(wasmSpec(args, flags, io.env))
  if (!parsed.ok) throw new BacalhauError('ValidationError', describeProblems(parsed.problems))
  const output = outputFormat(flags.output)
  if (flags['dry-run']) {
    await io.out.write(output === 'json' ? toJson(parsed.value.spec, flags.pretty) : await toYaml(parsed.value.spec))
    return 0
  }
  const client = await connect(io, flags)
  return runJob({ client, spec: parsed.value.spec, folder: io.cwd, flags: { ...flags, output }, io, signal })
}
