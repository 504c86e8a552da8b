import { isFinalJobState, type Job, type JobState } from '@bacalhau/models'
import { shortId } from '../job/short-id.ts'
import { bar } from '../terminal/bar.ts'
import { type Cell, formatGrid, type GridColumn } from '../terminal/grid.ts'
import { plainLine } from '../terminal/plain.ts'
import type { Picture } from '../terminal/screen.ts'
import { paintState } from '../terminal/state.ts'
import type { Style } from '../terminal/style.ts'
import { formatSpan, fromNanoseconds } from '../terminal/time.ts'
import { headline } from './headline.ts'

const COLUMNS: readonly GridColumn[] = [
  { title: 'JOB' },
  { title: 'NAME', drop: 2 },
  { title: 'TYPE', drop: 3 },
  { title: 'STATE' },
  { title: 'TIME', align: 'right', drop: 1 },
  { title: 'PROGRESS', rest: true },
]

/** What is under way comes first; then what ended last. */
const RANK: Readonly<Record<JobState, number>> = {
  Running: 0,
  Queued: 1,
  Pending: 2,
  Undefined: 2,
  Failed: 3,
  Completed: 3,
  Stopped: 3,
}

/** Jobs and how far they are, as many as there is room for. */
export function jobPicture(jobs: readonly Job[], more: boolean, now: number, style: Style): Picture {
  const sorted = jobs.toSorted(
    (a, b) => RANK[a.State.StateType] - RANK[b.State.StateType] || b.ModifyTime - a.ModifyTime,
  )
  return (columns, rows) => {
    const table = formatGrid(
      COLUMNS,
      sorted.slice(0, Math.max(1, rows)).map((job) => rowOf(job, now, style)),
      columns,
      style,
    )
    const text = `${countsOf(jobs)}${more ? ` (of the ${jobs.length} that changed last)` : ''}`
    const empty = jobs.length === 0 ? ['No jobs yet.'] : table
    return [...headline(text, now, columns, style), ...empty]
  }
}

function countsOf(jobs: readonly Job[]): string {
  const count = (...states: JobState[]) => jobs.filter(({ State }) => states.includes(State.StateType)).length
  const parts = [
    `${count('Running')} running`,
    `${count('Queued', 'Pending', 'Undefined')} waiting`,
    `${count('Completed')} completed`,
    `${count('Failed')} failed`,
  ]
  return parts.join(', ')
}

function rowOf(job: Job, now: number, style: Style): Cell[] {
  const state = job.State.StateType
  const end = isFinalJobState(state) ? fromNanoseconds(job.ModifyTime) : now
  return [
    { text: shortId(plainLine(job.ID)) },
    { text: job.Name === job.ID ? '' : shortName(plainLine(job.Name)) },
    { text: plainLine(job.Type) },
    { text: plainLine(state), paint: (text) => paintState(text, style) },
    // Whole seconds are calmer to look at; clocks of two machines differ.
    {
      text: formatSpan(Math.max(0, Math.floor((end - fromNanoseconds(job.CreateTime)) / 1_000) * 1_000)).replace(
        '0ms',
        '0s',
      ),
    },
    { text: progressOf(job) },
  ]
}

/** Columns that a name may take. */
const LONGEST_NAME = 24
const shortName = (name: string) => (name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME - 1)}…` : name)

/** Why it waits, how much of it is done, or what became of it. */
function progressOf({ State, Progress }: Job): string {
  const message = plainLine(State.Message ?? '')
  if (Progress === undefined || isFinalJobState(State.StateType)) return message
  const { Completed, Total } = Progress
  return `${bar(Total === 0 ? 0 : Completed / Total, 10)} ${message === '' ? `${Completed} of ${Total} done` : message}`
}
