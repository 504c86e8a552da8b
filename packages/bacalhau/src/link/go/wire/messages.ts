import { z } from 'zod'
import { goFlag, goName, goObject, goText, goWhole } from './go-json.ts'

/**
 * What requesters and compute nodes of the Go releases 1.0.4 to 1.3.1 say to each other. The schemas read as Go reads; whoever
 * writes a message writes its fields in the order in which they stand here. Format: recorded messages of those releases.
 */

/** Who speaks, and to whom: peer IDs. Go believes them; here the connection has to agree. */
export const routing = { SourcePeerID: goName, TargetPeerID: goName }
export interface Routing {
  readonly SourcePeerID: string
  readonly TargetPeerID: string
}

const execution = { ...routing, ExecutionID: goName }
const callback = { ...execution, JobID: goName }

const specSchema = goObject({ Type: goText, Params: z.record(z.string(), z.unknown()).optional() })
export type GoSpec = z.output<typeof specSchema>

/** The ask of both generations: before release 1.0.4 the job stands beside the names, from then on within an execution. */
export const askForBidSchema = goObject({
  ...routing,
  ExecutionID: goName,
  JobID: goName,
  Job: z.unknown().optional(),
  Execution: goObject({ ID: goName, JobID: goName, Job: z.unknown().optional() }),
  WaitForApproval: goFlag,
})
export type AskForBid = z.output<typeof askForBidSchema>

/** `Accepted` means nothing: the releases always send `false`. */
export const bidAcceptedSchema = goObject({ ...execution, Accepted: goFlag, Justification: goText })
/** For bid_rejected, cancel, result_accepted and result_rejected. */
export const orderSchema = goObject({ ...execution, Justification: goText })
export const executionLogsSchema = goObject({ ...execution, Tail: goFlag, Follow: goFlag })

/** The answer of every call but those about logs. */
export const executionResponseSchema = goObject({ ExecutionID: goName, JobID: goName })
export type ExecutionResponse = z.output<typeof executionResponseSchema>
export const NO_EXECUTION: ExecutionResponse = { ExecutionID: '', JobID: '' }

/** The head of the output. Both generations are read; they differ in case, and in the name of the error. */
const outputSchema = goObject({
  Stdout: goText,
  StdoutTruncated: goFlag,
  stderr: goText,
  StderrTruncated: goFlag,
  ExitCode: goWhole,
  ErrorMsg: goText,
  runnerError: goText,
})
export type GoOutput = Omit<z.output<typeof outputSchema>, 'runnerError'>

export const onBidCompleteSchema = goObject({ ...callback, Accepted: goFlag, Reason: goText })
export const onRunCompleteSchema = goObject({
  ...callback,
  PublishResult: specSchema,
  /** Only before release 1.0.4. */
  ResultProposal: goText,
  RunCommandResult: outputSchema,
})
export const onCancelCompleteSchema = goObject(callback)
export const onComputeFailureSchema = goObject({ ...callback, Err: goText })

/** One entry of a stream of output: 1 standard output, 2 standard error; 0 with an error. */
export const logEntrySchema = goObject({ error: goText, value: goObject({ Type: goWhole, Line: goText }) })
