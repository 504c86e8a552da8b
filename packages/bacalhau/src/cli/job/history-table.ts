import type { JobHistory } from '@bacalhau/models'
import { column, type TableColumn } from '../present-table.ts'
import { plainLine } from '../terminal/plain.ts'
import { formatMoment } from '../terminal/time.ts'

const time = column<JobHistory>('TIME', ({ Time }) => formatMoment(Date.parse(Time)))
const topic = column<JobHistory>('TOPIC', ({ Event }) => plainLine(Event.Topic))
const event = column<JobHistory>('EVENT', ({ Event }) => plainLine(Event.Message))

/** What `job history` shows. Times are in UTC. */
export const HISTORY_COLUMNS: readonly TableColumn<JobHistory>[] = [
  time,
  column('LEVEL', ({ Type }) => plainLine(Type)),
  column('JOB VERSION', ({ JobVersion }) => String(JobVersion)),
  column('EXEC. ID', ({ ExecutionID = '' }, look) => look.id(ExecutionID)),
  topic,
  event,
]

/** What `job describe` shows of the same. */
export const DESCRIBED_HISTORY_COLUMNS: readonly TableColumn<JobHistory>[] = [time, topic, event]
