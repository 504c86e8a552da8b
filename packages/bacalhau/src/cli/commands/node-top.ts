import type { nodeTopFlags } from '../catalogue/experience.ts'
import type { Invocation } from '../command.ts'
import { connect } from '../connection.ts'
import { showScreen } from '../terminal/screen.ts'
import { styleFor } from '../terminal/style.ts'
import { nodePicture } from '../top/node-picture.ts'
import { steadily } from '../top/steady.ts'

export async function run({ flags, io, signal }: Invocation<typeof nodeTopFlags>): Promise<number> {
  const client = await connect(io, flags)
  const style = styleFor(io.out, io.env, flags['no-color'])
  const { interval = 2, frames } = flags
  const load = steadily(
    async (stop) => nodePicture(await client.nodes.list({ signal: stop }), io.clock.now(), style),
    style,
  )
  await showScreen({ io, interval: interval * 1_000, frames, load, signal })
  return 0
}
