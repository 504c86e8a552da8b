import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { ask, nodeInfo, PEER_ID, temporaryApi, wasmJob } from './testing/api.ts'
import { executionOf } from './testing/execution.ts'

/** Requests as official clients send them, and the whole answers, as their programs read them. */

const JOBS = '/api/v1/orchestrator/jobs'
const NODES = '/api/v1/orchestrator/nodes'
const ID = 'j-00000001-0000-4000-8000-000000000000'
const NEVER = '0001-01-01T00:00:00Z'
const UUID = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/

const job = {
  Name: 'hello',
  Namespace: 'default',
  Type: 'batch',
  Priority: 0,
  Count: 1,
  Constraints: [],
  Meta: {},
  Labels: {},
  Tasks: [
    {
      Name: 'main',
      Engine: { Type: 'wasm', Params: { EntryModule: '/a.wasm' } },
      Publisher: { Type: '' },
      Env: {},
      Meta: {},
      InputSources: [],
      ResultPaths: [],
      Resources: {},
      Network: { Type: 'Default' },
      Timeouts: {},
    },
  ],
  ID,
  State: { StateType: 'Completed', Message: 'all done', Details: {} },
  Version: 1,
  Revision: 2,
  CreateTime: 1,
  ModifyTime: 1,
}
const output = { Stdout: 'hi\n', StdoutTruncated: false, stderr: '', StderrTruncated: false, ExitCode: 0, ErrorMsg: '' }
const result = { Type: 'ipfs', Params: { CID: 'QmResult' } }
const execution = {
  ID: 'e-1',
  Namespace: 'default',
  EvalID: '',
  Name: '',
  NodeID: 'node',
  JobID: ID,
  JobVersion: 1,
  AllocatedResources: { Tasks: {} },
  DesiredState: { StateType: 1 },
  ComputeState: { StateType: 9 },
  PublishedResult: result,
  RunOutput: output,
  PreviousExecution: '',
  NextExecution: '',
  FollowupEvalID: '',
  PartitionIndex: 0,
  Revision: 1,
  CreateTime: 1,
  ModifyTime: 1,
}
const event = (SeqNum: number, Message: string, more: object = {}, Details?: object) => {
  const time = new Date(1_700_000_000_000 + (SeqNum - 1) * 1_000).toISOString()
  return {
    SeqNum,
    Type: 'JobLevel',
    JobID: ID,
    JobVersion: 1,
    ...more,
    Event: { Message, Topic: 'Test', Timestamp: time, ...(Details === undefined ? {} : { Details }) },
    Time: time,
  }
}
const history = [
  event(1, 'Job submitted'),
  event(2, 'Running', { Type: 'ExecutionLevel', ExecutionID: 'e-1' }),
  event(3, 'Completed', {}, { NewState: 'Completed' }),
]
const info = { ...nodeInfo, PeerInfo: { ID: PEER_ID, Addrs: ['/ip4/127.0.0.1/tcp/1235'] } }
const node = {
  Info: nodeInfo,
  Membership: 'APPROVED',
  Connection: 'CONNECTED',
  ConnectionState: {
    Status: 'CONNECTED',
    LastHeartbeat: NEVER,
    ConnectedSince: NEVER,
    DisconnectedSince: NEVER,
    LastError: '',
  },
} as const

async function documented(context: TestContext) {
  const api = await temporaryApi(context)
  await api.client.jobs.submit(wasmJob)
  api.orchestrator.addExecution(executionOf(ID, 'e-1', 'Completed', { RunOutput: output, PublishedResult: result }))
  api.orchestrator.event(ID, 'Running', 'e-1')
  api.orchestrator.become(ID, 'Completed', 'all done')
  api.orchestrator.publish(ID, result)
  api.orchestrator.nodeStates = [node]
  return api
}

const page = (...Items: readonly unknown[]) => ({ NextToken: '', Items })
const failure = (Status: number, Code: string, Component: string, Message: string, Hint?: string) => ({
  Status,
  Message,
  RequestID: '',
  Code,
  Component,
  ...(Hint === undefined ? {} : { Hint }),
})
const notThere = failure(404, 'NotFound', 'JobStore', 'job not found: nope')

/** Method and path, status, and body. */
const GOLDEN: readonly (readonly [request: string, status: number, body: unknown])[] = [
  ['GET /api/v1/agent/alive', 200, { Status: 'OK' }],
  ['GET /api/v1/agent/version', 200, nodeInfo.BacalhauVersion],
  [
    'GET /api/v1/agent/node',
    200,
    { ...info, Approval: 'APPROVED', Info: info, Membership: 'APPROVED', Connection: 'CONNECTED' },
  ],
  [`GET ${JOBS}?limit=10&labels=bacalhau_canary%21%3Dtrue`, 200, page(job)],
  [`GET ${JOBS}?namespace=&limit=5&next_token=&order_by=created_at&reverse=False`, 200, page(job)],
  [`GET ${JOBS}?namespace=other`, 200, page()],
  [
    `GET ${JOBS}?order_by=id`,
    400,
    failure(400, 'BadRequest', 'APIServer', "query parameter 'order_by' must be one of created_at, modified_at"),
  ],
  [`GET ${JOBS}/${ID}`, 200, { Job: job }],
  [`GET ${JOBS}/j-00000001`, 200, { Job: job }],
  [`GET ${JOBS}/hello?include=&limit=10`, 200, { Job: job }],
  [
    `GET ${JOBS}/hello?include=executions%2Chistory`,
    200,
    { Job: job, History: page(...history), Executions: page(execution) },
  ],
  [`GET ${JOBS}/hello?include=Executions,nothing`, 200, { Job: job, Executions: page(execution) }],
  [`GET ${JOBS}/nope`, 404, notThere],
  [`GET ${JOBS}/${ID}/history?event_type=all&limit=10`, 200, page(...history)],
  [`GET ${JOBS}/${ID}/history?event_type=execution&node_id=&execution_id=`, 200, page(history[1])],
  [`GET ${JOBS}/${ID}/history?execution_id=e-1`, 200, page(history[1])],
  [`GET ${JOBS}/${ID}/history?since=1700000002`, 200, page(history[2])],
  [
    `GET ${JOBS}/${ID}/history?event_type=tasks`,
    400,
    failure(400, 'BadRequest', 'APIServer', "query parameter 'event_type' must be one of all, job, execution"),
  ],
  [`GET ${JOBS}/${ID}/executions?limit=20&order_by=&reverse=False&next_token=`, 200, page(execution)],
  [`GET ${JOBS}/${ID}/versions`, 200, page(job)],
  [`GET ${JOBS}/${ID}/results`, 200, page(result)],
  [`GET ${JOBS}/nope/results`, 404, notThere],
  [`GET ${NODES}?limit=10000`, 200, { NextToken: '', Nodes: [node] }],
  [`GET ${NODES}?filter-approval=pending`, 200, { NextToken: '', Nodes: [] }],
  [`GET ${NODES}/${PEER_ID.slice(0, 8)}`, 200, { Node: node }],
  [`GET ${NODES}/QmX`, 404, failure(404, 'NotFound', 'NodesManager', 'node not found: QmX')],
]

