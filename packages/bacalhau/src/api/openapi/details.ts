import {
  addedDataAnswer,
  agentNodeAnswer,
  aliveAnswer,
  bulkAnswer,
  changeNodeAnswer,
  collectAnswer,
  diffAnswer,
  entriesAnswer,
  executionsAnswer,
  historyAnswer,
  jobAnswer,
  jobsAnswer,
  MAX_BULK,
  nodeAnswer,
  nodesAnswer,
  peerResponseSchema,
  pinsAnswer,
  putJobAnswer,
  readyAnswer,
  rerunAnswer,
  resultsAnswer,
  stopAnswer,
  unpinAnswer,
  versionAnswer,
} from '@bacalhau/models'
import { z } from 'zod'
import { jobSpec } from './job-spec.ts'

/** What the reference says of an operation beside what its declaration says. */
export interface Detail {
  readonly description?: string
  readonly answer?: z.ZodType
  /** In the place of the declared one, where that leaves the checking to somebody else. */
  readonly body?: z.ZodType
  readonly headers?: z.ZodObject
  /** Parameters of the path that are not just any text. */
  readonly path?: Readonly<Record<string, z.ZodType>>
  /** Parameters of the query without which it does nothing. */
  readonly required?: Readonly<Record<string, z.ZodType>>
  /** Statuses that it may answer with beside those of its kind. */
  readonly errors?: readonly number[]
  /** What it answers with 503 instead of an error. */
  readonly unready?: z.ZodType
  /** It answers with 101 and goes on as a WebSocket. */
  readonly socket?: true
}

/** As people write them; of those that look so not every one is a CID. */
const cid = z.string().regex(/^(?:Qm[1-9A-HJ-NP-Za-km-z]{44}|b[a-z2-7]{58,})$/)
const cidPath = cid.describe('A CID, and perhaps a path below it.')

const envelope = {
  Namespace: z.string().max(255).optional().describe('For a job that names none.'),
  Force: z.boolean().optional().describe('Make a new version also where nothing differs.'),
}
const submission = z.object({
  Job: jobSpec,
  ...envelope,
  IdempotencyToken: z.string().max(255).optional().describe('The same as the header Idempotency-Key.'),
})
const idempotency = z.object({
  'Idempotency-Key': z
    .string()
    // An empty one is none.
    .regex(/^[\x21-\x7e]{0,255}$/)
    .optional()
    .describe('The same submission under the same key counts once in 24 hours, and is answered as the first time.'),
})

const JOBS = '/api/v1/orchestrator/jobs'
const NODES = '/api/v1/orchestrator/nodes'
const submit: Detail = {
  description: 'A job with the name of one that is there becomes its next version.',
  body: submission,
  headers: idempotency,
  answer: putJobAnswer,
  errors: [409, 422, 507],
}
const upload: Detail = {
  description: 'The body is the file; with the content type application/x-tar it is an archive of a folder.',
  answer: addedDataAnswer,
  errors: [422, 507],
}

/** By method and path, as they are declared. */
export const DETAILS: Readonly<Record<string, Detail>> = {
  [`PUT ${JOBS}`]: submit,
  [`POST ${JOBS}`]: submit,
  [`POST ${JOBS}/bulk`]: {
    description: 'Each is recorded, or fails, by itself; all that are recorded share one write to the disk.',
    body: z.object({ Jobs: z.array(jobSpec).max(MAX_BULK), ...envelope }),
    headers: idempotency,
    answer: bulkAnswer,
  },
  [`PUT ${JOBS}/diff`]: { body: submission, answer: diffAnswer, errors: [404] },
  [`PUT ${JOBS}/:id/rerun`]: { answer: rerunAnswer, errors: [409, 507] },
  [`GET ${JOBS}`]: { answer: jobsAnswer },
  [`GET ${JOBS}/:id`]: {
    description:
      'With `wait` it answers when the job is past `revision` (or the present one), or after so many seconds.',
    answer: jobAnswer,
    errors: [409],
  },
  [`GET ${JOBS}/:id/history`]: { answer: historyAnswer, errors: [409] },
  [`GET ${JOBS}/:id/executions`]: { answer: executionsAnswer, errors: [409] },
  [`GET ${JOBS}/:id/versions`]: { answer: jobsAnswer, errors: [409] },
  [`GET ${JOBS}/:id/results`]: { answer: resultsAnswer, errors: [409] },
  [`GET ${JOBS}/:id/logs`]: {
    description: 'Each message is a document `{"value":{"Type":1,"Line":"…"}}`: Type 1 is stdout, 2 is stderr.',
    socket: true,
    errors: [409],
  },
  [`DELETE ${JOBS}/:id`]: { answer: stopAnswer, errors: [409, 507] },
  'GET /api/v1/orchestrator/events': {
    description:
      'Events: `ready` first, `job` for each change, `history` where asked for, `reset` when something may have been missed. ' +
      'The stream ends after an hour: connect again with the last id.',
    headers: z.object({ 'Last-Event-ID': z.string().optional().describe('Go on after this event.') }),
    errors: [404, 409],
  },
  [`GET ${NODES}`]: { answer: nodesAnswer },
  [`GET ${NODES}/:id`]: { answer: nodeAnswer, errors: [409] },
  [`PUT ${NODES}/:id`]: { answer: changeNodeAnswer, errors: [409, 507] },
  'GET /api/v1/agent/alive': { answer: aliveAnswer },
  'GET /api/v1/agent/version': { answer: versionAnswer },
  'GET /api/v1/agent/node': { answer: agentNodeAnswer },
  'GET /healthz': { answer: aliveAnswer },
  'GET /readyz': {
    description: 'Those who may read about the node are told what is wrong.',
    answer: readyAnswer,
    unready: readyAnswer,
  },
  'GET /api/v1/peer': { answer: peerResponseSchema },
  'GET /api/v1/id': { answer: z.string() },
  'GET /api/v1/node_info': { answer: agentNodeAnswer },
  'PUT /api/v1/agent/peers': {
    description: 'It is tried for ever, also after a restart of the node, until it is removed.',
    errors: [409, 507],
  },
  'DELETE /api/v1/agent/peers': {
    required: { peer: z.string().min(1).max(1_024).describe('Address, ID, or a unique beginning of the ID.') },
    errors: [404, 409, 507],
  },
  'POST /api/v1/agent/peers/ping': {
    description: 'The peer may be named by address, ID, or a unique beginning of the ID of a peer of the node.',
    errors: [404, 409],
  },
  'PUT /api/v1/data': upload,
  'POST /api/v1/data': upload,
  'GET /api/v1/data/ls': { required: { cid: cidPath }, answer: entriesAnswer, errors: [404, 413, 422] },
  'GET /api/v1/data/pins': { answer: pinsAnswer },
  'DELETE /api/v1/data/pins/:cid': { path: { cid }, answer: unpinAnswer, errors: [507] },
  'POST /api/v1/data/gc': { answer: collectAnswer },
  'GET /ipfs/*': {
    description: 'A file, the listing of a folder, or by `format` an archive, a CAR or a block. Ranges are served.',
    path: { path: cidPath },
    errors: [413, 416, 422],
  },
}
