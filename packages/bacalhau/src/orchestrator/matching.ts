import { type Job, lacking, type NodeInfo, type Resources } from '@bacalhau/models'
import type { ErrorCode } from '../runtime/error-catalogue.ts'
import { describeConstraint, satisfies } from './constraints.ts'

/** Why a node can never run a job, as it is now. */
export interface Mismatch {
  readonly code: Extract<ErrorCode, 'EngineMissing' | 'NotEnoughResources' | 'NoNodes'>
  /** Completes the sentence "the node …". */
  readonly reason: string
}

/** The first thing that makes `node` unsuitable for `job`, or undefined. Independent of what else runs there. */
export function mismatch(
  job: Job,
  resources: Resources,
  { Labels, ComputeNodeInfo: node }: NodeInfo,
): Mismatch | undefined {
  const [task] = job.Tasks
  if (task === undefined) return { code: 'NoNodes', reason: 'has no task to run' }
  const engine = unsupported('engine', task.Engine.Type, node.ExecutionEngines)
  if (engine !== undefined) return { code: 'EngineMissing', reason: engine }
  const publisher = ['', 'noop'].includes(task.Publisher.Type.toLowerCase())
    ? undefined
    : unsupported('publisher', task.Publisher.Type, node.Publishers)
  const sources = task.InputSources.map(({ Source }) => unsupported('input source', Source.Type, node.StorageSources))
  const kind = [publisher, ...sources].find((reason) => reason !== undefined)
  if (kind !== undefined) return { code: 'NoNodes', reason: kind }
  const constraint = job.Constraints.find((candidate) => !satisfies(Labels, candidate))
  if (constraint !== undefined) {
    return { code: 'NoNodes', reason: `does not match the constraint ${describeConstraint(constraint)}` }
  }
  const missing = lacking(resources, node.MaxCapacity)
  return missing.length === 0
    ? undefined
    : { code: 'NotEnoughResources', reason: `is too small for ${missing.join(', ')}` }
}

function unsupported(kind: string, type: string, offered: readonly string[]): string | undefined {
  if (offered.some((name) => name.toLowerCase() === type.toLowerCase())) return undefined
  return `does not support the ${kind} "${type}", only ${offered.join(', ') || 'none'}`
}
