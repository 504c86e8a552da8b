import { type JobHistory, jobHistorySchema } from '@bacalhau/models'
import { z } from 'zod'

/** What an event is about. The words are those of the documented API; who acted follows from them. */
const TOPICS = ['Submission', 'Scheduling', 'Queueing', 'State Update', 'Execution'] as const
export type Topic = (typeof TOPICS)[number]

export interface HistoryEvent {
  readonly topic: Topic
  readonly message: string
  readonly executionId?: string | undefined
  readonly details?: Readonly<Record<string, string>> | undefined
}

/** An event in its place: sequence number, milliseconds since the epoch, version of the job. */
export interface NumberedEvent extends HistoryEvent {
  readonly sequence: number
  readonly time: number
  readonly version: number
}

/**
 * Events are stored many to a row, as lists without names: those of a task array outnumber everything else in the store.
 * [sequence, time, version, topic, message, execution or '', details or nothing]
 */
const packedSchema = z.tuple([
  z.int().positive(),
  z.number(),
  z.int(),
  z
    .int()
    .min(0)
    .max(TOPICS.length - 1),
  z.string(),
  z.string(),
  z.record(z.string(), z.string()).optional(),
])
type Packed = z.infer<typeof packedSchema>

/** A row of the table; stores of the first layout hold one documented event in each. */
export const historyRowSchema = z.union([z.array(packedSchema), jobHistorySchema])

/** Most events of one row, so that reading a page never means reading much more. */
export const EVENTS_PER_ROW = 256

export function packEvent(event: NumberedEvent): Packed {
  const { sequence, time, version, topic, message, executionId = '', details } = event
  const packed = [sequence, time, version, TOPICS.indexOf(topic), message, executionId] as const
  return details === undefined ? [...packed] : [...packed, { ...details }]
}

export function unpackRow(jobId: string, row: z.output<typeof historyRowSchema>): JobHistory[] {
  return Array.isArray(row) ? row.map((packed) => unpackEvent(jobId, packed)) : [row]
}

function unpackEvent(jobId: string, packed: Packed): JobHistory {
  const [sequence, time, version, topic, message, executionId, details] = packed
  const timestamp = new Date(time).toISOString()
  return {
    SeqNum: sequence,
    Type: executionId === '' ? 'JobLevel' : 'ExecutionLevel',
    JobID: jobId,
    JobVersion: version,
    ...(executionId === '' ? {} : { ExecutionID: executionId }),
    Event: {
      Message: message,
      Topic: TOPICS[topic] ?? '',
      Timestamp: timestamp,
      Details: { Actor: actorOf(topic), ...details },
    },
    Time: timestamp,
  }
}

/** Who made the thing happen: a user asks, a compute node reports, all else the orchestrator decides. */
function actorOf(topic: number): string {
  const name = TOPICS[topic]
  if (name === 'Submission') return 'user'
  return name === 'Execution' ? 'compute node' : 'orchestrator'
}
