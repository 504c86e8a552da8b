import { checkJob, lacking, type NetworkSpec, type Offer, type Resources } from '@bacalhau/models'
import { BacalhauError, messageOf } from '../runtime/error.ts'
import { LIMITS } from '../runtime/limits.ts'
import { type Capabilities, executorFor, publisherFor, sourceFor } from './capabilities.ts'
import { isSafeId } from './execution-folder.ts'

/** Why an offer is refused, and whether it is worth repeating. */
export interface Refusal {
  readonly reason: string
  readonly later: boolean
}

/** Does this node take `offer`, with `free` resources left? Undefined means yes; else every reason is named. */
export function refusal(offer: Offer, capabilities: Capabilities, free: Resources): Refusal | undefined {
  const reasons = malformed(offer)
  if (reasons.length === 0) reasons.push(...unsuitable(offer, capabilities))
  if (reasons.length > 0) return { reason: reasons.join('; ').slice(0, LIMITS.message), later: false }
  const missing = lacking(offer.resources, free)
  return missing.length === 0 ? undefined : { reason: `this node lacks ${missing.join(', ')}`, later: true }
}

/** An orchestrator checks what its users send; this node relies on its own check, since names become paths here. */
function malformed({ executionId, job }: Offer): string[] {
  const problems = checkJob(job).map(({ path, message }) => `${path}: ${message}`)
  return isSafeId(executionId) ? problems : ['the execution id is none', ...problems]
}

/** No engine of this program gives a job a network; one that asks for it must not run without. */
function refuseNetwork(type: NetworkSpec['Type']): void {
  if (type === 'Default' || type === 'None') return
  throw new BacalhauError('NotImplemented', `jobs get no network on this node, and this one asks for ${type}`)
}

function unsuitable({ job }: Offer, capabilities: Capabilities): string[] {
  const [task] = job.Tasks
  if (task === undefined) return ['the job has no task']
  const checks = [
    () => executorFor(capabilities, task.Engine).validate(task.Engine.Params ?? {}),
    () => refuseNetwork(task.Network.Type),
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
