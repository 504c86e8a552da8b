import type { Client } from '@bacalhau/client'
import type { Job } from '@bacalhau/models'
import type { Io } from '../io.ts'
import { pause } from '../pause.ts'
import { plainLine } from '../terminal/plain.ts'
import { type Picture, showScreen } from '../terminal/screen.ts'
import type { Style } from '../terminal/style.ts'
import { fitWidth } from '../terminal/width.ts'
import { headline } from './headline.ts'
import { steadily } from './steady.ts'

export interface WatchedList {
  readonly client: Client
  readonly io: Io
  readonly signal: AbortSignal
  /** Of the jobs that are listed, if it is only one. */
  readonly namespace: string | undefined
  /** The jobs as they are now. */
  readonly list: (signal: AbortSignal) => Promise<readonly Job[]>
}

/** Milliseconds between two pictures on a screen. */
const INTERVAL = 2_000
/** Milliseconds between two looks at what changes fast. */
const REST = 200

/** Shows the list on the whole screen until a key ends it. `table` makes lines without colours. */
export async function watchOnScreen(
  list: WatchedList,
  table: (jobs: readonly Job[]) => string,
  style: Style,
): Promise<void> {
  const { io, signal } = list
  const load = steadily(async (stop): Promise<Picture> => {
    const jobs = await list.list(stop)
    const [header = '', ...lines] = table(jobs).trimEnd().split('\n')
    const now = io.clock.now()
    return (columns) => [
      ...headline(`${jobs.length} ${jobs.length === 1 ? 'job' : 'jobs'}`, now, columns, style),
      style.dim(fitWidth(header, columns)),
      ...lines.map((line) => fitWidth(line, columns)),
    ]
  }, style)
  await showScreen({ io, interval: INTERVAL, load, signal })
}

/** Calls `tell` with the jobs of the list, and then with those that have changed, for ever. */
export async function watchChanges(
  { client, io, signal, namespace, list }: WatchedList,
  tell: (changed: readonly Job[], all: readonly Job[]) => Promise<void>,
): Promise<void> {
  const known = new Map<string, string>()
  const onLost = (error: Error) => void tellLost(io, error)
  const options = { signal, onLost, ...(namespace === undefined ? {} : { namespace }) }
  for await (const { type } of client.jobs.events(options)) {
    if (type === 'history') continue
    const all = await list(signal)
    const changed = all.filter((job) => known.get(job.ID) !== lookOf(job))
    for (const job of changed) known.set(job.ID, lookOf(job))
    if (changed.length > 0) await tell(changed, all)
    // What happens meanwhile is told as one change.
    await pause(REST, signal)
  }
}

async function tellLost({ err }: Io, { message }: Error): Promise<void> {
  // A reader that went away is noticed by the next job.
  await err.write(`The connection is lost (${plainLine(message)}); trying again.\n`).catch(() => {})
}

const lookOf = ({ Revision, State, Progress }: Job) => JSON.stringify([Revision, State, Progress])
