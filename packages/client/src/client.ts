import type {
  BuildInfo,
  ChangeNodeResponse,
  ListNodesResponse,
  NodeAction,
  NodeInfo,
  NodeState,
  PeerResponse,
} from '@bacalhau/models'
import { createData, type Data } from './data.ts'
import { type CallOptions, createJobs, type Jobs } from './jobs.ts'
import { type OpenSocket, openSocket } from './logs.ts'
import { shaped } from './shape.ts'
import { ApiError } from './api-error.ts'
import { createTransport, type Transport, type TransportOptions } from './transport.ts'

export interface ClientOptions extends TransportOptions {
  readonly openSocket?: OpenSocket
}

export interface DecideOptions extends CallOptions {
  /** Why; the operator of the node reads it. */
  readonly message?: string
}

export interface Nodes {
  list(options?: CallOptions): Promise<readonly NodeState[]>
  /** By its id or a unique beginning of it. */
  get(id: string, options?: CallOptions): Promise<NodeState>
  /** Lets a node get work. */
  approve(id: string, options?: DecideOptions): Promise<void>
  /** Gives a node no work any more; what it runs is run elsewhere. */
  reject(id: string, options?: DecideOptions): Promise<void>
  /** Forgets a node and what was decided about it. It may present itself anew. */
  delete(id: string, options?: DecideOptions): Promise<void>
}

export interface Agent {
  alive(options?: CallOptions): Promise<void>
  version(options?: CallOptions): Promise<BuildInfo>
  node(options?: CallOptions): Promise<NodeInfo>
  /** Peer ID of the node, and where peers reach it. */
  peer(options?: CallOptions): Promise<PeerResponse>
}

/** A node, seen through its REST API. Every method throws `ApiError`. */
export interface Client {
  readonly baseUrl: string
  readonly jobs: Jobs
  readonly nodes: Nodes
  readonly agent: Agent
  readonly data: Data
  /**
   * Runs an older spec or a job and gives the CID of its result. One request is held all the time; Node gives up on that after
   * five minutes, so for longer jobs submit and wait instead.
   */
  run(spec: object, options?: CallOptions): Promise<{ readonly cid: string }>
}

const node = shaped<NodeState>({ Info: 'object', Connection: 'string' })
const nodeAnswer = shaped<{ Node: unknown }>({ Node: 'object' })
const nodesAnswer = shaped<ListNodesResponse>({ Nodes: 'array' })
const nodeChanged = shaped<ChangeNodeResponse>({})
const alive = shaped<{ Status: string }>({ Status: 'string' })
const version = shaped<BuildInfo>({ GitVersion: 'string' })
const nodeInfo = shaped<NodeInfo>({ NodeID: 'string' })
const peer = shaped<PeerResponse>({ ID: 'string', Addresses: 'array' })
const ran = shaped<{ cid: string }>({ cid: 'string' })

/** A client of the node at `baseUrl`. Opens no connection before the first call. */
export function createClient(options: ClientOptions): Client {
  const transport = createTransport(options)
  return {
    baseUrl: transport.baseUrl,
    jobs: createJobs(transport, options.openSocket ?? openSocket),
    nodes: createNodes(transport),
    agent: createAgent(transport),
    data: createData(transport),
    run: (spec, { signal } = {}) => transport.ask('POST', '/api/v1/run', ran, { json: spec, signal }),
  }
}

function createNodes(transport: Transport): Nodes {
  const path = '/api/v1/orchestrator/nodes'
  const at = (id: string) => `${path}/${encodeURIComponent(id)}`
  const change =
    (Action: NodeAction) =>
    async (id: string, { message, signal }: DecideOptions = {}) => {
      const json = { Action, Message: message }
      const { Success, Error: problem } = await transport.ask('PUT', at(id), nodeChanged, { json, signal })
      if (!Success) throw new ApiError(200, 'Conflict', problem ?? `the node could not be changed: ${Action}`)
    }
  return {
    list: async ({ signal } = {}) => (await transport.ask('GET', path, nodesAnswer, { signal })).Nodes.map(node),
    get: async (id, { signal } = {}) => node((await transport.ask('GET', at(id), nodeAnswer, { signal })).Node),
    approve: change('approve'),
    reject: change('reject'),
    delete: change('delete'),
  }
}

function createAgent(transport: Transport): Agent {
  return {
    async alive({ signal } = {}) {
      await transport.ask('GET', '/api/v1/agent/alive', alive, { signal })
    },
    version: ({ signal } = {}) => transport.ask('GET', '/api/v1/agent/version', version, { signal }),
    node: ({ signal } = {}) => transport.ask('GET', '/api/v1/agent/node', nodeInfo, { signal }),
    peer: ({ signal } = {}) => transport.ask('GET', '/api/v1/peer', peer, { signal }),
  }
}
