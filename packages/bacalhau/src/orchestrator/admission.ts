import { type Job, type JobSpec, jobSpecSchema } from '@bacalhau/models'
import { isDeepStrictEqual } from 'node:util'
import { newJobId } from '../runtime/ids.ts'
import type { Random } from '../runtime/random.ts'

/** Notes of the server begin so. */
const RESERVED = 'bacalhau.org/'

/** The record of a new job, from what its owner has written. `now` in nanoseconds. */
export function newJob(spec: JobSpec, random: Random, orchestrator: string, now: number): Job {
  const id = newJobId(random)
  return {
    ...spec,
    ID: id,
    Name: spec.Name === '' ? id : spec.Name,
    Count: spec.Count ?? 1,
    Meta: { ...spec.Meta, [`${RESERVED}orchestrator.id`]: orchestrator },
    State: { StateType: 'Pending' },
    Version: 1,
    Revision: 1,
    CreateTime: now,
    ModifyTime: now,
  }
}

/** The next version of a job: what its owner wrote, in the place of what was there. The type of a job never changes. */
export function updatedJob(job: Job, spec: JobSpec): Job {
  const { Priority, Constraints, Labels, Tasks } = spec
  const kept = Object.entries(job.Meta).filter(([key]) => key.startsWith(RESERVED))
  const Count = spec.Count ?? 1
  return { ...job, Priority, Count, Constraints, Labels, Tasks, Meta: { ...spec.Meta, ...Object.fromEntries(kept) } }
}

/** What of a job is its owner's, without what the server adds, for comparison. */
function ownPart(job: Job): unknown {
  const { Priority, Count, Constraints, Labels, Meta } = job
  const own = Object.fromEntries(Object.entries(Meta).filter(([key]) => !key.startsWith(RESERVED)))
  const Tasks = job.Tasks.map((task) => ({ ...task, Resources: lowerCase(task.Resources) }))
  return { Priority, Count, Constraints, Labels, Meta: own, Tasks }
}

const lowerCase = (texts: object): object =>
  Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, String(text).toLowerCase()]))

/** Do two versions ask for the same? Quantities are compared without regard to case. */
export const isSameJob = (a: Job, b: Job): boolean => isDeepStrictEqual(ownPart(a), ownPart(b))

/** Fields that differ between two versions, with both values, for showing. */
export function differences(a: Job, b: Job): { path: string; old: unknown; new: unknown }[] {
  const found: { path: string; old: unknown; new: unknown }[] = []
  const walk = (path: string, left: unknown, right: unknown) => {
    if (isDeepStrictEqual(left, right)) return
    if (isObject(left) && isObject(right)) {
      for (const key of new Set([...Object.keys(left), ...Object.keys(right)])) {
        const at =
          Array.isArray(left) && Array.isArray(right) ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`
        walk(at, left[key], right[key])
      }
    } else found.push({ path, old: left, new: right })
  }
  walk('', ownPart(a), ownPart(b))
  return found
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

/** What a job's owner would write to submit it again. */
export function specOf(job: Job): JobSpec {
  const fields = Object.keys(jobSpecSchema.shape)
  return Object.fromEntries(Object.entries(job).filter(([key]) => fields.includes(key))) as JobSpec
}
