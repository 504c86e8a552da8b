import { ApiError } from '@bacalhau/client'
import type { Picture } from '../terminal/screen.ts'
import type { Style } from '../terminal/style.ts'

/**
 * Goes on showing the last picture while the node does not answer, and says so. A node that has never answered is an error, since
 * then the address is probably wrong.
 */
export function steadily(
  load: (signal: AbortSignal) => Promise<Picture>,
  style: Style,
): (signal: AbortSignal) => Promise<Picture> {
  let last: Picture | undefined
  return async (signal) => {
    try {
      last = await load(signal)
      return last
    } catch (error) {
      const known = last
      if (known === undefined || signal.aborted || !(error instanceof ApiError) || error.status !== 0) throw error
      return (columns, rows) => [style.red('The node does not answer; trying again.'), ...known(columns, rows - 1)]
    }
  }
}
