import { lacking, type Offer, type Resources } from '@bacalhau/models'
import { messageOf } from '../runtime/error.ts'
import { type Capabilities, executorFor, publisherFor, sourceFor } from './capabilities.ts'

/** Why this node does not take `offer` with `free` resources left; empty when it does. Every reason is named, not just the first. */
export function refusals(offer: Offer, capabilities: Capabilities, free: Resources): string[] {
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
  const reasons = checks.flatMap((check) => {
    try {
      check()
      return []
    } catch (error) {
      return [messageOf(error)]
    }
  })
  const missing = lacking(offer.resources, free)
  if (missing.length > 0) reasons.push(`this node lacks ${missing.join(', ')}`)
  return reasons
}
