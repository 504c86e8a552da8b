import { z } from 'zod'
import { apiErrorSchema } from './api.ts'
import { buildInfoSchema, MEMBERSHIPS, nodeInfoSchema } from './node-info.ts'
import { executionSchema, jobHistorySchema, jobSchema } from './records.ts'
import { specConfigSchema } from './spec-config.ts'

/** Answers of the REST API, for its reference. */

/** A page of a listing. */
export const pageOf = <T extends z.ZodType>(item: T) =>
  z.object({
    NextToken: z.string().describe('Continues the listing as `next_token`; empty at its end.'),
    Items: z.array(item),
  })

const warnings = z.array(z.string()).nullable().describe('What was set aside, one sentence each.')
const evaluation = z.string().describe('Expected by clients of the documented API; it leads nowhere.')

export const putJobAnswer = z.object({ JobID: z.string(), EvaluationID: evaluation, Warnings: warnings })
export const bulkAnswer = z.object({
  Items: z
    .array(z.union([putJobAnswer, z.object({ Error: apiErrorSchema })]))
    .describe('What became of each submission, in their order.'),
})
export const diffAnswer = z.object({
  Diff: z.string().describe('A line with `-` for each value that would go, one with `+` for each that would come.'),
  Warnings: warnings,
})
export const rerunAnswer = putJobAnswer.extend({ JobVersion: z.int().positive() })
export const stopAnswer = z.object({ EvaluationID: evaluation })
export const jobAnswer = z.object({
  Job: jobSchema,
  History: pageOf(jobHistorySchema).optional().describe('Where `include` asks for it.'),
  Executions: pageOf(executionSchema).optional().describe('Where `include` asks for it.'),
})
export const jobsAnswer = pageOf(jobSchema)
export const historyAnswer = pageOf(jobHistorySchema)
export const executionsAnswer = pageOf(executionSchema)
export const resultsAnswer = pageOf(specConfigSchema)

const time = z.string().describe('RFC 3339; the year 1 stands for never.')
const connection = z.enum(['CONNECTED', 'DISCONNECTED'])
export const nodeStateSchema = z.object({
  Info: nodeInfoSchema,
  Membership: z.enum(MEMBERSHIPS),
  Connection: connection,
  ConnectionState: z.object({
    Status: connection,
    LastHeartbeat: time,
    ConnectedSince: time,
    DisconnectedSince: time,
    LastError: z.string(),
  }),
})
export const nodeAnswer = z.object({ Node: nodeStateSchema })
export const nodesAnswer = z.object({ NextToken: z.string(), Nodes: z.array(nodeStateSchema) })
export const changeNodeAnswer = z.object({ Success: z.boolean(), Error: z.string().optional() })

export const aliveAnswer = z.object({ Status: z.literal('OK') })
export const readyAnswer = z.object({
  Status: z.enum(['OK', 'Unavailable']),
  Checks: z.array(z.object({ Name: z.string(), OK: z.boolean(), Message: z.string().optional() })).optional(),
})
export const versionAnswer = buildInfoSchema
/** What a Go node reads when it is given this API as the address of a peer. */
const peerInfo = z.object({ ID: z.string(), Addrs: z.array(z.string()) })
export const agentNodeAnswer = nodeInfoSchema
  .partial()
  .extend({
    NodeID: z.string(),
    PeerInfo: peerInfo,
    Approval: z.enum(MEMBERSHIPS).optional().describe('As release 1.2 has it.'),
    Info: nodeInfoSchema.extend({ PeerInfo: peerInfo }).optional().describe('The same as release 1.3 has it.'),
    Membership: z.enum(MEMBERSHIPS).optional(),
    Connection: connection.optional(),
  })
  .describe('Strangers are told `NodeID` and `PeerInfo` only.')

export const addedDataAnswer = z.object({
  CID: z.string(),
  Bytes: z.int().nonnegative().describe('Bytes of content.'),
  Files: z.int().nonnegative(),
})
export const entriesAnswer = pageOf(
  z.object({
    Name: z.string(),
    CID: z.string(),
    Bytes: z.int().nonnegative(),
    Type: z.enum(['file', 'directory', 'symlink']),
  }),
)
export const pinsAnswer = pageOf(z.string().describe('A CID.'))
export const unpinAnswer = z.object({ CID: z.string() })
export const collectAnswer = z.object({ Blocks: z.int().nonnegative(), Bytes: z.int().nonnegative() })
