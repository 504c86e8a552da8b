import type { FinalReport, RunOutput, SpecConfig } from '@bacalhau/models'
import { olderArchiveUrl } from '../wire/archive-url.ts'
import type { GoOutput, GoSpec } from '../wire/messages.ts'
import { GO_PROTOCOLS } from '../wire/protocols.ts'
import type { Taken } from './taken.ts'

/** Something to tell a requester. */
export interface Callback {
  readonly protocol: string
  readonly message: object
}

/** What every callback begins with: about which execution, from whom, to whom. */
export interface About {
  readonly executionId: string
  readonly taken: Pick<Taken, 'requester' | 'jobId' | 'generation'>
  /** Peer ID of this node. */
  readonly self: string
}

const head = ({ executionId, taken, self }: About) => ({
  SourcePeerID: self,
  TargetPeerID: taken.requester,
  ExecutionID: executionId,
  JobID: taken.jobId,
})

/** `reason`: why not; undefined for a bid. */
export const bid = (about: About, reason: string | undefined): Callback => ({
  protocol: GO_PROTOCOLS.onBidComplete,
  message: { ...head(about), Accepted: reason === undefined, Reason: reason ?? '' },
})

export const failure = (about: About, why: string): Callback => ({
  protocol: GO_PROTOCOLS.onComputeFailure,
  message: { ...head(about), Err: why },
})

export const cancelled = (about: About): Callback => ({
  protocol: GO_PROTOCOLS.onCancelComplete,
  message: head(about),
})

const NO_OUTPUT: RunOutput = {
  Stdout: '',
  StdoutTruncated: false,
  stderr: '',
  StderrTruncated: false,
  ExitCode: 0,
  ErrorMsg: '',
}

export function completed(about: About, { output, result }: Extract<FinalReport, { type: 'completed' }>): Callback {
  const { Stdout, StdoutTruncated, stderr, StderrTruncated, ExitCode, ErrorMsg } = output ?? NO_OUTPUT
  const c: GoOutput = { Stdout, StdoutTruncated, stderr, StderrTruncated, ExitCode, ErrorMsg }
  const b = {
    stdout: Stdout,
    stdouttruncated: StdoutTruncated,
    stderr,
    stderrtruncated: StderrTruncated,
    exitCode: ExitCode,
    runnerError: ErrorMsg,
  }
  const outcome =
    about.taken.generation === 'c'
      ? { PublishResult: resultOf(result), RunCommandResult: c }
      : { ResultProposal: '', RunCommandResult: b }
  return { protocol: GO_PROTOCOLS.onRunComplete, message: { ...head(about), ...outcome } }
}

export const published = (about: About, result: SpecConfig): Callback => ({
  protocol: GO_PROTOCOLS.onPublishComplete,
  message: { ...head(about), PublishResult: storageOf(result) },
})

const textIn = ({ Params = {} }: SpecConfig, name: string): string => {
  const value = Params[name]
  return typeof value === 'string' ? value : ''
}

const S3_FIELDS = ['Bucket', 'Key', 'Filter', 'Region', 'Endpoint', 'VersionID', 'ChecksumSHA256'] as const

/** Where results lie, in one of the three ways that the releases know. Any other word would break their lists of results. */
export function resultOf(result: SpecConfig): GoSpec {
  switch (result.Type.toLowerCase()) {
    case 'ipfs':
      return { Type: 'ipfs', Params: { CID: textIn(result, 'CID') } }
    case 'local':
    case 'urldownload':
      return { Type: 'urlDownload', Params: { URL: olderArchiveUrl(textIn(result, 'URL')) } }
    case 's3':
      return { Type: 's3', Params: Object.fromEntries(S3_FIELDS.map((name) => [name, textIn(result, name)])) }
    default:
      return { Type: '' }
  }
}

/** The same before release 1.0.4. Empty texts were left out there. */
export function storageOf(result: SpecConfig): object {
  const { Type, Params = {} } = resultOf(result)
  const at = (name: string) => textIn({ Type, Params }, name)
  switch (Type) {
    case 'ipfs':
      return { StorageSource: 'IPFS', Name: `ipfs://${at('CID')}`, CID: at('CID') }
    case 'urlDownload':
      return { StorageSource: 'URLDownload', Name: at('URL'), URL: at('URL') }
    case 's3': {
      const { Bucket, Key, Endpoint, VersionID, Region } = Params as Readonly<Record<string, string>>
      const S3 = { Bucket, Key, Checksum: at('ChecksumSHA256'), VersionID, Endpoint, Region }
      return {
        StorageSource: 'S3',
        Name: `s3://${at('Bucket')}/${at('Key')}`,
        S3: Object.fromEntries(Object.entries(S3).filter(([, value]) => value !== '')),
      }
    }
    default:
      return {}
  }
}

/** An end that is none of the two good ones, in one sentence. */
export function wordsOf({ message, hint }: Extract<FinalReport, { type: 'failed' }>): string {
  return hint === undefined ? message : `${message} (${hint})`
}
