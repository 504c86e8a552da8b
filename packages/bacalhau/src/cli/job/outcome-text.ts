import { isFinalJobState } from '@bacalhau/models'
import { BacalhauError } from '../../runtime/error.ts'
import { plainLine, plainText } from '../terminal/plain.ts'
import type { Style } from '../terminal/style.ts'
import { formatFields, indented } from '../terminal/table.ts'
import { formatSpan, fromNanoseconds } from '../terminal/time.ts'
import { resultsOf } from './results.ts'
import { shortId } from './short-id.ts'
import type { Snapshot } from './watch-job.ts'

/** More executions than this are counted instead of shown. */
const SHOWN = 10

/** What became of a job that has ended, for people: results, exit codes, the head of its output. */
export function outcomeText(snapshot: Snapshot, withOutput: boolean, style: Style): string {
  const { job } = snapshot
  const state = job.State.StateType
  if (!isFinalJobState(state)) return `Job ${shortId(job.ID)} is ${state.toLowerCase()}.\n`
  // A job that is run again keeps the time at which it was made.
  const span = job.Version > 1 ? '' : ` after ${formatSpan(fromNanoseconds(job.ModifyTime - job.CreateTime))}`
  const paint = state === 'Completed' ? style.green : style.red
  const headline = `Job ${shortId(job.ID)} ${paint(state.toLowerCase())}${span}.\n`
  return headline + indented(formatFields(fieldsOf(snapshot))) + (withOutput ? outputText(snapshot, style) : '')
}

function fieldsOf(snapshot: Snapshot): (readonly [name: string, value: string])[] {
  const { job, executions, more } = snapshot
  const results = resultsOf(snapshot)
  const codes = new Set(executions.flatMap(({ RunOutput }) => RunOutput?.ExitCode ?? []))
  const nodes = new Set(executions.map(({ NodeID }) => shortId(NodeID)))
  const rest = `and ${more ? '' : `${results.length - SHOWN} `}more: bacalhau job executions ${shortId(job.ID)}`
  const ofSome = more ? ` (of the first ${executions.length} executions)` : ''
  return [
    ...results
      .slice(0, SHOWN)
      .map(({ cid, partial }) => [partial ? 'Partial result' : 'Result', plainLine(cid)] as const),
    ...(results.length > SHOWN ? [['', rest] as const] : []),
    ...(codes.size > 0 ? [['Exit code', [...codes].join(', ') + ofSome] as const] : []),
    ...(nodes.size > 0 ? [['Node', [...nodes].slice(0, SHOWN).join(', ')] as const] : []),
  ]
}

function outputText({ executions }: Snapshot, style: Style): string {
  const [only, another] = executions.filter(({ RunOutput }) => RunOutput !== null)
  if (only?.RunOutput == null || another !== undefined) return ''
  const { Stdout, StdoutTruncated, stderr, StderrTruncated } = only.RunOutput
  const part = (title: string, text: string, truncated: boolean) =>
    text === '' ? '' : `\n${style.dim(truncated ? `${title} (the beginning)` : title)}\n${plainText(text).trimEnd()}\n`
  return part('Standard output', Stdout, StdoutTruncated) + part('Standard error', stderr, StderrTruncated)
}

/** Commands that are useful after a job, in the words that scripts look for. `flags` name the node that has it. */
export function nextSteps(snapshot: Snapshot, flags: string): string {
  const { ID, State } = snapshot.job
  const [result] = resultsOf(snapshot)
  const steps: (readonly [what: string, command: string])[] = [
    ['To get more details about the run, execute:', `job describe ${ID}`],
    ['To get more details about the run executions, execute:', `job executions ${ID}`],
  ]
  if (!isFinalJobState(State.StateType)) {
    steps.push(['To watch its output, execute:', `job logs --follow ${ID}`], ['To stop it, execute:', `job stop ${ID}`])
  }
  if (result !== undefined) steps.push(['To download the results, execute:', `job get ${ID}`])
  return steps.map(([what, command]) => `\n${what}\n\tbacalhau ${command}${flags}\n`).join('')
}

/** The error of a job that has ended otherwise than well, undefined for any other. */
export function failureOf({ job }: Snapshot): BacalhauError | undefined {
  const { StateType, Message = '', Details = {} } = job.State
  if (StateType === 'Completed' || !isFinalJobState(StateType)) return undefined
  const words = `job ${shortId(job.ID)} ${StateType === 'Stopped' ? 'was stopped' : 'failed'}`
  const hint =
    Details['Hint'] ?? `See \`bacalhau job describe ${shortId(job.ID)}\` and \`bacalhau job logs ${shortId(job.ID)}\`.`
  return new BacalhauError('JobFailed', Message === '' ? words : `${words}: ${Message}`, { hint })
}
