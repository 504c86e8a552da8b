import { type Client, isApiError } from '@bacalhau/client'
import { parseDuration } from '../../runtime/duration.ts'
import type { peerPingFlags } from '../catalogue/network.ts'
import type { Invocation } from '../command.ts'
import { connect } from '../connection.ts'
import { invalidFlag } from '../flag.ts'
import type { Io } from '../io.ts'
import { pause } from '../pause.ts'
import { latencyText } from '../peer/peer-text.ts'
import { type Statistics, statisticsOf } from '../peer/statistics.ts'
import { isForPrograms, present } from '../present.ts'
import { plainLine } from '../terminal/plain.ts'

/** How often, where nobody says. */
const TIMES = 4

export async function run({ args, flags, io, signal }: Invocation<typeof peerPingFlags>): Promise<number> {
  const [peer = ''] = args
  const { count = TIMES, interval = '1s' } = flags
  const rest = parseDuration(interval)
  if (rest === undefined) throw invalidFlag('interval', `'${interval}' is no time such as 1s or 200ms`)
  const client = await connect(io, flags)
  const times: (number | undefined)[] = []
  for (let index = 0; index < count; index += 1) {
    if (index > 0) await pause(rest, signal)
    const { time, text } = await once(client, peer, index === 0, signal)
    times.push(time)
    if (!isForPrograms(flags)) await io.out.write(text)
  }
  await tell(io, flags, statisticsOf(times))
  return times.some((time) => time !== undefined) ? 0 : 1
}

/** One measurement. The first one fails where the peer is not known at all. */
async function once(client: Client, peer: string, isFirst: boolean, signal: AbortSignal) {
  try {
    const { PeerID, Address, Reach, Milliseconds } = await client.peers.ping(peer, { signal })
    const text = `${plainLine(PeerID)} at ${plainLine(Address)} (${plainLine(Reach)}): ${latencyText(Milliseconds)}\n`
    return { time: Milliseconds, text }
  } catch (error) {
    if (!isApiError(error) || (isFirst && error.code !== 'PeerUnreachable')) throw error
    return { time: undefined, text: `${plainLine(error.message)}\n` }
  }
}

async function tell(io: Io, flags: Parameters<typeof present>[1], statistics: Statistics): Promise<void> {
  const { Sent, Received, LossPercent, MinMs, MedianMs, MaxMs } = statistics
  const spread =
    MinMs === undefined
      ? ''
      : `; least ${latencyText(MinMs)}, median ${latencyText(MedianMs)}, most ${latencyText(MaxMs)}`
  await present(io, flags, statistics, () => `${Received} of ${Sent} answered, ${LossPercent} % lost${spread}\n`)
}
