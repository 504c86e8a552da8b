import type { BuildInfo, NodeInfo, PeerResponse } from '@bacalhau/models'
import { shaped } from './shape.ts'
import type { CallOptions, Transport } from './transport.ts'

export interface Agent {
  alive(options?: CallOptions): Promise<void>
  version(options?: CallOptions): Promise<BuildInfo>
  node(options?: CallOptions): Promise<NodeInfo>
  /** The settings in force, as a tree of their names. Secrets are not shown. */
  config(options?: CallOptions): Promise<Readonly<Record<string, unknown>>>
  /** Peer ID of the node, and where peers reach it. */
  peer(options?: CallOptions): Promise<PeerResponse>
}

const alive = shaped<{ Status: string }>({ Status: 'string' })
const version = shaped<BuildInfo>({ GitVersion: 'string' })
const nodeInfo = shaped<NodeInfo>({ NodeID: 'string' })
const config = shaped<{ config: Readonly<Record<string, unknown>> }>({ config: 'object' })
const peer = shaped<PeerResponse>({ ID: 'string', Addresses: 'array' })

export function createAgent(transport: Transport): Agent {
  return {
    async alive(options = {}) {
      await transport.ask('GET', '/api/v1/agent/alive', alive, options)
    },
    version: (options = {}) => transport.ask('GET', '/api/v1/agent/version', version, options),
    node: (options = {}) => transport.ask('GET', '/api/v1/agent/node', nodeInfo, options),
    config: async (options = {}) => (await transport.ask('GET', '/api/v1/agent/config', config, options)).config,
    peer: (options = {}) => transport.ask('GET', '/api/v1/peer', peer, options),
  }
}
