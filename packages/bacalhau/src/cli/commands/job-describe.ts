import type { Execution, Job, JobHistory } from '@bacalhau/models'
import type { jobDescribeFlags } from '../catalogue/jobs.ts'
import type { Invocation } from '../command.ts'
import { connect } from '../connection.ts'
import { executionTable } from '../job/execution-table.ts'
import { historyTable } from '../job/history-table.ts'
import { shortId } from '../job/short-id.ts'
import { SHOWN_EXECUTIONS } from '../job/watch-job.ts'
import { isForPrograms, present } from '../present.ts'
import { sameNode } from '../settings.ts'
import { plainLine, plainText } from '../terminal/plain.ts'
import { paintState } from '../terminal/state.ts'
import type { Style } from '../terminal/style.ts'
import { formatFields } from '../terminal/table.ts'
import { formatAgo, formatMoment, fromNanoseconds } from '../terminal/time.ts'

export async function run({ args, flags, io, signal }: Invocation<typeof jobDescribeFlags>): Promise<number> {
  const [id = ''] = args
  const client = await connect(io, flags)
  const { namespace = 'default', version } = flags
  const options = { namespace, signal, ...(version === undefined ? {} : { version }) }
  const { Job } = await client.jobs.get(id, options)
  const type = Job.Count > SHOWN_EXECUTIONS ? 'job' : 'all'
  const [{ Items: events }, Executions] = await Promise.all([
    client.jobs.history(Job.ID, { ...options, type }),
    client.jobs.listExecutions(Job.ID, { ...options, limit: SHOWN_EXECUTIONS }),
  ])
  // The token of a history only says that more may come.
  const answer = { Job, History: { NextToken: '', Items: events }, Executions }
  await present(io, flags, answer, (style) => description(Job, Executions.Items, events, io.clock.now(), style))
  if (Executions.NextToken !== '' && !isForPrograms(flags)) {
    const token = plainLine(Executions.NextToken)
    const more = `bacalhau job executions ${shortId(Job.ID)} --next-token ${token}${sameNode(flags)}`
    await io.err.write(`There are more executions: ${more}\n`)
  }
  return 0
}

function description(
  job: Job,
  executions: readonly Execution[],
  events: readonly JobHistory[],
  now: number,
  style: Style,
): string {
  const section = (title: string, body: string) => (body === '' ? '' : `\n${style.bold(title)}\n${body}`)
  return [
    formatFields(fieldsOf(job, now, style)),
    section('Executions', executions.length === 0 ? '' : executionTable(executions, now, style)),
    section('History', events.length === 0 ? '' : historyTable(events)),
    ...outputOf(executions).map(([title, text]) => section(title, text)),
  ].join('')
}

function fieldsOf(job: Job, now: number, style: Style): (readonly [string, string])[] {
  const time = (nanoseconds: number) => {
    const moment = fromNanoseconds(nanoseconds)
    return `${formatMoment(moment)} UTC (${formatAgo(moment, now)})`
  }
  const { StateType, Message = '', Details = {} } = job.State
  const [task] = job.Tasks
  return [
    ['Job', job.ID],
    ...(job.Name === job.ID ? [] : [['Name', plainLine(job.Name)] as const]),
    ['Namespace', plainLine(job.Namespace)],
    ['State', paintState(StateType, style)],
    ...(Message === '' ? [] : [[StateType === 'Running' ? 'Progress' : 'Reason', plainLine(Message)] as const]),
    ...(Details['Hint'] === undefined ? [] : [['Hint', plainLine(Details['Hint'])] as const]),
    ['Type', isCounted(job) ? `${job.Type} of ${job.Count}` : job.Type],
    ['Engine', plainLine(task?.Engine.Type ?? '')],
    ['Publisher', plainLine(task?.Publisher.Type ?? '') || 'none'],
    ...(job.Version === 1 ? [] : [['Version', String(job.Version)] as const]),
    ...(job.Priority === 0 ? [] : [['Priority', String(job.Priority)] as const]),
    ['Created', time(job.CreateTime)],
    ['Modified', time(job.ModifyTime)],
  ]
}

const isCounted = ({ Type, Count }: Job) => (Type === 'batch' || Type === 'service') && Count > 1

/** The head of the output, where it is clear whose. */
function outputOf(executions: readonly Execution[]): [title: string, text: string][] {
  const [only, another] = executions.flatMap(({ RunOutput }) => RunOutput ?? [])
  if (only === undefined || another !== undefined) return []
  const part = (title: string, text: string, truncated: boolean): [string, string][] =>
    text === '' ? [] : [[truncated ? `${title} (the beginning)` : title, `${plainText(text).trimEnd()}\n`]]
  return [
    ...part('Standard output', only.Stdout, only.StdoutTruncated),
    ...part('Standard error', only.stderr, only.StderrTruncated),
  ]
}
