import { type Constraint, parseLabelSelector } from '@bacalhau/models'
import { BacalhauError } from '../../runtime/error.ts'

/** Requirements of all selectors together: each is asked of every job. */
const MOST = 100

/** The requirements of all selectors together. Throws `BadRequest` for one that is not written as Kubernetes does. */
export function readSelectors(selectors: readonly string[]): readonly Constraint[] {
  const requirements = selectors.flatMap((selector) => {
    const parsed = parseLabelSelector(selector)
    if (parsed.ok) return parsed.value
    const problem = parsed.problems[0]?.message ?? ''
    throw new BacalhauError('BadRequest', `unable to parse label selector '${selector.slice(0, 64)}': ${problem}`, {
      hint: 'Write `key=value`, `key!=value`, `key in (a,b)`, `key notin (a,b)`, `key`, `!key`, `key>1` or `key<1`, joined by commas.',
    })
  })
  if (requirements.length <= MOST) return requirements
  throw new BacalhauError('BadRequest', `the label selectors hold more than ${MOST} requirements`)
}
