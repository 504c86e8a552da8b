import type { Job, JobHistory } from '@bacalhau/models'

export interface HistoryEvent {
  readonly topic: 'Submission' | 'Scheduling' | 'Queueing' | 'State Update' | 'Execution'
  readonly message: string
  readonly executionId?: string
  readonly details?: Readonly<Record<string, string>>
}

/** An event in the form in which it is stored and shown. `now` in milliseconds. */
export function toHistory(job: Job, sequence: number, event: HistoryEvent, now: number): JobHistory {
  const time = new Date(now).toISOString()
  return {
    SeqNum: sequence,
    Type: event.executionId === undefined ? 'JobLevel' : 'ExecutionLevel',
    JobID: job.ID,
    JobVersion: job.Version,
    ...(event.executionId === undefined ? {} : { ExecutionID: event.executionId }),
    Event: {
      Message: event.message,
      Topic: event.topic,
      Timestamp: time,
      ...(event.details === undefined ? {} : { Details: { ...event.details } }),
    },
    Time: time,
  }
}
