import type { ReportMessage, RunOutput, SpecConfig } from '@bacalhau/models'
import { LIMITS } from '../../../runtime/limits.ts'
import type { GoOutput, GoSpec } from '../wire/messages.ts'
import type { StorageB } from '../wire/messages-b.ts'

/** What a run has made, in our terms. */
export interface Made {
  readonly output: RunOutput | null
  readonly result: SpecConfig
}

/** Is a node without room for this now, and may have room later? */
export const isForWantOfRoom = (text: string): boolean => /does not have capacity|not enough capacity/i.test(text)

export function refusalOf(executionId: string, reason: string): ReportMessage {
  const later = isForWantOfRoom(reason)
  return { type: 'refused', executionId, reason: reason.slice(0, LIMITS.message) || 'the node gave no reason', later }
}

/** How it ended: by the node's clock, without a word that was heard, or with these words. */
export type Ending = 'timed out' | 'forgotten' | 'Completed' | 'Failed' | 'Cancelled' | { readonly error: string }

/** The last report of a run that did not complete, as far as is known here. */
export function failureOf(executionId: string, ending: Ending): ReportMessage {
  const failed = (code: string, message: string): ReportMessage => ({
    type: 'failed',
    executionId,
    code,
    message: message.slice(0, LIMITS.message),
  })
  if (typeof ending === 'object') {
    // A node that was restarted has lost what it ran, through no fault of the job.
    if (/canceling execution .*not found/.test(ending.error)) return failureOf(executionId, 'forgotten')
    return failed(codeOf(ending.error), ending.error || 'the node gave no reason')
  }
  switch (ending) {
    case 'timed out':
      return failed('ExecutionTimeout', 'Execution timed out: the node has stopped it.')
    case 'Failed':
      return failed('NodeLost', 'the run failed, and the report that said why was lost')
    case 'Completed':
      return lost(executionId, 'the run completed, and the report of what it made was lost')
    case 'Cancelled':
      return lost(executionId, 'the node has cancelled the run')
    case 'forgotten':
      return lost(executionId, 'the node was restarted and does not know the run any more')
  }
}

/** Counts as lost, not as failed: it is run again. */
const lost = (executionId: string, message: string): ReportMessage => ({ type: 'cancelled', executionId, message })

/** What went wrong, by the words in which the Go program says it. What it ran failed unless it says something else. */
function codeOf(error: string): string {
  if (error.startsWith('execution error')) return 'JobFailed'
  if (/publish/i.test(error)) return 'PublishFailed'
  return /storage|input|download/i.test(error) ? 'InputFailed' : 'JobFailed'
}

const HEAD = LIMITS.outputSummary

/**
 * The head of the output. Modules that simply return have the exit code -1 there, where they have 0 here: only what calls
 * `proc_exit` has a code, and no such code is negative.
 */
export function outputOf(output: GoOutput): RunOutput {
  const { Stdout, StdoutTruncated, stderr, StderrTruncated, ExitCode, ErrorMsg } = output
  return {
    Stdout: Stdout.slice(0, HEAD),
    StdoutTruncated: StdoutTruncated || Stdout.length > HEAD,
    stderr: stderr.slice(0, HEAD),
    StderrTruncated: StderrTruncated || stderr.length > HEAD,
    ExitCode: ExitCode === -1 && ErrorMsg === '' ? 0 : ExitCode,
    ErrorMsg: ErrorMsg.slice(0, LIMITS.message),
  }
}

/** What a node of v1.0.4 or later has published. `host`: where the node is seen from here. */
export function resultOf({ Type, Params }: GoSpec, host: string): SpecConfig {
  if (Type === '') return { Type: '' }
  if (Type.toLowerCase() !== 'urldownload' || Params === undefined) return withParams(Type, Params)
  const entries = Object.entries(Params).map(([key, value]) =>
    key.toLowerCase() === 'url' && typeof value === 'string'
      ? (['URL', reachable(value, host)] as const)
      : ([key, value] as const),
  )
  return withParams(Type, Object.fromEntries(entries))
}

/** The same of a node of v1.0.3. */
export function legacyResultOf({ StorageSource, CID, URL: url, S3 }: StorageB, host: string): SpecConfig {
  switch (StorageSource.toLowerCase()) {
    case 'ipfs':
    case 'estuary':
    case 'filecoin':
      return CID === '' ? { Type: '' } : { Type: 'ipfs', Params: { CID } }
    case 'urldownload':
      return { Type: 'urlDownload', Params: { URL: reachable(url, host) } }
    case 's3': {
      const { Bucket, Key, Region, Endpoint, VersionID, Checksum } = S3
      const params = { Bucket, Key, Region, Endpoint, VersionID, ChecksumSHA256: Checksum }
      return { Type: 's3', Params: Object.fromEntries(Object.entries(params).filter(([, value]) => value !== '')) }
    }
    default:
      return { Type: '' }
  }
}

/** No result has more to say. It is kept with the job, and a node can say what it likes. */
const [MOST_PARAMS, LONGEST_PARAM] = [32, 4_096]

function withParams(type: string, params: SpecConfig['Params'] = {}): SpecConfig {
  const said = Object.entries(params).filter(
    ([key, value]) => key.length <= 64 && typeof value === 'string' && value.length <= LONGEST_PARAM,
  )
  const Type = type.slice(0, 64)
  return said.length === 0 ? { Type } : { Type, Params: Object.fromEntries(said.slice(0, MOST_PARAMS)) }
}

/** What the Go program writes where it has found no address of its own, or one that only it can reach. */
const NOT_AN_ADDRESS = /^(?:public|private|any|local|localhost|0\.0\.0\.0|127\..*|\[::1?\])$/

/** A URL whose host is one of those is at the node itself. */
function reachable(text: string, host: string): string {
  if (!URL.canParse(text)) return text
  const url = new URL(text)
  if (!NOT_AN_ADDRESS.test(url.hostname) || host === '') return text
  url.hostname = host.includes(':') ? `[${host}]` : host
  return url.href
}
