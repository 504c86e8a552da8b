import type { JobHistory } from '@bacalhau/models'
import { plainLine } from '../terminal/plain.ts'
import { formatTable } from '../terminal/table.ts'
import { formatMoment } from '../terminal/time.ts'
import { shortId } from './short-id.ts'

const COLUMNS = ['TIME (UTC)', 'EXECUTION', 'TOPIC', 'EVENT'].map((title) => ({ title }))

/** Events as a table. */
export function historyTable(events: readonly JobHistory[]): string {
  return formatTable(
    COLUMNS,
    events.map(({ Time, ExecutionID, Event }) => [
      formatMoment(Date.parse(Time)),
      ExecutionID === undefined ? '' : shortId(ExecutionID),
      plainLine(Event.Topic),
      plainLine(Event.Message),
    ]),
  )
}
