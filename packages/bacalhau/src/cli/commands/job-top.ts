import type { jobTopFlags } from '../catalogue/experience.ts'
import type { Invocation } from '../command.ts'
import { connect } from '../connection.ts'
import { showScreen } from '../terminal/screen.ts'
import { styleFor } from '../terminal/style.ts'
import { jobPicture } from '../top/job-picture.ts'
import { steadily } from '../top/steady.ts'

/** Jobs that one picture is made of: those that changed last. More would not fit on any screen. */
const LOOKED_AT = 200

export async function run({ flags, io, signal }: Invocation<typeof jobTopFlags>): Promise<number> {
  const client = await connect(io, flags)
  const style = styleFor(io.out, io.env, flags['no-color'])
  const { namespace, interval = 2, frames } = flags
  const query = {
    limit: LOOKED_AT,
    orderBy: 'modified_at',
    reverse: true,
    ...(namespace === undefined ? {} : { namespace }),
  } as const
  const load = steadily(async (stop) => {
    const { Items, NextToken } = await client.jobs.list({ ...query, signal: stop })
    return jobPicture(Items, NextToken !== '', io.clock.now(), style)
  }, style)
  await showScreen({ io, interval: interval * 1_000, frames, load, signal })
  return 0
}
