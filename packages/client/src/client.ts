import { type Agent, createAgent } from './agent.ts'
import { createData, type Data } from './data.ts'
import { createJobs, type Jobs } from './jobs.ts'
import { createNodes, type Nodes } from './nodes.ts'
import { createPeers, type Peers } from './peers.ts'
import { shaped } from './shape.ts'
import { createTokens, type Tokens } from './tokens.ts'
import { type CallOptions, createTransport, type TransportOptions } from './transport.ts'

export type ClientOptions = TransportOptions

/** A node, seen through its REST API. Every method throws `ApiError`. */
export interface Client {
  readonly baseUrl: string
  readonly jobs: Jobs
  readonly nodes: Nodes
  readonly agent: Agent
  readonly data: Data
  readonly tokens: Tokens
  readonly peers: Peers
  /**
   * Runs an older spec or a job and gives the CID of its result. One request is held all the time; Node gives up on that after
   * five minutes, so for longer jobs submit and wait instead.
   */
  run(spec: object, options?: CallOptions): Promise<{ readonly cid: string }>
}

const ran = shaped<{ cid: string }>({ cid: 'string' })

/**
 * A client of the node at `baseUrl`. Opens no connection before the first call. A program that needs only a part of it makes
 * that from a transport: `createJobs(createTransport({ baseUrl }))`.
 */
export function createClient(options: ClientOptions): Client {
  const transport = createTransport(options)
  return {
    baseUrl: transport.baseUrl,
    jobs: createJobs(transport),
    nodes: createNodes(transport),
    agent: createAgent(transport),
    data: createData(transport),
    tokens: createTokens(transport),
    peers: createPeers(transport),
    run: (spec, call = {}) => transport.ask('POST', '/api/v1/run', ran, { json: spec, timeout: Infinity, ...call }),
  }
}
