import type { Job, Task } from '@bacalhau/models'

export type { Job, RunOutput, SpecConfig } from '@bacalhau/models'

/** The only task of a job. */
export function taskOf({ Tasks }: Pick<Job, 'Tasks'>): Task {
  const [task] = Tasks
  if (task === undefined) throw new Error('a job has a task')
  return task
}
