import { type Execution, executionStateName, type ExecutionState, type Job, type JobHistory } from '@bacalhau/models'
import type { jobDescribeFlags } from '../catalogue/jobs.ts'
import type { Invocation } from '../command.ts'
import { connect } from '../connection.ts'
import type { Io } from '../io.ts'
import { DESCRIBED_EXECUTION_COLUMNS } from '../job/execution-table.ts'
import { DESCRIBED_HISTORY_COLUMNS } from '../job/history-table.ts'
import { labelsText } from '../job/labels-text.ts'
import { shortId } from '../job/short-id.ts'
import { SHOWN_EXECUTIONS } from '../job/watch-job.ts'
import { isForPrograms, present, type PrintFlags } from '../present.ts'
import { type TableColumn, tableText } from '../present-table.ts'
import { sameNode } from '../settings.ts'
import { plainLine, plainText } from '../terminal/plain.ts'
import { paintState } from '../terminal/state.ts'
import { type Style, styleFor } from '../terminal/style.ts'
import { formatFields } from '../terminal/table.ts'
import { formatAgo, formatMoment, fromNanoseconds } from '../terminal/time.ts'

/** Executions whose events are shown one by one. */
const TOLD_EXECUTIONS = 5

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
  await present(io, flags, answer, () => description(Job, Executions.Items, events, flags, io))
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
  flags: PrintFlags,
  io: Io,
): string {
  const style = styleFor(io.out, io.env, flags['no-color'])
  const section = (title: string, body: string) => (body === '' ? '' : `\n${style.bold(title)}\n${body}`)
  const table = <T>(rows: readonly T[], columns: readonly TableColumn<T>[]) =>
    rows.length === 0
      ? ''
      : tableText(rows, columns, { ...flags, wide: false, 'hide-header': false, 'no-style': false }, io)
  const told = executions.length > TOLD_EXECUTIONS ? [] : executions
  return [
    equations(fieldsOf(job, io.clock.now(), style)),
    section('Summary', equations(summaryOf(executions))),
    section(
      'Job History',
      table(
        events.filter(({ ExecutionID }) => ExecutionID === undefined),
        DESCRIBED_HISTORY_COLUMNS,
      ),
    ),
    section('Executions', table(executions, DESCRIBED_EXECUTION_COLUMNS)),
    ...told.map(({ ID }) => {
      const own = events.filter(({ ExecutionID }) => ExecutionID === ID)
      return section(`Execution ${shortId(ID)} History`, table(own, DESCRIBED_HISTORY_COLUMNS))
    }),
    ...outputOf(executions).map(([title, text]) => section(title, text)),
  ].join('')
}

const equations = (fields: readonly (readonly [name: string, value: string])[]) =>
  formatFields(
    fields.map(([name, value]) => [name, `= ${value}`.trimEnd()]),
    ' ',
  )

/** How many executions are in each state. */
function summaryOf(executions: readonly Execution[]): [state: string, count: string][] {
  const counts = new Map<string, number>()
  for (const { ComputeState } of executions) {
    const name = executionStateName(ComputeState.StateType as ExecutionState)
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  return [...counts].map(([name, count]) => [name, String(count)])
}

function fieldsOf(job: Job, now: number, style: Style): (readonly [string, string])[] {
  const time = (nanoseconds: number) => {
    const moment = fromNanoseconds(nanoseconds)
    return `${formatMoment(moment)} UTC (${formatAgo(moment, now)})`
  }
  const { StateType, Message = '', Details = {} } = job.State
  const [task] = job.Tasks
  return [
    ['ID', job.ID],
    ['Name', plainLine(job.Name)],
    ['Namespace', plainLine(job.Namespace)],
    ['Type', job.Type],
    ['State', paintState(StateType, style)],
    ['Message', plainLine(Message)],
    ...(Details['Hint'] === undefined ? [] : [['Hint', plainLine(Details['Hint'])] as const]),
    ...(job.Type === 'batch' || job.Type === 'service' ? [['Count', String(job.Count)] as const] : []),
    ['Engine', plainLine(task?.Engine.Type ?? '')],
    ['Publisher', plainLine(task?.Publisher.Type ?? '') || 'none'],
    ...(job.Priority === 0 ? [] : [['Priority', String(job.Priority)] as const]),
    ...(Object.keys(job.Labels).length === 0 ? [] : [['Labels', labelsText(job.Labels)] as const]),
    ['Created Time', time(job.CreateTime)],
    ['Modified Time', time(job.ModifyTime)],
    ['Version', String(job.Version)],
  ]
}

/** The head of the output, where it is clear whose. */
function outputOf(executions: readonly Execution[]): [title: string, text: string][] {
  const [only, another] = executions.flatMap(({ RunOutput }) => RunOutput ?? [])
  if (only === undefined || another !== undefined) return []
  const part = (title: string, text: string, truncated: boolean): [string, string][] =>
    text === '' ? [] : [[truncated ? `${title} (the beginning)` : title, `${plainText(text).trimEnd()}\n`]]
  return [
    ...part('Standard Output', only.Stdout, only.StdoutTruncated),
    ...part('Standard Error', only.stderr, only.StderrTruncated),
  ]
}
