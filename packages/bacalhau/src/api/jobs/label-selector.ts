import { BacalhauError } from '../../runtime/error.ts'

/** What the official command line always sends with a job list: leave out the probes of its makers, of which there are none. */
const ALWAYS_TRUE = 'bacalhau_canary!=true'

/** Refuses a selection by labels rather than to answer with what was not asked for. */
export function noLabelSelector(selectors: readonly string[]): void {
  if (selectors.every((selector) => selector === ALWAYS_TRUE)) return
  throw new BacalhauError('NotImplemented', 'selecting by labels is not supported here', {
    hint: 'Leave `labels` out, and select among the answers.',
  })
}
