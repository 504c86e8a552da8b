import type { Execution, Job, JobHistory } from '@bacalhau/models'
import type { jobDescribeFlags } from '../catalogue/jobs.ts'
import type { Invocation } from '../command.ts'
import { connect } from '../connection.ts'
import { executionTable } from '../job/execution-table.ts'
import { historyTable } from '../job/history-table.ts'
import { present } from '../present.ts'
import { plainLine, plainText } from '../terminal/plain.ts'
import { paintState } from '../terminal/state.ts'
import type { Style } from '../terminal/style.ts'
import { formatFields } from '../terminal/table.ts'
import { formatAgo, formatMoment, fromNanoseconds } from '../terminal/time.ts'

export async function run({ args, flags, io, signal }: Invocation<typeof jobDescribeFlags>): Promise<number> {
  const [id = ''] = args
  const client = await connect(io, flags)
  const namespace = flags.namespace === undefined ? {} : { namespace: flags.namespace }
  const answer = await client.jobs.get(id, { ...namespace, include: ['history', 'executions'], signal })
  await present(io, flags, answer, (style) => {
    const [executions, events] = [answer.Executions?.Items ?? [], answer.History?.Items ?? []]
    return description(answer.Job, executions, events, io.clock.now(), style)
  })
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
    ...(Message === '' ? [] : [['Reason', plainLine(Message)] as const]),
    ...(Details['Hint'] === undefined ? [] : [['Hint', plainLine(Details['Hint'])] as const]),
    ['Type', job.Type === 'batch' && job.Count > 1 ? `batch of ${job.Count}` : job.Type],
    ['Engine', plainLine(task?.Engine.Type ?? '')],
    ['Publisher', plainLine(task?.Publisher.Type ?? '') || 'none'],
    ['Created', time(job.CreateTime)],
    ['Modified', time(job.ModifyTime)],
  ]
}

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
