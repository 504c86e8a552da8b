import { checkTakenJob, type Job, type NetworkSpec } from '@bacalhau/models'
import type { Executor } from '../executors/executor.ts'
import { BacalhauError, messageOf } from '../runtime/error.ts'
import { LIMITS } from '../runtime/limits.ts'
import type { NodeEnvironment } from './policy/node-environment.ts'
import type { AdmissionPolicy } from './policy/policy.ts'
import type { ExecutionOrder } from './runner.ts'
import { type Capabilities, executorFor, publisherFor, sourceFor } from './capabilities.ts'

/** What a node can do, and what it wants to do. */
export interface Terms {
  readonly capabilities: Capabilities
  readonly policy: AdmissionPolicy
  readonly environment: NodeEnvironment
}

/** Why a node on these terms will never run such a job: every reason, or undefined when it can. */
export function refusal(order: Pick<ExecutionOrder, 'job' | 'resources'>, terms: Terms): string | undefined {
  const { job } = order
  const reasons = malformed(job)
  if (reasons.length === 0) reasons.push(...terms.policy.refusals(job), ...unsuitable(order, terms))
  return reasons.length === 0 ? undefined : reasons.join('; ').slice(0, LIMITS.message)
}

/** An orchestrator checks what its users send; this node relies on its own check, since names become paths here. */
function malformed(job: Job): string[] {
  return checkTakenJob(job).map(({ path, message }) => `${path}: ${message}`)
}

/** A job that asks for a network must not run without. */
function refuseNetwork(executor: Executor, network: NetworkSpec): void {
  const { Type } = network
  if (executor.networkRefusal === undefined && (Type === 'Default' || Type === 'None')) return
  const none = `jobs of the engine ${executor.engine} get no network on this node, and this one asks for ${Type}`
  const reason = executor.networkRefusal === undefined ? none : executor.networkRefusal(network)
  if (reason !== undefined) throw new BacalhauError('NotImplemented', reason)
}

function refuseGpus({ engine, givesGpus }: Executor, wanted: number): void {
  if (wanted === 0 || givesGpus === true) return
  throw new BacalhauError('NotImplemented', `jobs of the engine ${engine} get no GPU, and this one asks for ${wanted}`)
}

function unsuitable(
  { job, resources }: Pick<ExecutionOrder, 'job' | 'resources'>,
  { capabilities, environment }: Terms,
): string[] {
  const [task] = job.Tasks
  if (task === undefined) return ['the job has no task']
  const checks = [
    () => executorFor(capabilities, task.Engine).validate(task.Engine.Params ?? {}),
    () => refuseGpus(executorFor(capabilities, task.Engine), resources.GPU),
    () => refuseNetwork(executorFor(capabilities, task.Engine), task.Network),
    () => publisherFor(capabilities, task.Publisher)?.validate(task.Publisher),
    ...task.InputSources.map(
      ({ Source }) =>
        () =>
          sourceFor(capabilities, Source).validate(Source),
    ),
    () => environment.resolve(task.Env),
  ]
  const reasons = checks.flatMap((check) => {
    try {
      check()
      return []
    } catch (error) {
      return [messageOf(error)]
    }
  })
  // An engine that is missing is missing once, whatever is asked of it.
  return [...new Set(reasons)]
}
