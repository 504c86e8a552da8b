import type { JobEvent, JobHistory } from '@bacalhau/models'

/** What those who follow jobs are told. A cursor is opaque; the feed goes on after the one that it is given. */
export type Change =
  /** The first of all, with the cursor that was given. When that one cannot be gone on from, `reset` comes next. */
  | { readonly kind: 'ready'; readonly cursor?: string }
  /** Something may have been missed: look at the jobs again. */
  | { readonly kind: 'reset'; readonly cursor: string }
  /** A job, as it is by now. */
  | { readonly kind: 'job'; readonly cursor: string; readonly event: JobEvent }
  /** Something that happened to a job, told once; after a resumption perhaps twice, with the same number. */
  | { readonly kind: 'history'; readonly event: JobHistory }

export interface ChangesQuery {
  /** Only jobs of these; absent: of all. */
  readonly namespaces?: readonly string[]
  /** Only the jobs with these ids. */
  readonly jobIds?: readonly string[]
  /** A cursor of this feed. */
  readonly after?: string
  /** Tell the events of each job, too, before its state. */
  readonly history?: boolean
}

/** Of a change that is no event. */
export const NO_EVENTS = { after: Number.POSITIVE_INFINITY, upTo: 0 }

/** How one durable unit, or what is only known for the moment, changed a job. */
export interface JobChange {
  readonly event: JobEvent
  /** Begins the keys of the job's events in the store. */
  readonly key: string
  /** The unit holds the events with numbers above `after` up to `upTo`. */
  readonly after: number
  readonly upTo: number
  /** Does the job itself look different? Else there are only new events. */
  readonly visible: boolean
}