describe('golden answers', () => {
  for (const [request, status, body] of GOLDEN) {
    test(request, async (context) => {
      const { url } = await documented(context)
      const [method = '', path = ''] = request.split(' ')
      const answer = await ask(`${url}${path}`, { method })
      assert.deepEqual([answer.status, answer.body], [status, body])
      assert.equal(answer.headers.get('content-type'), 'application/json')
      assert.equal(answer.headers.get('x-bacalhau-git-version'), nodeInfo.BacalhauVersion.GitVersion)
    })
  }
})

/** Writes, of whose answers only the evaluation is random. */
const WRITES: readonly (readonly [request: string, body: unknown, status: number, answer: object])[] = [
  [
    `PUT ${JOBS}`,
    { Namespace: '', Credential: null, IdempotencyToken: '', Job: { ...wasmJob, Name: 'new' }, Force: false },
    200,
    { JobID: 'j-00000002-0000-4000-8000-000000000000', Warnings: null },
  ],
  [
    `POST ${JOBS}`,
    { Job: { ...wasmJob, Name: '', State: { StateType: 'Undefined', Message: '' }, Version: 7, ID: 'mine' } },
    200,
    {
      JobID: 'j-00000002-0000-4000-8000-000000000000',
      Warnings: ['job version is ignored when submitting a job', 'job ID is ignored when submitting a batch job'],
    },
  ],
  [
    `PUT ${JOBS}`,
    {},
    400,
    failure(400, 'ValidationError', 'APIServer', 'empty/nil job', 'Correct the named field and submit again.'),
  ],
  [`PUT ${JOBS}`, { Job: wasmJob }, 409, failure(409, 'Conflict', 'APIServer', 'no changes detected')],
  [`PUT ${JOBS}/diff`, { Job: { ...wasmJob, Count: 3 } }, 200, { Diff: '- Count: 1\n+ Count: 3', Warnings: null }],
  [`PUT ${JOBS}/diff`, { Job: wasmJob }, 200, { Diff: '', Warnings: null }],
  [
    `PUT ${JOBS}/diff`,
    { Job: { ...wasmJob, Name: '' } },
    400,
    failure(400, 'BadRequest', 'APIServer', 'invalid job spec: name is missing'),
  ],
  [
    `PUT ${JOBS}/diff`,
    { Job: { ...wasmJob, Name: 'x' } },
    404,
    failure(404, 'NotFound', 'JobStore', 'job name index not found: x:default'),
  ],
  [
    `PUT ${JOBS}/${ID}/rerun`,
    { Namespace: '', Credential: null, IdempotencyToken: '', JobVersion: 0, Reason: '' },
    200,
    { JobID: ID, JobVersion: 2, Warnings: null },
  ],
  [`DELETE ${JOBS}/${ID}`, { Namespace: '', Credential: null, IdempotencyToken: '', reason: 'enough' }, 200, {}],
  [`DELETE ${JOBS}/${ID}?reason=User%20requested%20stop`, undefined, 200, {}],
  [
    `PUT ${NODES}/${PEER_ID}`,
    { Action: 'reject', Message: '', NodeID: PEER_ID, Credential: null },
    200,
    { Success: true },
  ],
  [
    `PUT ${NODES}/${PEER_ID}`,
    { Action: 'approve' },
    409,
    failure(409, 'Conflict', 'NodesManager', `node ${PEER_ID} already approved`),
  ],
]

describe('golden answers to writes', () => {
  for (const [request, body, status, expected] of WRITES) {
    test(`${request} ${status} ${JSON.stringify(body)?.slice(0, 40) ?? ''}`, async (context) => {
      const { url } = await documented(context)
      const [method = '', path = ''] = request.split(' ')
      const content = { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
      const answer = await ask(`${url}${path}`, { method, ...(body === undefined ? {} : content) })
      const { EvaluationID, ...rest } = answer.body as { EvaluationID?: string }
      assert.deepEqual([answer.status, rest], [status, expected])
      const evaluated = status === 200 && !path.startsWith(NODES) && !path.endsWith('/diff')
      if (evaluated) assert.match(EvaluationID ?? '', UUID)
      else assert.equal(EvaluationID, undefined)
    })
  }
})
