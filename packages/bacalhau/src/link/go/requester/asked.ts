import { EXECUTION_STATES, type ReportMessage, reportMessageSchema, runOutputSchema } from '@bacalhau/models'
import { z } from 'zod'
import { LIMITS } from '../../../runtime/limits.ts'
import { failureOf, isForWantOfRoom, type Made, refusalOf } from './outcome.ts'

const PHASES = ['asking', 'bidding', 'accepting', 'running', 'publishing', 'stopping', 'over'] as const
export type Phase = (typeof PHASES)[number]

/**
 * One execution that a node of the Go program was asked to run: what is kept of it, durably.
 *
 * | phase      | what we wait for                                                       |
 * | ---------- | ---------------------------------------------------------------------- |
 * | asking     | the answer to the ask                                                  |
 * | bidding    | its bid                                                                |
 * | accepting  | the answer to our acceptance                                           |
 * | running    | the end of the run                                                     |
 * | publishing | the end of publishing, of a node of v1.0.3, which has to be told to    |
 * | stopping   | that it has stopped; nobody wants to hear of it any more               |
 * | over       | that the orchestrator has the last report                              |
 */
export const askedSchema = z.strictObject({
  peer: z.string(),
  jobId: z.string(),
  generation: z.enum(['b', 'c']),
  phase: z.enum(PHASES),
  /** Generation b: the head of the output, of a run that is being published. */
  output: runOutputSchema.nullable().optional(),
  /** Does it publish anything? Without, a run is complete when its output is here. */
  publishes: z.boolean(),
  /** A state in which the execution has ended, as the node named it once without having told of the end. */
  ended: z.string().optional(),
  /** The last that is said of it here. */
  report: reportMessageSchema.optional(),
})
export type Asked = z.infer<typeof askedSchema>

/** Why a call was refused, in the node's words; undefined where it was not. */
interface Answered {
  readonly error?: string | undefined
}

export type AskedEvent =
  /** Answers of the node to our calls. */
  | ({ readonly type: 'ask answered' } & Answered)
  | ({ readonly type: 'accept answered' } & Answered)
  | ({ readonly type: 'stop answered' } & Answered)
  | ({ readonly type: 'result answered' } & Answered)
  /** Callbacks. They come in any order, before the answers that they follow from, twice, or not at all. */
  | { readonly type: 'bid'; readonly accepted: boolean; readonly reason: string }
  | ({ readonly type: 'ran' } & Made)
  | { readonly type: 'published'; readonly result: Made['result'] }
  | { readonly type: 'stopped' }
  | { readonly type: 'failed'; readonly error: string }
  /** The orchestrator wants it no more. */
  | { readonly type: 'stop' }
  /** Nothing has been heard of it for a while. */
  | { readonly type: 'silence' }
  /** The ask did not reach the node, however often it was tried. */
  | { readonly type: 'not asked'; readonly reason: string }

export type Call = 'ask' | 'accept' | 'reject' | 'cancel' | 'accept result' | 'reject result'

export interface Step {
  /** Undefined: nothing of it needs to be known any more. */
  readonly next: Asked | undefined
  readonly call?: Call
  /** What the orchestrator is told; of the last report `next` keeps a copy. */
  readonly reports: readonly ReportMessage[]
}

/** What follows from `event`. Pure; whatever does not fit changes nothing. */
export function step(executionId: string, asked: Asked, event: AskedEvent): Step {
  if (asked.phase === 'over') return afterEnd(asked, event)
  if (asked.phase === 'stopping') return whileStopping(asked, event)
  const run = { executionId, asked }
  switch (event.type) {
    case 'ask answered':
      return onAskAnswered(run, event)
    case 'not asked':
      return asked.phase === 'asking' ? refuse(run, event.reason, true) : stay(asked)
    case 'bid':
      return onBid(run, event)
    case 'accept answered':
      return onAcceptAnswered(run, event)
    case 'ran':
      return onRan(run, event)
    case 'result answered':
      return event.error === undefined ? heard(asked) : onStateNamed(run, event.error)
    case 'published':
      return complete(run, { output: asked.output ?? null, result: event.result })
    case 'stopped':
      return conclude(run, failureOf(executionId, 'timed out'))
    case 'failed':
      return onFailed(run, event.error)
    case 'stop':
      return { next: { ...asked, phase: 'stopping' }, call: 'cancel', reports: [] }
    case 'silence':
      return onSilence(run)
    default:
      return stay(asked)
  }
}

