import { z } from 'zod'

/**
 * States of a job.
 *
 *     Pending ──► Queued ──► Running ──► Completed
 *        └───────────────────►┘
 *     any state that is not final ──► Failed | Stopped
 *
 * Pending: accepted, not yet looked at. Queued: looked at, waits for a node. Running: at least one execution is placed.
 * Completed, Failed and Stopped are final: only a new version of the job leaves them.
 */
export const JOB_STATES = ['Undefined', 'Pending', 'Queued', 'Running', 'Completed', 'Failed', 'Stopped'] as const
export type JobState = (typeof JOB_STATES)[number]

const TRANSITIONS: Readonly<Record<JobState, readonly JobState[]>> = {
  Undefined: ['Pending'],
  Pending: ['Queued', 'Running', 'Completed', 'Failed', 'Stopped'],
  Queued: ['Running', 'Failed', 'Stopped'],
  Running: ['Queued', 'Completed', 'Failed', 'Stopped'],
  Completed: [],
  Failed: [],
  Stopped: [],
}

export const isFinalJobState = (state: JobState): boolean => state !== 'Undefined' && TRANSITIONS[state].length === 0
export const canJobBecome = (from: JobState, to: JobState): boolean => TRANSITIONS[from].includes(to)

export const jobStateSchema = z.strictObject({
  StateType: z.enum(JOB_STATES),
  Message: z.string().optional(),
  Details: z.record(z.string(), z.string()).optional(),
})
