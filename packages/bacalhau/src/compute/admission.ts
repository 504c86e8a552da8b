import { lacking, type Offer, type Resources } from '@bacalhau/models'
import { messageOf } from '../runtime/error.ts'
import { type Capabilities, executorFor, publisherFor, sourceFor } from './capabilities.ts'

/** Why an offer is refused, and whether it is worth repeating. */
export interface Refusal {
  readonly reason: string
  readonly later: boolean
}

/** Does this node take `offer`, with `free` resources left? Undefined means yes; else every reason is named. */
export function refusal(offer: Offer, capabilities: Capabilities, free: Resources): Refusal | undefined {
  const reasons = unsuitable(offer, capabilities)
  if (reasons.length > 0) return { reason: reasons.join('; '), later: false }
  const missing = lacking(offer.resources, free)
  return missing.length === 0 ? undefined : { reason: `this node lacks ${missing.join(', ')}`, later: true }
}

function unsuitable(offer: Offer, capabilities: Capabilities): string[] {
  const [task] = offer.job.Tasks
  if (task === undefined) return ['the job has no task']
  const checks = [
    () => executorFor(capabilities, task.Engine).validate(task.Engine.Params ?? {}),
    () => publisherFor(capabilities, task.Publisher)?.validate(task.Publisher),
    ...task.InputSources.map(
      ({ Source }) =>
        () =>
          sourceFor(capabilities, Source).validate(Source),
    ),
  ]
  return checks.flatMap((check) => {
    try {
      check()
      return []
    } catch (error) {
      return [messageOf(error)]
    }
  })
}
