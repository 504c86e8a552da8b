import { BacalhauError } from '../../runtime/error.ts'
import { plainText } from '../terminal/plain.ts'
import type { Style } from '../terminal/style.ts'
import { formatFields } from '../terminal/table.ts'
import { formatSpan, fromNanoseconds } from '../terminal/time.ts'
import { resultsOf } from './results.ts'
import { shortId } from './short-id.ts'
import type { Snapshot } from './watch-job.ts'

/** More executions than this are counted instead of shown. */
const SHOWN = 10

/** What became of a job that has ended, for people: results, exit codes, the head of its output. */
export function outcomeText(snapshot: Snapshot, withOutput: boolean, style: Style): string {
  const { job, executions } = snapshot
  const span = formatSpan(fromNanoseconds(job.ModifyTime - job.CreateTime))
  const state = job.State.StateType
  const paint = state === 'Completed' ? style.green : style.red
  const results = resultsOf(snapshot)
  const fields = results.slice(0, SHOWN).map(({ cid, partial }): readonly [string, string] => {
    return [partial ? 'Partial result' : 'Result', cid]
  })
  if (results.length > SHOWN)
    fields.push(['', `and ${results.length - SHOWN} more: bacalhau job executions ${shortId(job.ID)}`])
  const codes = [...new Set(executions.flatMap(({ RunOutput }) => RunOutput?.ExitCode ?? []))]
  if (codes.length > 0) fields.push(['Exit code', codes.join(', ')])
  const nodes = [...new Set(executions.map(({ NodeID }) => shortId(NodeID)))]
  if (nodes.length > 0) fields.push(['Node', nodes.slice(0, SHOWN).join(', ')])
  const headline = `Job ${shortId(job.ID)} ${paint(state.toLowerCase())} after ${span}.\n`
  return (
    headline +
    formatFields(fields).replaceAll(/^/gm, '  ').trimEnd() +
    '\n' +
    (withOutput ? outputText(snapshot, style) : '')
  )
}

function outputText({ executions }: Snapshot, style: Style): string {
  const [only, another] = executions.filter(({ RunOutput }) => RunOutput !== null)
  if (only?.RunOutput == null || another !== undefined) return ''
  const { Stdout, StdoutTruncated, stderr, StderrTruncated } = only.RunOutput
  const part = (title: string, text: string, truncated: boolean) =>
    text === '' ? '' : `\n${style.dim(truncated ? `${title} (the beginning)` : title)}\n${plainText(text).trimEnd()}\n`
  return part('Standard output', Stdout, StdoutTruncated) + part('Standard error', stderr, StderrTruncated)
}

/** Commands that are useful after a job, with what each does. */
export function nextSteps(snapshot: Snapshot, style: Style): string {
  const id = shortId(snapshot.job.ID)
  const [result] = resultsOf(snapshot)
  const steps: (readonly [string, string])[] = [[`bacalhau job describe ${id}`, 'what happened, step by step']]
  if (result !== undefined) {
    steps.unshift([`bacalhau job get ${id}`, 'fetch the results'], [`bacalhau data ls ${result.cid}`, 'look into them'])
  }
  return `\n${style.dim('Next')}\n${formatFields(steps).replaceAll(/^(?=.)/gm, '  ')}`
}

/** The error of a job that has ended otherwise than well, undefined for one that completed. */
export function failureOf({ job }: Snapshot): BacalhauError | undefined {
  const { StateType, Message = '', Details = {} } = job.State
  if (StateType === 'Completed') return undefined
  const words = `job ${shortId(job.ID)} ${StateType === 'Stopped' ? 'was stopped' : 'failed'}`
  const hint =
    Details['Hint'] ?? `See \`bacalhau job describe ${shortId(job.ID)}\` and \`bacalhau job logs ${shortId(job.ID)}\`.`
  return new BacalhauError('JobFailed', Message === '' ? words : `${words}: ${Message}`, { hint })
}
