import type { jobValidateFlags } from '../catalogue/jobs.ts'
import type { Invocation } from '../command.ts'
import { present } from '../present.ts'
import { readSpec } from '../spec/read-spec.ts'

export async function run({ args, flags, io }: Invocation<typeof jobValidateFlags>): Promise<number> {
  const [where = '-'] = args
  const { warnings } = await readSpec(where, io)
  for (const warning of warnings) await io.err.write(`Warning: ${warning}\n`)
  await present(io, flags, { Valid: true, Warnings: warnings }, () => 'OK\n')
  return 0
}
