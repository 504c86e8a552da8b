import { EXECUTION_STATES, type ExecutionState, type JobState } from '@bacalhau/models'
import type { Meter, Sample } from '../runtime/meter.ts'
import type { Dispatcher } from './dispatcher.ts'

export interface Measured {
  readonly dispatcher: Dispatcher
  /** Readers of the event stream, and callers who wait for a change of a job. */
  readonly following: () => number
  readonly waiting: () => number
}

/** What an orchestrator counts itself. */
export interface OrchestratorTally {
  submitted(): void
  ended(state: JobState): void
}

const NAMES = new Map(Object.entries(EXECUTION_STATES).map(([name, state]) => [state, name]))

const byState = (counts: ReadonlyMap<ExecutionState, number>): Sample[] =>
  [...counts].map(([state, value]) => ({ labels: { state: NAMES.get(state) ?? 'Unknown' }, value }))

/** Shows how much an orchestrator has to do and does. Everything is read from memory; the store is not asked. */
export function measureOrchestrator(meter: Meter, { dispatcher, following, waiting }: Measured): OrchestratorTally {
  const { jobs, cluster } = dispatcher
  const { assignments, lines } = jobs
  const submitted = meter.counter('bacalhau_job_submissions_total', 'Jobs and new versions of jobs that were recorded.')
  const ended = meter.counter('bacalhau_jobs_ended_total', 'Versions of jobs that came to their end, by final state.')
  meter.gauge('bacalhau_jobs_open', 'Jobs that have not ended.', () => jobs.size)
  meter.gauge('bacalhau_queue_jobs', 'Jobs that wait for a node, wholly or in part.', () => lines.size)
  meter.total('bacalhau_placements_total', 'Executions that were given to a node.', () => assignments.tally.placed)
  meter.gauge('bacalhau_executions', 'Executions that have not ended, by state.', () => byState(assignments.states()))
  meter.total('bacalhau_executions_ended_total', 'Executions that came to their end, by state.', () =>
    byState(assignments.tally.ended),
  )
  meter.gauge('bacalhau_nodes', 'Compute nodes that are known, by connection and membership.', () => {
    const counts = new Map<string, { labels: Record<string, string>; value: number }>()
    for (const { Connection, Membership } of cluster.states()) {
      const key = `${Connection} ${Membership}`
      const entry = counts.get(key) ?? { labels: { connection: Connection, membership: Membership }, value: 0 }
      entry.value += 1
      counts.set(key, entry)
    }
    return counts.values()
  })
  meter.gauge('bacalhau_event_streams', 'Event streams that wait for the next change.', following)
  meter.gauge('bacalhau_job_waiters', 'Jobs for whose next change somebody waits.', waiting)
  return { submitted: () => submitted.add(), ended: (state) => ended.add(1, { state }) }
}