/** What the orchestrator should know of it by now, for one that may not have heard it: saying it twice changes nothing. */
export function standing(executionId: string, { phase, report }: Asked): ReportMessage[] {
  if (phase === 'over') return report === undefined ? [] : [report]
  if (phase !== 'running' && phase !== 'publishing') return []
  const state = phase === 'running' ? EXECUTION_STATES.Running : EXECUTION_STATES.Publishing
  return [
    { type: 'accepted', executionId },
    { type: 'progress', executionId, state },
  ]
}

interface Run {
  readonly executionId: string
  readonly asked: Asked
}

const stay = (next: Asked): Step => ({ next, reports: [] })

/** The node says that all is well: what it named before does not count. */
function heard(asked: Asked): Step {
  return stay(asked.ended === undefined ? asked : withoutEnd(asked))
}

function withoutEnd(asked: Asked): Asked {
  const rest = { ...asked }
  delete rest.ended
  return rest
}

function conclude({ asked }: Run, report: ReportMessage, call?: Call): Step {
  const next: Asked = { ...asked, phase: 'over', report }
  return { next, reports: [report], ...(call === undefined ? {} : { call }) }
}

const refuse = (run: Run, reason: string, later: boolean): Step =>
  conclude(run, { type: 'refused', executionId: run.executionId, reason: reason.slice(0, LIMITS.message), later })

const complete = (run: Run, made: Made): Step =>
  conclude(run, { type: 'completed', executionId: run.executionId, ...made })

/** It has begun, or is about to: the node runs it as soon as it has room. */
function begin(
  { executionId, asked }: Run,
  phase: 'running' | 'publishing' = 'running',
  output?: Made['output'],
): Step {
  const rest = withoutEnd(asked)
  const known = asked.phase === 'running'
  const state = phase === 'running' ? EXECUTION_STATES.Running : EXECUTION_STATES.Publishing
  return {
    next: { ...rest, phase, ...(output === undefined ? {} : { output }) },
    reports: [
      ...(known ? [] : [{ type: 'accepted', executionId } as const]),
      ...(known && phase === 'running' ? [] : [{ type: 'progress', executionId, state } as const]),
    ],
    ...(phase === 'publishing' ? { call: 'accept result' } : {}),
  }
}

function onAskAnswered(run: Run, { error }: Answered): Step {
  if (run.asked.phase !== 'asking') return stay(run.asked)
  if (error !== undefined) return refuse(run, error, true)
  return stay({ ...run.asked, phase: 'bidding' })
}

function onBid(run: Run, { accepted, reason }: Extract<AskedEvent, { type: 'bid' }>): Step {
  const { asked } = run
  if (asked.phase !== 'asking' && asked.phase !== 'bidding') return stay(asked)
  if (!accepted) return conclude(run, refusalOf(run.executionId, reason))
  return { next: { ...asked, phase: 'accepting' }, call: 'accept', reports: [] }
}

/** Accepting a bid once more does no harm, and the refusal names the state in which the execution is. */
function onAcceptAnswered(run: Run, { error }: Answered): Step {
  const { asked } = run
  if (error === undefined) return asked.phase === 'publishing' ? heard(asked) : begin(run)
  if (isForWantOfRoom(error)) return asked.phase === 'accepting' ? refuse(run, error, true) : stay(asked)
  return onStateNamed(run, error)
}

