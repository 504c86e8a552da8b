import type { Style } from './style.ts'

const GOOD = new Set(['Completed', 'CONNECTED', 'APPROVED'])
const BAD = new Set(['Failed', 'Stopped', 'Cancelled', 'AskForBidRejected', 'DISCONNECTED', 'REJECTED'])

/** A state in the colour of what it means; a state under way has none. */
export function paintState(state: string, style: Style): string {
  if (GOOD.has(state)) return style.green(state)
  if (BAD.has(state)) return style.red(state)
  return state === 'PENDING' || state === 'Queued' ? style.yellow(state) : state
}
