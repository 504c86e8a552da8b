import type { PeerEntry } from '@bacalhau/models'
import { plainLine } from '../terminal/plain.ts'
import type { Style } from '../terminal/style.ts'

export function stateText({ State, LastError }: Pick<PeerEntry, 'State' | 'LastError'>, style: Style): string {
  if (State === 'connected') return style.green(State)
  if (State === 'self') return 'this node'
  return LastError === undefined ? style.yellow(State) : style.red(State)
}

/** The time there and back, in whole milliseconds; `-` where nobody has measured it yet. */
export const latencyText = (milliseconds: number | undefined): string =>
  milliseconds === undefined ? '-' : milliseconds < 1 ? '<1 ms' : `${Math.round(milliseconds)} ms`

/** When a peer is tried again, and why it has not been reached. */
export function nextText({ State, RetryAt, LastError }: PeerEntry, now: number): string {
  if (State === 'connected' || State === 'self') return ''
  const seconds = RetryAt === undefined ? 0 : Math.max(0, Math.ceil((Date.parse(RetryAt) - now) / 1_000))
  const next = RetryAt === undefined ? '' : `tried again in ${seconds} s`
  // Whose it is stands beside it.
  const why = plainLine(LastError?.Message ?? '').replace(/^The peer (?:at )?\S+ (?:cannot be reached: )?/, '')
  return [next, why].filter((text) => text !== '').join('; ')
}
