import type { jobDiffFlags } from '../catalogue/running.ts'
import type { Invocation } from '../command.ts'
import { connect } from '../connection.ts'
import { present } from '../present.ts'
import { readSpec } from '../spec/read-spec.ts'
import { uploadFileSources } from '../spec/file-sources.ts'
import { plainLine, plainText } from '../terminal/plain.ts'
import { upload } from '../transfer/upload.ts'
import { transferWorld } from '../transfer/transfer-world.ts'

export async function run({ args, flags, io, signal }: Invocation<typeof jobDiffFlags>): Promise<number> {
  const [where = '-'] = args
  const loaded = await readSpec(where, io, flags)
  const quiet = flags['hide-warnings'] || !flags['show-warnings']
  if (!quiet) for (const warning of loaded.warnings) await io.err.write(`Warning: ${warning}\n`)
  const client = await connect(io, flags)
  const spec = await uploadFileSources(loaded.spec, loaded.folder, async (file) => {
    const { CID } = await upload(client, file, transferWorld({ io, flags, signal }))
    return CID
  })
  const answer = await client.jobs.diff(spec, { signal })
  for (const warning of answer.Warnings ?? []) await io.err.write(`Warning: ${plainLine(warning)}\n`)
  await present(io, flags, answer, () =>
    answer.Diff === '' ? 'Nothing would change.\n' : `${plainText(answer.Diff)}\n`,
  )
  return 0
}