/** Before its bid a node need not know of an execution. */
const MAY_BE_UNKNOWN: readonly Phase[] = ['asking', 'bidding']

function onStateNamed(run: Run, error: string): Step {
  const { asked, executionId } = run
  const state = /is in state (\w+)/.exec(error)?.[1]
  if (state === undefined) {
    if (MAY_BE_UNKNOWN.includes(asked.phase)) return stay(asked)
    if (asked.phase === 'accepting') return refuse(run, error, true)
    return /not found/.test(error) ? conclude(run, failureOf(executionId, 'forgotten')) : stay(asked)
  }
  if (state === 'WaitingVerification')
    return asked.phase === 'publishing' ? heard(asked) : begin(run, 'publishing', null)
  if (state !== 'Completed' && state !== 'Failed' && state !== 'Cancelled')
    return asked.phase === 'publishing' ? heard(asked) : begin(run)
  // Its callback may be on the way: only what is named twice counts.
  if (asked.ended === undefined) return stay({ ...asked, ended: state })
  if (state === 'Completed' && asked.output && !asked.publishes)
    return complete(run, { output: asked.output, result: { Type: '' } })
  return conclude(run, failureOf(executionId, state))
}

function onRan(run: Run, { output, result }: Made): Step {
  if (run.asked.generation === 'c') return complete(run, { output, result })
  return run.asked.phase === 'publishing' ? stay(run.asked) : begin(run, 'publishing', output)
}

function onFailed(run: Run, error: string): Step {
  const { phase } = run.asked
  const unstarted = phase === 'asking' || phase === 'bidding' || phase === 'accepting'
  const rejected = /^Job rejected: (.*)$/s.exec(error)?.[1]
  if (unstarted && rejected !== undefined) return conclude(run, refusalOf(run.executionId, rejected))
  // A node that had no room for what it had bid on says so twice, as an answer and as a failure.
  if (isForWantOfRoom(error))
    return unstarted ? refuse(run, error, true) : conclude(run, failureOf(run.executionId, 'forgotten'))
  return conclude(run, failureOf(run.executionId, { error }))
}

const PROBES: Readonly<Record<Exclude<Phase, 'stopping' | 'over'>, Call | undefined>> = {
  asking: undefined,
  // Accepts a bid that got lost on the way.
  bidding: 'accept',
  accepting: 'accept',
  running: 'accept',
  publishing: 'accept result',
}

function onSilence({ asked }: Run): Step {
  const call = asked.phase === 'stopping' || asked.phase === 'over' ? undefined : PROBES[asked.phase]
  return { next: asked, reports: [], ...(call === undefined ? {} : { call }) }
}

/** A bid that comes late is rejected, so that the node does not keep room for it. */
function whileStopping(asked: Asked, event: AskedEvent): Step {
  switch (event.type) {
    case 'bid':
      return event.accepted ? { next: asked, call: 'reject', reports: [] } : { next: undefined, reports: [] }
    case 'ran':
      return { next: undefined, reports: [], ...(asked.generation === 'b' ? { call: 'reject result' } : {}) }
    case 'published':
    case 'failed':
    case 'stopped':
    case 'not asked':
      return { next: undefined, reports: [] }
    case 'stop answered':
      // One that it does not know yet, it may still bid on; silence will ask again.
      if (event.error !== undefined && /not found/.test(event.error) && asked.ended === undefined)
        return stay({ ...asked, ended: 'Unknown' })
      return { next: undefined, reports: [] }
    case 'silence':
      return { next: asked, call: 'cancel', reports: [] }
    default:
      return stay(asked)
  }
}

function afterEnd(asked: Asked, event: AskedEvent): Step {
  const given = asked.report?.type !== 'completed'
  if (event.type === 'bid' && event.accepted && given) return { next: asked, call: 'reject', reports: [] }
  if (event.type === 'ran' && asked.generation === 'b' && given)
    return { next: asked, call: 'reject result', reports: [] }
  return stay(asked)
}
